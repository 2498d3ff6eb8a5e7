import numpy as np
import pytest
import tensorflow as tf

from benchmarks.contenders import plain_keras
from tests.benchmarks.contenders import reference


@pytest.fixture(scope="module", params=reference.MODELS)
def ours(request):
    return reference.make(request.param)


def lstm(layer, name, reader=0):
    """Pairs of a variable, and a function that finds its like in ours."""
    return [
        (variable, lambda w, n=f"{name}/{part}": w[n][reader])
        for variable, part in zip(
            layer.trainable_variables,
            ("kernel", "recurrent_kernel", "bias"),
            strict=True,
        )
    ]


def pairs_of(model):
    pairs = [(model.embedding.embeddings, lambda w: w["word_embedding/table"])]
    if isinstance(model, plain_keras.ConditionalLel):
        for layer, prefix in ((model.seq1, "seq1_"), (model.seq2, "")):
            for own, name in (
                (layer.forward_layer, "forward"),
                (layer.backward_layer, "backward"),
            ):
                pairs += lstm(own, f"encoder/shared_encoder/{prefix}{name}")
        for task, layer in enumerate(model.task_layers):
            pairs += [
                (
                    layer.kernel,
                    lambda w, t=task: w["head/task_layer/kernel"][t],
                ),
                (layer.bias, lambda w, t=task: w["head/task_layer/bias"][t]),
            ]
        table = (
            model.labels.kernel,
            lambda w: w["head/label_embedding/table"].T,
        )
        return [*pairs, table]
    pairs += lstm(model.shared, "encoder/shared_encoder/lstm_0")
    for task, layer in enumerate(model.private):
        pairs += lstm(layer, "encoder/private_encoder/lstm_0", task)
    for task, layer in enumerate(model.outputs):
        rows = reference.rows_of_task(task)
        pairs += [
            (
                layer.kernel,
                lambda w, r=rows: w["head/softmax_head/kernel"][r].T,
            ),
            (layer.bias, lambda w, r=rows: w["head/softmax_head/bias"][r]),
        ]
    layer = model.discriminator
    return [
        *pairs,
        (layer.kernel, lambda w: w["task_discriminator/kernel"].T),
        (layer.bias, lambda w: w["task_discriminator/bias"]),
    ]


def make(ours):
    """The peer with our weights, and the pairs."""
    contender = plain_keras.Contender(ours.problem, "tensorflow_threads")
    pairs = pairs_of(contender.model)
    for variable, find in pairs:
        variable.assign(find(ours.weights))
    return contender, pairs


def test_loss_and_gradients_are_ours(ours):
    contender, pairs = make(ours)
    variables = [variable.value for variable, _ in pairs]
    with tf.GradientTape() as tape:
        loss = contender.loss(contender.convert(ours.groups))
    assert float(loss) == pytest.approx(ours.loss, rel=1e-5)
    gradients = tape.gradient(loss, variables)
    for gradient, (_, find) in zip(gradients, pairs, strict=True):
        np.testing.assert_allclose(
            tf.convert_to_tensor(gradient),
            find(ours.gradients),
            rtol=1e-4,
            atol=1e-6,
        )


def test_step_trains_all_tasks_and_shared_weights(ours):
    contender, pairs = make(ours)
    groups = contender.convert(ours.groups)
    start = [variable.numpy() for variable, _ in pairs]
    before = contender.step(groups)
    for (variable, _), old in zip(pairs, start, strict=True):
        assert not np.array_equal(variable.numpy(), old), variable.path
    for _ in range(10):
        after = contender.step(groups)
    assert after < before


def test_computed_tokens_include_padding(ours):
    contender, _ = make(ours)
    expected = sum(
        group[name].size
        for group in ours.groups
        for name in ("token_ids", "seq1")
        if name in group
    )
    assert contender.computed(ours.groups) == expected


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
