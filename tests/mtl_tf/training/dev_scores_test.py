import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.training import dev_scores
from tests.helpers import fake_training

_TASKS = (
    tasks_lib.Task("a", ("no", "yes")),
    tasks_lib.Task("b", ("no", "yes", "maybe"), "macro_f1"),
)


class Predictor:
    """Fake predictions, of which splits are the names of their tasks."""

    def __init__(self):
        self.calls = []

    def predict(self, split):
        self.calls.append(("main", split))
        score, loss = {"a": (0.25, 0.5), "b": (0.5, 1.5)}[split]
        return fake_training.Predictions(score, loss)

    def predict_all(self, split):
        predictions = {"main": self.predict(split)}
        if split == "b":
            transfer = fake_training.Predictions(0.75, 0.5)
            predictions["label_transfer"] = transfer
        return predictions


def make_scorer(main_task=""):
    return dev_scores.DevScorer(_TASKS, ["a", "b"], Predictor(), main_task)


def test_all_tasks_are_followed_without_a_main_task():
    scorer = make_scorer()
    dev = scorer.score(with_transfer=False)
    # Accuracy of a is 1 - 0.25, macro F1 of b 0.5.
    assert dev == {
        "average": (0.75 + 0.5) / 2,
        "tasks": {
            "a": {"accuracy": 0.75, "macro_f1": 0.25, "n": 4, "loss": 0.5},
            "b": {"accuracy": 0.5, "macro_f1": 0.5, "n": 4, "loss": 1.5},
        },
    }
    assert scorer.followed(dev) == ((0.75 + 0.5) / 2, (0.5 + 1.5) / 2)
    assert scorer.accuracy(dev) == (0.75 + 0.5) / 2


def test_main_task_is_followed():
    scorer = make_scorer("b")
    dev = scorer.score(with_transfer=False)
    assert list(dev["tasks"]) == ["a", "b"]
    assert scorer.followed(dev) == (0.5, 1.5)
    assert scorer.accuracy(dev) == 0.5


def test_mean_of_main_model_and_label_transfer_is_followed():
    scorer = make_scorer("b")
    dev = scorer.score(with_transfer=True)
    assert dev["tasks"]["b"]["macro_f1"] == 0.5
    assert dev["label_transfer"]["macro_f1"] == 0.75
    assert scorer.followed(dev) == ((0.5 + 0.75) / 2, (1.5 + 0.5) / 2)
    # The drop criterion uses the main model only.
    assert scorer.accuracy(dev) == 0.5


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
