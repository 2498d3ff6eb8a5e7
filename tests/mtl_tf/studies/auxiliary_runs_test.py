import os

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.studies import auxiliary_runs

_NAMES = ("books", "films", "games")


def make_runs(names=_NAMES, **settings):
    return auxiliary_runs.Runs(
        config_lib.Config(run_dir="search", **settings), names
    )


def test_auxiliary_tasks_have_the_order_of_the_corpus():
    runs = make_runs()
    config = runs.of("games", ("films", "books"))
    assert config.tasks == ("games", "books", "films")
    assert config.main_task == "games"
    assert config.run_dir == os.path.join("search", "runs", "games+books+films")
    assert config == runs.of("games", ("books", "films"))


def test_settings_of_other_tasks_are_dropped():
    config = make_runs(
        task_weights=("books:2", "games:3"),
        max_train_examples=("100", "films:7"),
    ).of("games", ("films",))
    assert config.task_weights == ("games:3",)
    assert config.max_train_examples == ("100", "films:7")


def test_affinity_is_measured_with_all_tasks_only():
    runs = make_runs(affinity_every=5)
    assert runs.of("books", ("films",)).affinity_every == 0
    assert runs.of_all_tasks.affinity_every == 5
    assert runs.of_all_tasks.tasks == _NAMES


def test_single_task_model_drops_what_needs_several_tasks():
    config = make_runs(
        main_task="books",
        adversary="confusion",
        adversarial_weight=0.1,
        discriminator_updates=2,
        orthogonality_weight=0.1,
        unlabeled=True,
        label_transfer="semi_supervised",
        transfer_hidden_size=3,
        pseudo_label_threshold=0.5,
        affinity_every=5,
        output_layer="label_embedding",
        hidden_size=7,
    ).of("films", ())
    assert config == config_lib.Config(
        run_dir=os.path.join("search", "runs", "films"),
        tasks=("films",),
        main_task="films",
        sharing="single_task",
        output_layer="label_embedding",
        hidden_size=7,
        pictures=False,
    )


def test_directories_of_long_sets_have_short_and_different_names():
    names = tuple(f"task_with_a_long_name_{index}" for index in range(30))
    runs = make_runs(names)
    folders = {
        os.path.basename(runs.of(names[0], names[1:stop]).run_dir)
        for stop in range(1, 31)
    }
    assert len(folders) == 30
    assert max(map(len, folders)) <= 200


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
