"""A model that classifies a text by its length, and files for its input."""

import json

import numpy as np

from mtl_tf.config import command as command_lib
from mtl_tf.data import tasks
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.serving import batch_prediction

MOOD = tasks.Task("mood", ("bad", "mixed", "good"))
ANSWERS = tasks.Task("answers", ("no", "yes"), pair=True)


class LengthModel:
    """Predicts the label whose index is the length of a text, modulo labels."""

    def __init__(self):
        self.calls = []
        self.outputs = set()

    def task(self, name, output):
        if output == "label_transfer" and name == "answers":
            raise ValueError("task answers has no output 'label_transfer'")
        return {"mood": MOOD, "answers": ANSWERS}[name]

    def predict(self, name, texts, output):
        self.calls.append(list(texts))
        self.outputs.add(output)
        task = self.task(name, output)
        num_classes = len(task.labels)
        lengths = [len("".join(text)) % num_classes for text in texts]
        # 0.9 for the label; the other labels share 0.1.
        probabilities = np.full(
            (len(texts), num_classes), 0.1 / (num_classes - 1)
        )
        probabilities[np.arange(len(texts)), lengths] = 0.9
        return predictions_lib.Predictions(
            task, probabilities.astype(np.float32)
        )


def predict(model, tmp_path, name, content, task="mood", **settings):
    """Writes an input file, predicts, and returns the predictions."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    message = batch_prediction.predict(
        model,
        command_lib.Command(
            mode="predict",
            task=task,
            input=str(path),
            output=str(tmp_path / "new" / "out.jsonl"),
            **settings,
        ),
    )
    lines = (tmp_path / "new" / "out.jsonl").read_text(encoding="utf-8")
    count = lines.count("\n")
    predictions = "1 prediction" if count == 1 else f"{count} predictions"
    assert message == f"{predictions} in {tmp_path}/new/out.jsonl"
    return [json.loads(line) for line in lines.splitlines()]


def evaluate(model, tmp_path, content, name="a.tsv", **settings):
    """Writes an input file, scores it, and returns the print and the file."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    command = command_lib.Command(
        **{
            "mode": "evaluate",
            "task": "mood",
            "input": str(path),
            "output": str(tmp_path / "scores.json"),
            **settings,
        }
    )
    output = batch_prediction.evaluate(model, command)
    return output, json.loads((tmp_path / "scores.json").read_text())
