"""Texts and pairs of texts, as callers give them."""

from collections.abc import Sequence

import tensorflow as tf

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.utils import arguments


def split(
    texts: Sequence[str | bytes | Sequence[str | bytes]],
    task: tasks_lib.Task | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Splits texts or pairs into seq1 and seq2, string [texts] each.

    Args:
      texts: texts or pairs.
      task: the task, which determines which of both is allowed; None: both.

    Raises:
      ValueError: if an entry is neither, or not what the task needs.
    """
    seq1, seq2 = [], []
    for index, entry in enumerate(arguments.as_list("texts", texts)):
        pair = ("", entry) if isinstance(entry, str | bytes) else entry
        if not (
            isinstance(pair, tuple | list)
            and len(pair) == 2
            and all(isinstance(text, str | bytes) for text in pair)
        ):
            raise ValueError(
                f"texts[{index}]: expected a text or a pair (seq1, seq2), "
                f"got {entry!r:.80}"
            )
        if task is not None and task.pair == (pair is not entry):
            raise ValueError(
                f"texts[{index}]: expected "
                + ("a pair (seq1, seq2)" if task.pair else "a single text")
                + f" for task {task.name}, got {entry!r:.80}"
            )
        seq1.append(_to_bytes(pair[0]))
        seq2.append(_to_bytes(pair[1]))
    return tf.constant(seq1, tf.string), tf.constant(seq2, tf.string)


def _to_bytes(text):
    """Encodes as UTF-8; lone surrogates, which JSON allows, are kept."""
    if isinstance(text, bytes):
        return text
    return text.encode("utf-8", "surrogatepass")
