"""The peer in PyTorch; it runs in processes without TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import contenders
from tests.benchmarks.contenders import reference

pytestmark = pytest.mark.skipif(
    # It is not imported here, beside TensorFlow.
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed; the extra `benchmark` brings it",
)

VARIANTS = contenders.ENTRIES["pytorch"].variants
STEPS = 21


def ask(folder, questions):
    """Returns the answer of a process with PyTorch to each question."""
    request, response = folder / "questions.json", folder / "results.json"
    request.write_text(json.dumps(questions, default=to_lists), "utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m"),
            "tests.benchmarks.contenders.pytorch_process",
            *map(str, (request, response)),
        ],
        # Bazel hands its modules over on sys.path alone.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(response.read_text("utf-8"))


def to_lists(array):
    return array.tolist()


@pytest.fixture(scope="module", params=reference.MODELS)
def ours(request):
    return reference.make(request.param)


@pytest.fixture(scope="module")
def results(ours, tmp_path_factory):
    """What the peer makes of our batch and our weights, by question."""

    def train(variant, steps=1, **changes):
        return {
            "function": "train",
            "problem": ours.problem | changes,
            "variant": variant,
            "weights": ours.weights,
            "groups": ours.groups,
            "steps": steps,
        }

    config = ours.problem["config"] | {"train_word_vectors": False}
    questions = {variant: train(variant, STEPS) for variant in VARIANTS}
    questions |= {
        "bfloat16": train("joint/padded", precision="bfloat16"),
        "fixed": train("joint/padded", config=config),
        "gradients": {
            "function": "expected",
            "problem": ours.problem,
            "arrays": ours.gradients,
        },
        "modules": {"function": "modules"},
    }
    results = ask(tmp_path_factory.mktemp("pytorch"), [*questions.values()])
    return dict(zip(questions, results, strict=True))


def test_contender_runs_without_tensorflow(results):
    assert "torch" in results["modules"]
    assert not {"tensorflow", "keras"} & set(results["modules"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_loss_and_gradients_are_ours(ours, results, variant):
    assert results[variant]["loss"] == pytest.approx(ours.loss, rel=1e-5)
    for gradient, expected in zip(
        results[variant]["gradients"], results["gradients"], strict=True
    ):
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_contender_learns(ours, results, variant):
    losses = results[variant]["steps"]
    assert len(losses) == STEPS
    if not variant.startswith("task_ids"):
        assert losses[0] == pytest.approx(ours.loss, rel=1e-5)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("variant", "calls"), [("joint/padded", 3), ("joint_at_once/padded", 1)]
)
def test_shared_lstm_reads_groups_separately_or_together(
    results, variant, calls
):
    assert results[variant]["calls"] == calls


def test_bfloat16_is_close_but_not_equal(ours, results):
    loss = results["bfloat16"]["loss"]
    assert loss != pytest.approx(ours.loss, rel=1e-5)
    assert loss == pytest.approx(ours.loss, rel=5e-2)


def test_word_vectors_can_be_frozen(results):
    assert results["joint/padded"]["table_changed"]
    assert not results["fixed"]["table_changed"]


def computed(folder, model, groups, variants):
    """Tokens that the peer computes of groups, by variant."""
    problem = reference.make(model).problem
    questions = [
        {
            "function": "computed",
            "problem": problem,
            "variant": variant,
            "groups": groups,
        }
        for variant in variants
    ]
    return dict(zip(variants, ask(folder, questions), strict=True))


def test_computed_tokens_include_padding(tmp_path):
    groups = [
        {"token_ids": np.ones((2, 3)), "lengths": np.array([3, 1])},
        {"token_ids": np.ones((2, 5)), "lengths": np.array([5, 5])},
    ]
    expected = {
        "joint/padded": 2 * 3 + 2 * 5,
        "task/packed": 3 + 1 + 5 + 5,
        # The shared LSTM pads all four texts to 5 tokens.
        "joint_at_once/padded": (16 + 4 * 5) // 2,
    }
    assert computed(tmp_path, "asp_mtl", groups, expected) == expected


def test_seq1_of_pairs_is_packed(tmp_path):
    groups = [
        {
            "token_ids": np.ones((2, 3)),
            "lengths": np.array([3, 1]),
            "seq1": np.ones((2, 7)),
            "seq1_lengths": np.array([7, 2]),
        },
        {
            "token_ids": np.ones((2, 4)),
            "lengths": np.array([4, 4]),
            "seq1": np.ones((2, 1)),
            "seq1_lengths": np.array([1, 1]),
        },
    ]
    expected = {
        "joint/padded": 6 + 9 + 8 + 2,
        "task/packed": 4 + 9 + 8 + 2,
        "joint_at_once/padded": 4 * 4 + 9 + 2,
    }
    assert computed(tmp_path, "conditional_lel", groups, expected) == expected


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
