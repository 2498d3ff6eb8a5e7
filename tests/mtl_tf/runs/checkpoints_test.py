import os

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.models import multitask_model
from mtl_tf.runs import checkpoint_files
from mtl_tf.runs import checkpoints
from mtl_tf.training import loop_state
from mtl_tf.training import trainer as trainer_lib

_TASKS = (
    tasks_lib.Task("books", ("bad", "good")),
    tasks_lib.Task("films", ("no", "yes")),
)
_LABELS = {"books": ["bad", "good"], "films": ["no", "yes"]}
_SIGNATURE = {
    "token_ids": tf.TensorSpec([None, None, None], tf.int32),
    "lengths": tf.TensorSpec([None, None], tf.int32),
    "task": tf.TensorSpec([None], tf.int32),
    "labels": tf.TensorSpec([None, None], tf.int32),
}


def make_parts(**settings):
    """Returns all variables of training, as an experiment has them."""
    settings = {
        "hidden_size": 3,
        "embedding_dim": 4,
        "adversarial_weight": 0.1,
        "word_dropout": 0.1,
        "vector_dropout": 0.1,
        "recurrent_dropout": 0.1,
        "feature_dropout": 0.1,
        **settings,
    }
    config = config_lib.Config(**settings)
    trainer = trainer_lib.Trainer(
        config,
        multitask_model.build(config, (2, 2), 9),
        _SIGNATURE,
        list(_LABELS),
        np.ones((2, 2)),
        10,
    )
    return {**trainer.parts, "loop": loop_state.LoopState().variables}


def as_type(numbers, dtype):
    if dtype == tf.string:
        return tf.as_string(numbers)
    return tf.cast(numbers, dtype)


def fill_with_ramps(parts):
    """Gives every element of every variable a different value."""
    start = 1
    for variables in parts.values():
        for variable in variables.values():
            count = int(np.prod(variable.shape))
            values = np.arange(start, start + count).reshape(variable.shape)
            variable.assign(as_type(values, variable.dtype))
            start += count


def fill_with_ones(parts):
    for variables in parts.values():
        for variable in variables.values():
            values = np.ones(variable.shape)
            variable.assign(as_type(values, variable.dtype))


def values_of(parts):
    return {
        f"{part}/{name}": variable.numpy()
        for part, variables in parts.items()
        for name, variable in variables.items()
    }


def assert_values(parts, expected):
    actual = values_of(parts)
    assert actual.keys() == expected.keys()
    for name, value in actual.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def save(run_dir, parts, name=checkpoints.LAST, step=7):
    saved = checkpoints.Checkpoints(str(run_dir), parts, _TASKS)
    saved.save(name, step)
    return saved


def in_file(name):
    """Escapes a name as TensorFlow does: / separates parts."""
    return name.replace(".", "..").replace("/", ".S")


def test_every_variable_is_in_the_file_by_name(tmp_path):
    parts = make_parts()
    fill_with_ramps(parts)
    save(tmp_path, parts)
    reader = tf.train.load_checkpoint(str(tmp_path / "checkpoints" / "last"))
    for part, variables in parts.items():
        assert variables
        for name, variable in variables.items():
            stored = reader.get_tensor(
                f"{part}/{in_file(name)}/.ATTRIBUTES/VARIABLE_VALUE"
            )
            np.testing.assert_array_equal(stored, variable.numpy())
    tasks = reader.get_tensor("tasks/.ATTRIBUTES/VARIABLE_VALUE")
    assert tasks == b'{"books": ["bad", "good"], "films": ["no", "yes"]}'


def test_checkpoint_has_all_parts_of_training():
    names = set(values_of(make_parts()))
    for name in (
        "training/step",
        "loop/best_score",
        "discriminator/task_discriminator/kernel",
        "discriminator_optimizer/task_discriminator/kernel/mean",
        "model/word_embedding/table",
        "optimizer/word_embedding/table/square",
        "optimizer/word_embedding/table/count",
    ):
        assert name in names
    # Dropout of words and vectors, of both encoders, and of features.
    seeds = {name for name in names if "seed" in name}
    for layer in (
        "word_embedding",
        "encoder/shared_encoder",
        "encoder/private_encoder",
        "head/feature_dropout",
    ):
        assert any(name.startswith(f"model/{layer}/") for name in seeds), layer
    assert all(name.startswith("model/") for name in seeds)


@pytest.mark.parametrize("new_instance", [False, True])
def test_restore_sets_every_value(tmp_path, new_instance):
    parts = make_parts()
    fill_with_ramps(parts)
    expected = values_of(parts)
    saved = save(tmp_path, parts)
    if new_instance:
        parts = make_parts(seed=1)
        saved = checkpoints.Checkpoints(str(tmp_path), parts, _TASKS)
    fill_with_ones(parts)
    saved.restore(checkpoints.LAST)
    assert_values(parts, expected)


def test_run_directory_may_be_moved(tmp_path):
    parts = make_parts()
    fill_with_ramps(parts)
    expected = values_of(parts)
    save(tmp_path / "old", parts)
    os.rename(tmp_path / "old", tmp_path / "new")
    fill_with_ones(parts)
    moved = checkpoints.Checkpoints(str(tmp_path / "new"), parts, _TASKS)
    moved.restore(checkpoints.LAST)
    assert_values(parts, expected)


def test_best_and_last_are_separate(tmp_path):
    number = tf.Variable(0)
    saved = checkpoints.Checkpoints(
        str(tmp_path), {"part": {"number": number}}, _TASKS
    )
    assert checkpoint_files.find(str(tmp_path), checkpoints.BEST) == []
    for step in (1, 2, 3):
        number.assign(10 * step)
        if step == 2:
            saved.save(checkpoints.BEST, step)
        saved.save(checkpoints.LAST, step)
    saved.restore(checkpoints.BEST)
    assert number.numpy() == 20
    saved.restore(checkpoints.LAST)
    assert number.numpy() == 30
    for name, steps in ((checkpoints.BEST, [2]), (checkpoints.LAST, [3, 2])):
        saved_files = checkpoint_files.find(str(tmp_path), name)
        assert [saved.step for saved in saved_files] == steps


def test_step_that_is_saved_again_replaces_the_first(tmp_path):
    # After an interruption between best and last, the epoch is trained again.
    number = tf.Variable(1)
    parts = {"part": {"number": number}}
    save(tmp_path, parts, checkpoints.BEST)
    number.assign(2)
    again = save(tmp_path, parts, checkpoints.BEST)
    number.assign(3)
    again.restore(checkpoints.BEST)
    assert number.numpy() == 2


def test_restore_without_a_checkpoint_fails(tmp_path):
    made = checkpoints.Checkpoints(str(tmp_path), {}, _TASKS)
    with pytest.raises(ValueError, match=r"checkpoints/last holds no checkpo"):
        made.restore(checkpoints.LAST)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (_TASKS[::-1], ": expected the tasks films, books, got books, films"),
        (_TASKS[:1], ": expected the tasks books, got books, films"),
        (
            (_TASKS[0], tasks_lib.Task("films", ("yes", "no"))),
            r": expected the labels \['yes', 'no'\] of task films, in this "
            r"order, got \['no', 'yes'\]",
        ),
    ],
)
def test_checkpoint_of_other_tasks_or_labels_is_refused(
    tmp_path, tasks, message
):
    # The variables have the same names and shapes.
    parts = make_parts()
    save(tmp_path, parts)
    fill_with_ramps(parts)
    before = values_of(parts)
    other = checkpoints.Checkpoints(str(tmp_path), parts, tasks)
    with pytest.raises(ValueError, match=rf"ckpt-7{message}$"):
        other.restore(checkpoints.LAST)
    assert_values(parts, before)
    saved = checkpoints.read(str(tmp_path), checkpoints.LAST, ["model"])
    with pytest.raises(ValueError, match=rf"ckpt-7{message}$"):
        saved.check_tasks(tasks)
    saved.check_tasks(_TASKS)


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": 4},
        {"sharing": "fully_shared"},
        {"adversarial_weight": 0.0},
        {"optimizer": "sgd"},
    ],
    ids=str,
)
@pytest.mark.parametrize("swapped", [False, True])
def test_checkpoint_of_another_model_is_refused(tmp_path, settings, swapped):
    own, other = make_parts(), make_parts(**settings)
    if swapped:
        own, other = other, own
    save(tmp_path, own)
    made = checkpoints.Checkpoints(str(tmp_path), other, _TASKS)
    with pytest.raises(ValueError, match=r"ckpt-7 is of another model: \S"):
        made.restore(checkpoints.LAST)


def test_read_returns_values_by_part_and_name(tmp_path):
    parts = make_parts()
    fill_with_ramps(parts)
    save(tmp_path, parts)
    saved = checkpoints.read(str(tmp_path), checkpoints.LAST, list(parts))
    assert saved.labels == _LABELS
    assert list(saved.labels) == list(_LABELS)
    assert saved.path == str(tmp_path / "checkpoints" / "last" / "ckpt-7")
    assert saved.parts.keys() == parts.keys()
    for part, variables in parts.items():
        assert saved.parts[part].keys() == variables.keys()
        for name, variable in variables.items():
            value = saved.parts[part][name]
            assert np.asarray(value).dtype == np.asarray(variable).dtype
            np.testing.assert_array_equal(value, variable.numpy())


def test_names_are_read_as_they_were_written(tmp_path):
    names = [
        "plain",
        "a/b/c",
        "a.b",
        "a..b",
        "a.S",
        "a/.b",
        "a./b",
        "/.S./..",
        ".",
        "/",
        ".ATTRIBUTES",
        "größe",
    ]
    variables = {name: tf.Variable(n) for n, name in enumerate(names)}
    save(tmp_path, {"part": variables, "other": {"a/b": tf.Variable(-1)}})
    saved = checkpoints.read(str(tmp_path), checkpoints.LAST, ["part"])
    assert saved.parts.keys() == {"part"}
    assert {k: v.item() for k, v in saved.parts["part"].items()} == {
        name: n for n, name in enumerate(names)
    }


def test_read_returns_only_the_given_parts(tmp_path):
    number = tf.Variable(1)
    parts = {
        "model": {"number": number},
        "model_of_old": {"number": tf.Variable(5)},
        "loop": {"number": tf.Variable(6)},
    }
    save(tmp_path, parts, checkpoints.BEST, 1)
    number.assign(2)
    save(tmp_path, parts, checkpoints.LAST, 2)

    def read(name, *part_names):
        parts = checkpoints.read(str(tmp_path), name, part_names).parts
        return {part: x["number"].item() for part, x in parts.items()}

    assert read(checkpoints.BEST, "model") == {"model": 1}
    assert read(checkpoints.LAST, "model") == {"model": 2}
    # Runs without an adversary have no discriminator, for example.
    assert read(checkpoints.LAST, "loop", "missing") == {"loop": 6}


@pytest.mark.parametrize("name", [checkpoints.BEST, checkpoints.LAST])
def test_read_without_a_checkpoint_fails(tmp_path, name):
    with pytest.raises(
        ValueError, match=rf"checkpoints/{name} holds no checkpoint$"
    ):
        checkpoints.read(str(tmp_path), name, ["model"])


def test_moved_checkpoint_is_read_at_its_new_path(tmp_path):
    save(tmp_path / "old", {"part": {"number": tf.Variable(3)}})
    os.rename(tmp_path / "old", tmp_path / "new")
    saved = checkpoints.read(str(tmp_path / "new"), "last", ["part"])
    assert saved.parts["part"]["number"] == 3
    assert saved.path.startswith(str(tmp_path / "new"))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
