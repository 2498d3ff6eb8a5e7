import os

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.models import multitask_model
from mtl_tf.runs import checkpoints
from mtl_tf.training import trainer as trainer_lib
from mtl_tf.training import training_loop

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
    """Every variable of training, as an experiment puts them together."""
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
    return {**trainer.parts, "fit": training_loop.LoopState().variables}


def as_type(numbers, dtype):
    if dtype == tf.string:
        return tf.as_string(numbers)
    return tf.cast(numbers, dtype)


def fill_with_ramps(parts):
    """Gives every number of every variable a value of its own."""
    begin = 1
    for variables in parts.values():
        for variable in variables.values():
            count = int(np.prod(variable.shape))
            values = np.arange(begin, begin + count).reshape(variable.shape)
            variable.assign(as_type(values, variable.dtype))
            begin += count


def fill_with_ones(parts):
    for variables in parts.values():
        for variable in variables.values():
            ones = np.ones(variable.shape)
            variable.assign(as_type(ones, variable.dtype))


def values_of(parts):
    return {
        f"{part}/{name}": variable.numpy()
        for part, variables in parts.items()
        for name, variable in variables.items()
    }


def assert_values(parts, wanted):
    found = values_of(parts)
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, wanted[name], err_msg=name)


def save(run_dir, parts, name=checkpoints.LAST, step=7):
    saved = checkpoints.Checkpoints(str(run_dir), parts, _TASKS)
    saved.save(name, step)
    return saved


def in_file(name):
    """A name as TensorFlow writes it: / divides a part from what it holds."""
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


def test_what_training_consists_of_is_there():
    names = set(values_of(make_parts()))
    for name in (
        "training/step",
        "fit/best_score",
        "discriminator/task_discriminator/kernel",
        "discriminator_optimizer/task_discriminator/kernel/mean",
        "model/word_embedding/table",
        "optimizer/word_embedding/table/square",
        "optimizer/word_embedding/table/count",
    ):
        assert name in names
    # Words and vectors; the state of either encoder; features.
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
def test_restore_brings_back_every_number(tmp_path, new_instance):
    parts = make_parts()
    fill_with_ramps(parts)
    wanted = values_of(parts)
    saved = save(tmp_path, parts)
    if new_instance:
        parts = make_parts(seed=1)
        saved = checkpoints.Checkpoints(str(tmp_path), parts, _TASKS)
    fill_with_ones(parts)
    saved.restore(checkpoints.LAST)
    assert_values(parts, wanted)


def test_a_run_directory_may_be_moved(tmp_path):
    parts = make_parts()
    fill_with_ramps(parts)
    wanted = values_of(parts)
    save(tmp_path / "old", parts)
    os.rename(tmp_path / "old", tmp_path / "new")
    fill_with_ones(parts)
    moved = checkpoints.Checkpoints(str(tmp_path / "new"), parts, _TASKS)
    moved.restore(checkpoints.LAST)
    assert_values(parts, wanted)


def test_best_and_last_are_apart(tmp_path):
    number = tf.Variable(0)
    saved = checkpoints.Checkpoints(
        str(tmp_path), {"part": {"number": number}}, _TASKS
    )
    assert checkpoints.find(str(tmp_path), checkpoints.BEST) == []
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
        kept = checkpoints.find(str(tmp_path), name)
        assert [found.step for found in kept] == steps


def test_a_step_that_is_saved_again_takes_the_place_of_the_first(tmp_path):
    # An interruption between best and last: the epoch is trained again.
    number = tf.Variable(1)
    parts = {"part": {"number": number}}
    save(tmp_path, parts, checkpoints.BEST)
    number.assign(2)
    again = save(tmp_path, parts, checkpoints.BEST)
    number.assign(3)
    again.restore(checkpoints.BEST)
    assert number.numpy() == 2


def test_there_is_nothing_to_restore(tmp_path):
    made = checkpoints.Checkpoints(str(tmp_path), {}, _TASKS)
    with pytest.raises(ValueError, match=r"checkpoints/last holds no checkpo"):
        made.restore(checkpoints.LAST)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (_TASKS[::-1], "is of the tasks books, films, not of films, books"),
        (_TASKS[:1], "is of the tasks books, films, not of books"),
        (
            (_TASKS[0], tasks_lib.Task("films", ("yes", "no"))),
            r"was trained with the labels \['no', 'yes'\] of task films, not "
            r"with \['yes', 'no'\]: labels and their order have to be the same",
        ),
    ],
)
def test_a_checkpoint_of_other_tasks_or_labels_is_refused(
    tmp_path, tasks, message
):
    # Variables have the same names and shapes.
    parts = make_parts()
    save(tmp_path, parts)
    fill_with_ramps(parts)
    before = values_of(parts)
    other = checkpoints.Checkpoints(str(tmp_path), parts, tasks)
    with pytest.raises(ValueError, match=rf"ckpt-7 {message}$"):
        other.restore(checkpoints.LAST)
    assert_values(parts, before)
    saved = checkpoints.read(str(tmp_path), checkpoints.LAST, ["model"])
    with pytest.raises(ValueError, match=rf"ckpt-7 {message}$"):
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
@pytest.mark.parametrize("turned", [False, True])
def test_a_checkpoint_of_another_model_is_refused(tmp_path, settings, turned):
    mine, other = make_parts(), make_parts(**settings)
    if turned:
        mine, other = other, mine
    save(tmp_path, mine)
    made = checkpoints.Checkpoints(str(tmp_path), other, _TASKS)
    with pytest.raises(ValueError, match=r"ckpt-7 is of another model: \S"):
        made.restore(checkpoints.LAST)


def test_read_gives_the_values_by_part_and_name(tmp_path):
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
            found = saved.parts[part][name]
            assert np.asarray(found).dtype == np.asarray(variable).dtype
            np.testing.assert_array_equal(found, variable.numpy())


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


def test_read_takes_the_checkpoint_and_the_parts_that_are_asked_for(tmp_path):
    number = tf.Variable(1)
    parts = {
        "model": {"number": number},
        "model_of_old": {"number": tf.Variable(5)},
        "fit": {"number": tf.Variable(6)},
    }
    save(tmp_path, parts, checkpoints.BEST, 1)
    number.assign(2)
    save(tmp_path, parts, checkpoints.LAST, 2)

    def read(name, *part_names):
        found = checkpoints.read(str(tmp_path), name, part_names).parts
        return {part: x["number"].item() for part, x in found.items()}

    assert read(checkpoints.BEST, "model") == {"model": 1}
    assert read(checkpoints.LAST, "model") == {"model": 2}
    # Such as the discriminator of a run that had no adversary.
    assert read(checkpoints.LAST, "fit", "missing") == {"fit": 6}


@pytest.mark.parametrize("name", [checkpoints.BEST, checkpoints.LAST])
def test_there_is_nothing_to_read(tmp_path, name):
    with pytest.raises(
        ValueError, match=rf"checkpoints/{name} holds no checkpoint$"
    ):
        checkpoints.read(str(tmp_path), name, ["model"])


def test_a_moved_checkpoint_is_read_where_it_is(tmp_path):
    save(tmp_path / "old", {"part": {"number": tf.Variable(3)}})
    os.rename(tmp_path / "old", tmp_path / "new")
    saved = checkpoints.read(str(tmp_path / "new"), "last", ["part"])
    assert saved.parts["part"]["number"] == 3
    assert saved.path.startswith(str(tmp_path / "new"))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
