"""The forms of a recurrence: one for CPUs, one for accelerators.

Both compute the same states of the same weights, from packed rows to packed
rows. A run may change from one to the other wherever it resumes.
"""

import tensorflow as tf

# packed: a loop over packed rows (`lstm_loops`). It computes no padding, and
#   has many small operations, as suits a CPU.
# scan: a loop over padded texts, compiled by XLA (`lstm_scan`). It has few
#   operations, as suits an accelerator, which takes about as long to start one
#   as to run it.
# auto: scan where TensorFlow sees a GPU, packed elsewhere.
RECURRENCES = ("auto", "packed", "scan")


def choose(name: str) -> str:
    """Returns the form for this machine, `packed` or `scan`.

    Args:
      name: one of `RECURRENCES`.

    Raises:
      ValueError: if there is no such form.
    """
    if name not in RECURRENCES:
        raise ValueError(
            f"recurrence: expected one of {RECURRENCES}, got {name!r}"
        )
    if name == "auto":
        return "scan" if tf.config.get_visible_devices("GPU") else "packed"
    return name
