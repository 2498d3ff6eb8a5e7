"""A model that answers by the length of a text, and files for it to read."""

import json

import numpy as np

from mtl_tf.config import command as command_lib
from mtl_tf.data import tasks
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.serving import batch_prediction

MOOD = tasks.Task("mood", ("bad", "mixed", "good"))
ANSWERS = tasks.Task("answers", ("no", "yes"), pair=True)


class LengthModel:
    """Says of a text the label that its length names, modulo the labels."""

    def __init__(self):
        self.calls = []
        self.asked = set()

    def task(self, name, output):
        if output == "label_transfer" and name == "answers":
            raise ValueError("task answers has no output 'label_transfer'")
        return {"mood": MOOD, "answers": ANSWERS}[name]

    def predict(self, name, texts, output):
        self.calls.append(list(texts))
        self.asked.add(output)
        task = self.task(name, output)
        labels = len(task.labels)
        lengths = [len("".join(text)) % labels for text in texts]
        # .9 for the label, the rest for the others alike.
        probabilities = np.full((len(texts), labels), 0.1 / (labels - 1))
        probabilities[np.arange(len(texts)), lengths] = 0.9
        return predictions_lib.Predictions(
            task, probabilities.astype(np.float32)
        )


def ask(model, tmp_path, name, content, task="mood", **settings):
    """Writes an input file, predicts, and returns the answers."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    said = batch_prediction.predict(
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
    answers = "1 answer" if count == 1 else f"{count} answers"
    assert said == f"{answers} in {tmp_path}/new/out.jsonl"
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
    said = batch_prediction.evaluate(model, command)
    return said, json.loads((tmp_path / "scores.json").read_text())
