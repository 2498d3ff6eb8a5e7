import importlib

import numpy as np
import pytest

from benchmarks import contenders
from tests.benchmarks.contenders import reference

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytorch = importlib.import_module("benchmarks.contenders.pytorch")

VARIANTS = contenders.ENTRIES["pytorch"].variants


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    """Several would wait for each other where other tests have the cores."""
    monkeypatch.setattr(pytorch.os, "cpu_count", lambda: 1)


@pytest.fixture(scope="module", params=reference.MODELS)
def ours(request):
    return reference.make(request.param)


def lstm(layer, name, reader=0):
    """Pairs of a parameter, and a function that finds its like in ours."""
    return [
        (layer.weight_ih_l0, lambda w: w[f"{name}/kernel"][reader].T),
        (layer.weight_hh_l0, lambda w: w[f"{name}/recurrent_kernel"][reader].T),
        (layer.bias_ih_l0, lambda w: w[f"{name}/bias"][reader]),
    ]


def pairs_of(model):
    pairs = [(model.embedding.weight, lambda w: w["word_embedding/table"])]
    if isinstance(model, pytorch.ConditionalLel):
        for own, prefix in ((model.seq1, "seq1_"), (model.seq2, "")):
            for layer, name in zip(own, ("forward", "backward"), strict=True):
                pairs += lstm(layer, f"shared_encoder/{prefix}{name}")
        for task, layer in enumerate(model.task_layers):
            pairs += [
                (layer.weight, lambda w, t=task: w["task_layer/kernel"][t].T),
                (layer.bias, lambda w, t=task: w["task_layer/bias"][t]),
            ]
        pairs.append(
            (model.labels.weight, lambda w: w["label_embedding/table"])
        )
        return pairs
    pairs += lstm(model.shared, "shared_encoder/lstm_0")
    for task, layer in enumerate(model.private):
        pairs += lstm(layer, "private_encoder/lstm_0", task)
    for task, layer in enumerate(model.outputs):
        rows = reference.rows_of_task(task)
        pairs += [
            (layer.weight, lambda w, r=rows: w["softmax_output/kernel"][r]),
            (layer.bias, lambda w, r=rows: w["softmax_output/bias"][r]),
        ]
    layer = model.discriminator
    return [
        *pairs,
        (layer.weight, lambda w: w["task_discriminator/kernel"]),
        (layer.bias, lambda w: w["task_discriminator/bias"]),
    ]


def make(ours, variant, **changes):
    """The peer with our weights, and the pairs."""
    contender = pytorch.Contender(ours.problem | changes, variant)
    pairs = pairs_of(contender.model)
    # PyTorch adds two biases up: one of them is ours, the other is 0.
    second = [
        parameter
        for name, parameter in contender.model.named_parameters()
        if name.endswith("bias_hh_l0")
    ]
    parameters = list(contender.model.parameters())
    assert len(pairs) + len(second) == len(parameters)
    with torch.no_grad():
        for parameter in second:
            parameter.zero_()
        for parameter, find in pairs:
            parameter.copy_(torch.tensor(find(ours.weights)))
    return contender, pairs


@pytest.mark.parametrize("variant", VARIANTS)
def test_loss_and_gradients_are_ours(ours, variant):
    contender, pairs = make(ours, variant)
    loss = contender.loss(contender.convert(ours.groups))
    assert loss.item() == pytest.approx(ours.loss, rel=1e-5)
    loss.backward()
    for parameter, find in pairs:
        gradient = parameter.grad
        if gradient.is_sparse:
            gradient = gradient.to_dense()
        expected = find(ours.gradients)
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_learns_what_it_is_shown(ours, variant):
    contender, _ = make(ours, variant)
    groups = contender.convert(ours.groups)
    before = contender.step(groups)
    if not variant.startswith("task"):
        assert before == pytest.approx(ours.loss, rel=1e-5)
    for _ in range(20):
        after = contender.step(groups)
    assert after < before


@pytest.mark.parametrize(
    ("variant", "calls"), [("joint/padded", 3), ("joint_at_once/padded", 1)]
)
def test_shared_lstm_reads_groups_one_by_one_or_at_once(ours, variant, calls):
    contender, _ = make(ours, variant)
    model, called = contender.model, []
    of_asp_mtl = isinstance(model, pytorch.AspMtl)
    shared = model.shared if of_asp_mtl else model.seq2[0]
    shared.register_forward_hook(lambda *_: called.append(None))
    contender.step(contender.convert(ours.groups))
    assert len(called) == calls


def test_bfloat16_is_near_and_not_the_same(ours):
    contender, _ = make(ours, "joint/padded", precision="bfloat16")
    loss = contender.loss(contender.convert(ours.groups)).item()
    assert loss != pytest.approx(ours.loss, rel=1e-5)
    assert loss == pytest.approx(ours.loss, rel=5e-2)


def test_word_vectors_may_be_fixed(ours):
    config = ours.problem["config"] | {"train_word_vectors": False}
    contender, _ = make(ours, "joint/padded", config=config)
    table = contender.model.embedding.weight
    before = table.detach().clone()
    contender.step(contender.convert(ours.groups))
    assert torch.equal(table, before)


def test_tokens_that_are_computed():
    problem = reference.make("asp_mtl").problem
    groups = [
        {"tokens": np.ones((2, 3)), "lengths": np.array([3, 1])},
        {"tokens": np.ones((2, 5)), "lengths": np.array([5, 5])},
    ]
    expected = {
        "joint/padded": 2 * 3 + 2 * 5,
        "task/packed": 3 + 1 + 5 + 5,
        # The shared LSTM pads all four texts to 5 tokens.
        "joint_at_once/padded": (16 + 4 * 5) // 2,
    }
    for variant, tokens in expected.items():
        contender = pytorch.Contender(problem, variant)
        assert contender.computed(groups) == tokens


def test_of_pairs_seq1_is_packed():
    problem = reference.make("conditional_lel").problem
    groups = [
        {
            "tokens": np.ones((2, 3)),
            "lengths": np.array([3, 1]),
            "seq1": np.ones((2, 7)),
            "seq1_lengths": np.array([7, 2]),
        },
        {
            "tokens": np.ones((2, 4)),
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
    for variant, tokens in expected.items():
        contender = pytorch.Contender(problem, variant)
        assert contender.computed(groups) == tokens


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
