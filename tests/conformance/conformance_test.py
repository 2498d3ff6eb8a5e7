"""Properties that every layer and every model has."""

import inspect
import json
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.training import optimizers
from tests.conformance import subject as subject_lib
from tests.conformance import subjects
from tests.helpers import preloaded_python

every = pytest.mark.parametrize(
    "subject", [*subjects.LAYERS, *subjects.MODELS], ids=str
)
every_layer_and_some_models = pytest.mark.parametrize(
    "subject", subjects.SOME, ids=str
)
every_layer = pytest.mark.parametrize("subject", subjects.LAYERS, ids=str)
some_models = pytest.mark.parametrize("subject", subjects.SOME_MODELS, ids=str)


@pytest.fixture(autouse=True, scope="module")
def _release():
    """Releases the layers and models: a process runs many files."""
    yield
    for subject in (*subjects.LAYERS, *subjects.MODELS):
        subject.release()


def assert_equal(actual, expected, tolerance=0.0):
    """Asserts that two dicts of arrays are equal, up to a tolerance."""
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        assert np.isfinite(array).all(), name
        difference = abs(actual[name] - array).max(initial=0)
        assert difference <= tolerance, f"{name}: {difference}"


@every
def test_shapes_and_dtypes(subject):
    outputs = subject.call(subject.built, subject_lib.batch())
    assert {k: tuple(v.shape) for k, v in outputs.items()} == subject.shapes
    assert {v.dtype for v in outputs.values()} == {tf.float32}


@every_layer_and_some_models
def test_symbolic_call_equals_eager_call(subject):
    symbolic = subject.symbolic
    for name, output in symbolic.output.items():
        assert output.dtype == "float32"
        # The number of axes is static, and so is the size of the last one.
        assert len(output.shape) == len(subject.shapes[name])
        assert output.shape[-1] == subject.shapes[name][-1]
    assert_equal(
        subject.outputs(symbolic, subject_lib.batch()), subject.expected
    )


@every_layer
def test_config_contains_every_argument(subject):
    layer = subject.built
    config = layer.get_config()
    for parent in type(layer).__mro__:
        if parent.__module__.startswith("mtl_tf."):
            arguments = set(inspect.signature(parent.__init__).parameters)
            assert arguments - {"self", "args", "kwargs"} <= set(config)


@every_layer_and_some_models
def test_config_round_trip(subject):
    layer, batch = subject.built, subject_lib.batch()
    copy = type(layer).from_config(layer.get_config())
    assert json.dumps(copy.get_config()) == json.dumps(layer.get_config())
    if not copy.built:
        subject.call(copy, batch)
    copy.set_weights(layer.get_weights())
    assert_equal(subject.outputs(copy, batch), subject.expected)


LOAD = """
import sys
import keras
import numpy as np
from tests.conformance import subject as subject_lib
from tests.conformance import subjects

folder = sys.argv[1]
for index, subject in enumerate(subjects.SOME):
    model = keras.models.load_model(f"{folder}/{index}.keras")
    outputs = subject.outputs(model, subject_lib.batch())
    np.savez(f"{folder}/{index}.npz", **outputs)
"""


@pytest.mark.slow
def test_outputs_are_equal_after_loading_in_another_process(
    tmp_path, pytestconfig
):
    expected = []
    for index, subject in enumerate(subjects.SOME):
        is_model = isinstance(subject.built, keras.Model)
        model = subject.built if is_model else subject.symbolic
        model.save(tmp_path / f"{index}.keras")
        expected.append(subject.expected)
    subprocess.run(
        [preloaded_python.executable(), "-c", LOAD, tmp_path],
        check=True,
        cwd=pytestconfig.rootpath,
    )
    for index, outputs in enumerate(expected):
        assert_equal(dict(np.load(tmp_path / f"{index}.npz")), outputs)


def padded(batch, extra, seed=0):
    """Changes the padding of a batch, and adds some to the right."""
    random = np.random.default_rng(seed)
    batch = dict(batch)
    for name, axis, lengths in (
        ("token_ids", 2, "lengths"),
        ("vectors", 1, "lengths"),
        ("seq1", 2, "seq1_lengths"),
        ("seq1_vectors", 1, "seq1_lengths"),
    ):
        array = batch[name]
        widths = [(0, extra if k == axis else 0) for k in range(array.ndim)]
        steps = np.arange(array.shape[axis] + extra)
        beyond = steps >= batch[lengths][..., np.newaxis]
        if axis == 1:
            beyond = beyond.transpose(0, 2, 1)[..., np.newaxis]
        array = np.pad(array, widths)
        garbage = random.integers(2, subject_lib.WORDS, array.shape)
        batch[name] = np.where(beyond, garbage, array).astype(array.dtype)
    return batch


@every_layer_and_some_models
def test_padding_does_not_change_outputs_or_gradients(subject):
    layer, batch = subject.built, subject_lib.batch()
    outputs, gradients = subject.outputs_and_gradients(layer, batch)
    assert_equal(outputs, subject.expected)
    # With other padding, bit for bit.
    actual = subject.outputs_and_gradients(layer, padded(batch, extra=0))
    assert_equal(actual[0], outputs)
    assert_equal(actual[1], gradients)
    # With more padding, but for rounding; the outputs for it are cut off.
    longer = subject.outputs_and_gradients(layer, padded(batch, extra=4))

    def cut(arrays):
        return {
            name: array[:, : subject_lib.SEQ_LEN]
            if array.ndim == 4 and array.shape[1] == subject_lib.SEQ_LEN + 4
            else array
            for name, array in arrays.items()
        }

    assert_equal(cut(longer[0]), outputs, 1e-6)
    assert_equal(cut(longer[1]), gradients, 1e-6)


def replace_other_task_batches(first, others):
    """Joins the first task batch of a batch, and the others of another one."""
    return {
        name: np.concatenate([array[:1], others[name][1:]])
        for name, array in first.items()
    }


def first_task_batch(arrays):
    """Returns the first task batch of each array."""
    return {name: array[:1] for name, array in arrays.items()}


@every
def test_content_of_other_task_batches_does_not_change_outputs(subject):
    layer, batch = subject.built, subject_lib.batch()
    other = replace_other_task_batches(batch, subject_lib.batch(seed=1))
    other["task_ids"] = np.array([0, 0, 1], np.int32)
    # Bit for bit.
    assert_equal(
        first_task_batch(subject.outputs(layer, other)),
        first_task_batch(subject.expected),
    )


@every_layer_and_some_models
def test_size_of_other_task_batches_does_not_change_outputs(subject):
    layer, batch = subject.built, subject_lib.batch()
    expected = first_task_batch(subject.expected)
    other = replace_other_task_batches(batch, subject_lib.batch(seed=1))
    other["lengths"] = np.array([[5, 2], [4, 3], [2, 5]], np.int32)
    other["seq1_lengths"] = np.array([[2, 1], [1, 3], [4, 4]], np.int32)
    # Equal but for rounding.
    assert_equal(
        first_task_batch(subject.outputs(layer, other)), expected, 1e-6
    )
    alone = first_task_batch(batch)
    assert_equal(subject.outputs(layer, alone), expected, 1e-6)


def reordered(layer, copy, order):
    """Assigns the weights of `layer` to a copy with another order of tasks."""
    counts = subject_lib.NUM_CLASSES
    firsts = np.cumsum((0, *counts))
    rows = [row for task in order for row in range(*firsts[task : task + 2])]
    for old, new in zip(layer.weights, copy.weights, strict=True):
        value = old.numpy()
        if old.path.startswith(("head/softmax_head/", "head/label_embedding/")):
            value = value[rows]
        elif old.path.startswith(
            ("encoder/private_encoder/", "head/task_layer/")
        ):
            value = value[order]
        new.assign(value)


@some_models
def test_order_of_tasks_does_not_change_outputs(subject):
    layer, batch = subject.built, subject_lib.batch()
    order = [2, 0, 1]
    copy = subject.make([subject_lib.NUM_CLASSES[task] for task in order])
    reordered(layer, copy, order)
    other = {
        **batch,
        "task_ids": np.argsort(order)[batch["task_ids"]].astype(np.int32),
    }
    assert_equal(subject.outputs(copy, other), subject.expected)


def training_step(model, rule, traces=None):
    """Makes a function that trains a model with a batch."""
    decay = 0.1 if rule == "adamw" else 0.0
    optimizer = optimizers.Optimizer(
        rule,
        {weight.path: weight.value for weight in model.trainable_weights},
        optimizers.Schedule(0.01),
        weight_decay=decay,
    )

    def step(batch):
        if traces is not None:
            traces.append(1)
        with tf.GradientTape() as tape:
            loss = subjects.loss(model, batch)
        variables = list(optimizer.variables_by_name.values())
        optimizer.apply(
            tape.gradient(loss, variables), tf.constant(0, tf.int64)
        )
        return loss

    return step


def rows_in_batch(path, weight, batch, reads_seq1):
    """Returns the rows of a weight that a batch reads, bool [rows]."""
    if path == "word_embedding/table":
        mask = (
            np.arange(subject_lib.SEQ_LEN) < batch["lengths"][..., np.newaxis]
        )
        present = batch["token_ids"][mask]
        if reads_seq1:
            steps = np.arange(batch["seq1"].shape[-1])
            mask = steps < batch["seq1_lengths"][..., np.newaxis]
            present = np.concatenate([present, batch["seq1"][mask]])
    elif path.startswith(("head/softmax_head/", "head/label_embedding/")):
        counts = subject_lib.NUM_CLASSES
        task_of_row = np.repeat(np.arange(subject_lib.NUM_TASKS), counts)
        present = np.flatnonzero(np.isin(task_of_row, batch["task_ids"]))
    elif path.startswith(("encoder/private_encoder/", "head/task_layer/")):
        present = batch["task_ids"]
    else:
        present = np.arange(len(weight))
    return np.isin(np.arange(len(weight)), present)


def check_step_updates_only_what_the_batch_contains(subject, rule):
    model = subject.for_training()
    step = training_step(model, rule)
    # Every task and many words have momentum.
    step(subject_lib.batch())
    before = {w.path: w.numpy() for w in model.weights}
    batch = subject_lib.batch(seed=1)
    batch["task_ids"] = np.array([2, 0, 2], np.int32)
    step(batch)
    for weight in model.weights:
        start = before[weight.path]
        is_updated = (
            (weight.numpy() != start).reshape(len(start), -1).any(axis=1)
        )
        reads_seq1 = "seq1" in subject.arguments
        expected = rows_in_batch(weight.path, start, batch, reads_seq1)
        assert not is_updated[~expected].any(), weight.path
        if weight.path == "word_embedding/table" and "-max" in subject.name:
            # A word may never be the maximum.
            assert is_updated.any()
        else:
            assert is_updated[expected].all(), weight.path


@some_models
def test_step_updates_only_what_the_batch_contains(subject):
    check_step_updates_only_what_the_batch_contains(subject, "adam")


@pytest.mark.parametrize("rule", optimizers.RULES)
def test_every_optimizer_updates_only_what_the_batch_contains(rule):
    (subject,) = (
        model
        for model in subjects.SOME_MODELS
        if model.name == "shared_private-bag_of_words-mean"
    )
    check_step_updates_only_what_the_batch_contains(subject, rule)


@some_models
def test_one_trace_serves_all_shapes_and_equals_eager_step(subject):
    names = (*subject.arguments, "labels")
    first = subject_lib.batch()
    signature = {
        name: tf.TensorSpec([None] * first[name].ndim, tf.int32)
        for name in names
    }
    longer = padded(subject_lib.batch(seed=1), extra=3)
    fewer = first_task_batch(subject_lib.batch(seed=2))
    eager_step = training_step(subject.for_training(), "adam")
    eager_losses = [eager_step(first), eager_step(longer)]
    traces = []
    step = tf.function(
        training_step(subject.for_training(), "adam", traces),
        input_signature=[signature],
        autograph=False,
    )
    losses = []
    for batch in (first, longer, fewer, first):
        losses.append(step({name: batch[name] for name in names}))
    assert traces == [1]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(losses[:2], eager_losses, rtol=1e-5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
