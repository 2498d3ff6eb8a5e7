"""Properties that every layer and every model has."""

import inspect
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.training import optimizers
from tests.conformance import subject as subject_lib
from tests.conformance import subjects

every = pytest.mark.parametrize(
    "subject", [*subjects.LAYERS, *subjects.MODELS], ids=str
)
every_layer_and_some_models = pytest.mark.parametrize(
    "subject", subjects.SOME, ids=str
)
every_layer = pytest.mark.parametrize("subject", subjects.LAYERS, ids=str)
some_models = pytest.mark.parametrize("subject", subjects.SOME_MODELS, ids=str)


def assert_same(got, wanted, tolerance=0.0):
    """Asserts that two dicts of arrays are equal, or that near."""
    assert got.keys() == wanted.keys()
    for name, array in wanted.items():
        assert np.isfinite(array).all(), name
        difference = abs(got[name] - array).max(initial=0)
        assert difference <= tolerance, f"{name}: {difference}"


@every
def test_shapes_and_dtypes(subject):
    outputs = subject.call(subject.built, subject_lib.batch())
    assert {k: tuple(v.shape) for k, v in outputs.items()} == subject.shapes
    assert {v.dtype for v in outputs.values()} == {tf.float32}


@every_layer_and_some_models
def test_a_symbolic_call_does_what_the_eager_one_does(subject):
    layer, batch = subject.built, subject_lib.batch()
    symbolic = subject.symbolic
    for name, output in symbolic.output.items():
        assert output.dtype == "float32"
        # Known beforehand: the number of axes, and the last one.
        assert len(output.shape) == len(subject.shapes[name])
        assert output.shape[-1] == subject.shapes[name][-1]
    assert_same(subject.outputs(symbolic, batch), subject.outputs(layer, batch))


@every_layer
def test_the_config_holds_every_argument(subject):
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
    subject.call(copy, batch)
    copy.set_weights(layer.get_weights())
    assert_same(subject.outputs(copy, batch), subject.outputs(layer, batch))


LOAD = """
import sys
import keras
import numpy as np
from tests.conformance import subject as subject_lib
from tests.conformance import subjects

folder = sys.argv[1]
for number, subject in enumerate(subjects.SOME):
    model = keras.models.load_model(f"{folder}/{number}.keras")
    outputs = subject.outputs(model, subject_lib.batch())
    np.savez(f"{folder}/{number}.npz", **outputs)
"""


def test_saved_and_loaded_in_another_process(tmp_path, pytestconfig):
    wanted = []
    for number, subject in enumerate(subjects.SOME):
        is_model = isinstance(subject.built, keras.Model)
        model = subject.built if is_model else subject.symbolic
        model.save(tmp_path / f"{number}.keras")
        wanted.append(subject.outputs(model, subject_lib.batch()))
    subprocess.run(
        [sys.executable, "-c", LOAD, tmp_path],
        check=True,
        cwd=pytestconfig.rootpath,
    )
    for number, outputs in enumerate(wanted):
        assert_same(dict(np.load(tmp_path / f"{number}.npz")), outputs)


def padded(batch, more, seed=0):
    """`batch` with other padding, and with more of it to the right."""
    random = np.random.default_rng(seed)
    batch = dict(batch)
    for name, axis, lengths in (
        ("token_ids", 2, "lengths"),
        ("vectors", 1, "lengths"),
        ("seq1", 2, "seq1_lengths"),
        ("seq1_vectors", 1, "seq1_lengths"),
    ):
        array = batch[name]
        widths = [(0, more if k == axis else 0) for k in range(array.ndim)]
        time = np.arange(array.shape[axis] + more)
        beyond = time >= batch[lengths][..., np.newaxis]
        if axis == 1:
            beyond = beyond.transpose(0, 2, 1)[..., np.newaxis]
        array = np.pad(array, widths)
        garbage = random.integers(2, subject_lib.WORDS, array.shape)
        batch[name] = np.where(beyond, garbage, array).astype(array.dtype)
    return batch


@every_layer_and_some_models
def test_padding_changes_nothing(subject):
    layer, batch = subject.built, subject_lib.batch()
    outputs = subject.outputs(layer, batch)
    gradients = subject.gradients(layer, batch)
    # Other padding, bit for bit.
    other = padded(batch, more=0)
    assert_same(subject.outputs(layer, other), outputs)
    assert_same(subject.gradients(layer, other), gradients)
    # More padding, but for rounding; what is added is cut off.
    longer = padded(batch, more=4)

    def cut(arrays):
        return {
            name: array[:, : subject_lib.TIME]
            if array.ndim == 4 and array.shape[1] == subject_lib.TIME + 4
            else array
            for name, array in arrays.items()
        }

    assert_same(cut(subject.outputs(layer, longer)), outputs, 1e-6)
    assert_same(cut(subject.gradients(layer, longer)), gradients, 1e-6)


def mixed(first, others):
    """The first group of a batch, with the others of another batch."""
    return {
        name: np.concatenate([array[:1], others[name][1:]])
        for name, array in first.items()
    }


def first_group(arrays):
    return {name: array[:1] for name, array in arrays.items()}


@every
def test_what_other_groups_hold_changes_nothing(subject):
    layer, batch = subject.built, subject_lib.batch()
    other = mixed(batch, subject_lib.batch(seed=1))
    other["task_ids"] = np.array([0, 0, 1], np.int32)
    # Bit for bit.
    assert_same(
        first_group(subject.outputs(layer, other)),
        first_group(subject.outputs(layer, batch)),
    )


@every_layer_and_some_models
def test_how_long_and_how_many_other_groups_are_changes_nothing(subject):
    layer, batch = subject.built, subject_lib.batch()
    wanted = first_group(subject.outputs(layer, batch))
    other = mixed(batch, subject_lib.batch(seed=1))
    other["lengths"] = np.array([[5, 2], [4, 3], [2, 5]], np.int32)
    other["seq1_lengths"] = np.array([[2, 1], [1, 3], [4, 4]], np.int32)
    # But for rounding.
    assert_same(first_group(subject.outputs(layer, other)), wanted, 1e-6)
    alone = first_group(batch)
    assert_same(subject.outputs(layer, alone), wanted, 1e-6)


def reordered(layer, copy, order):
    """Gives `copy`, made for tasks in another order, the weights of `layer`."""
    counts = subject_lib.LABEL_COUNTS
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
def test_the_order_of_the_tasks_changes_nothing(subject):
    layer, batch = subject.built, subject_lib.batch()
    order = [2, 0, 1]
    copy = subject.make([subject_lib.LABEL_COUNTS[task] for task in order])
    reordered(layer, copy, order)
    other = {
        **batch,
        "task_ids": np.argsort(order)[batch["task_ids"]].astype(np.int32),
    }
    assert_same(subject.outputs(copy, other), subject.outputs(layer, batch))


def training_step(model, rule, traces=None):
    """A function that trains a model with a batch."""
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


def rows_in_the_step(path, weight, batch, reads_seq1):
    """Which rows of a weight a batch reads: bool [rows]."""
    if path == "word_embedding/table":
        there = np.arange(subject_lib.TIME) < batch["lengths"][..., np.newaxis]
        present = batch["token_ids"][there]
        if reads_seq1:
            time = np.arange(batch["seq1"].shape[-1])
            there = time < batch["seq1_lengths"][..., np.newaxis]
            present = np.concatenate([present, batch["seq1"][there]])
    elif path.startswith(("head/softmax_head/", "head/label_embedding/")):
        counts = subject_lib.LABEL_COUNTS
        task_of_row = np.repeat(np.arange(subject_lib.TASKS), counts)
        present = np.flatnonzero(np.isin(task_of_row, batch["task_ids"]))
    elif path.startswith(("encoder/private_encoder/", "head/task_layer/")):
        present = batch["task_ids"]
    else:
        present = np.arange(len(weight))
    return np.isin(np.arange(len(weight)), present)


def check_a_step_moves_what_it_holds(subject, rule):
    model = subject.new()
    step = training_step(model, rule)
    # Every task and many words have some momentum to begin with.
    step(subject_lib.batch())
    before = {w.path: w.numpy() for w in model.weights}
    batch = subject_lib.batch(seed=1)
    batch["task_ids"] = np.array([2, 0, 2], np.int32)
    step(batch)
    for weight in model.weights:
        start = before[weight.path]
        moved = (weight.numpy() != start).reshape(len(start), -1).any(axis=1)
        reads_seq1 = "seq1" in subject.arguments
        wanted = rows_in_the_step(weight.path, start, batch, reads_seq1)
        assert not moved[~wanted].any(), weight.path
        if weight.path == "word_embedding/table" and "-max" in subject.name:
            # A word may nowhere be the maximum.
            assert moved.any()
        else:
            assert moved[wanted].all(), weight.path


@some_models
def test_a_step_moves_what_it_holds_and_nothing_else(subject):
    check_a_step_moves_what_it_holds(subject, "adam")


@pytest.mark.parametrize("rule", optimizers.RULES)
def test_what_a_step_lacks_stays_under_each_optimizer(rule):
    (subject,) = (
        model
        for model in subjects.SOME_MODELS
        if model.name == "shared_private-bag_of_words-mean"
    )
    check_a_step_moves_what_it_holds(subject, rule)


@some_models
def test_one_trace_serves_all_shapes_and_does_what_the_eager_step_does(subject):
    names = (*subject.arguments, "labels")
    first = subject_lib.batch()
    signature = {
        name: tf.TensorSpec([None] * first[name].ndim, tf.int32)
        for name in names
    }
    eager, compiled = subject.new(), subject.new()
    eager_step = training_step(eager, "adam")
    traces = []
    step = tf.function(
        training_step(compiled, "adam", traces), input_signature=[signature]
    )
    longer = padded(subject_lib.batch(seed=1), more=3)
    fewer = first_group(subject_lib.batch(seed=2))
    losses = []
    for batch in (first, longer, fewer, first):
        losses.append(step({name: batch[name] for name in names}))
    assert traces == [1]
    assert losses[-1] < losses[0]
    for loss, batch in zip(losses[:2], (first, longer), strict=True):
        np.testing.assert_allclose(loss, eager_step(batch), rtol=1e-5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
