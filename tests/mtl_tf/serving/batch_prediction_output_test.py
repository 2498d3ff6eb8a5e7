"""What --mode=predict writes, whatever the labels and the time."""

import json

import numpy as np
import pytest
from absl import logging

from mtl_tf.config import command as command_lib
from mtl_tf.data import tasks
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.serving import batch_prediction

ODD = ("bad\u2028\n", "\u202emixed", "good\t")


class OddModel:
    """Answers the texts with each of the labels in turn."""

    def task(self, name, output):
        del output
        return tasks.Task(name, ODD)

    def predict(self, name, texts, output):
        turns = np.arange(len(texts)) % len(ODD)
        return predictions_lib.Predictions(
            self.task(name, output), np.eye(3)[turns]
        )


@pytest.fixture
def written(tmp_path):
    """Answers a text; returns the text of the file of answers."""

    def write(texts):
        path = tmp_path / "texts.txt"
        path.write_text(texts, encoding="utf-8")
        output = tmp_path / "out.jsonl"
        batch_prediction.predict(
            OddModel(),
            command_lib.Command(
                mode="predict", task="t", input=str(path), output=str(output)
            ),
        )
        return output.read_text(encoding="utf-8")

    return write


def test_output_has_one_line_per_text(written):
    text = written("a\nb\nc\n")
    actual = [json.loads(line)["predicted"] for line in text.splitlines()]
    assert actual == list(ODD)
    assert {x for x in text if not x.isprintable()} == {"\n"}


def test_speed_is_logged(written, monkeypatch, caplog):
    times = iter([10.0, 12.5])
    monkeypatch.setattr(
        batch_prediction.time, "perf_counter", lambda: next(times)
    )
    with caplog.at_level("INFO", logger=logging.get_absl_logger().name):
        written("a\n")
    assert caplog.messages == ["1 text in 2.5 s, 0.4 per second"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
