"""Predicts labels of texts with an exported model.

    python examples/call_export.py runs/vader_asp_mtl/export tweets "what a day"

TASK_label_transfer selects the label transfer network of a task that has one.
For a task of pairs, the arguments are seq1 seq2 seq1 seq2 ... The program needs
tensorflow and tensorflow_text alone: it can be copied together with the export.
"""

import os
import sys

import tensorflow as tf
import tensorflow_text  # noqa: F401, the tokenizer's ops


def main(export_dir: str, task: str, *texts: str) -> None:
    """Prints the label and probabilities of each text on a line."""
    if not tf.saved_model.contains_saved_model(export_dir):
        sys.exit(f"{export_dir} contains no SavedModel")
    model = tf.saved_model.load(export_dir)
    if f"serve_{task}" not in model.signatures:
        tasks = [
            name.removeprefix("serve_")
            for name in model.signatures
            if name.startswith("serve_")
        ]
        sys.exit(f"there is no task {task!r}; its tasks are {', '.join(tasks)}")
    # The bytes of the command line, independent of the locale.
    encoded = [os.fsencode(text) for text in texts]
    signature = model.signatures[f"serve_{task}"]
    _, inputs = signature.structured_input_signature
    if "text" in inputs:
        arguments = {"text": tf.constant(encoded)}
    elif len(texts) % 2:
        sys.exit(f"task {task} is of pairs: expected seq1 and seq2 of each")
    else:
        arguments = {
            "seq1": tf.constant(encoded[::2]),
            "seq2": tf.constant(encoded[1::2]),
        }
    outputs = signature(**arguments)
    for label, labels, probabilities in zip(
        outputs["label"].numpy(),
        outputs["labels"].numpy(),
        outputs["probabilities"].numpy(),
        strict=True,
    ):
        by_label = ", ".join(
            f"{name.decode()} {probability:.3f}"
            for name, probability in zip(labels, probabilities, strict=True)
        )
        print(f"{label.decode()} ({by_label})")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit("call_export.py EXPORT_DIR TASK TEXT...")
    # Labels may have characters that the terminal's encoding lacks.
    sys.stdout.reconfigure(errors="backslashreplace")
    main(*sys.argv[1:])
