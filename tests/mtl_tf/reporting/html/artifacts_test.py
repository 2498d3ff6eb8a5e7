import json
import os
import shutil

import numpy as np
import pytest

from mtl_tf.reporting.html import artifacts
from mtl_tf.runs import prediction_files
from mtl_tf.utils import checksums
from tests.helpers import run_artifacts


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return run_artifacts.write_corpus(str(tmp_path_factory.mktemp("corpus")))


def test_a_plain_run(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(str(tmp_path / "run"), data_dir)
    actual = artifacts.read(run_dir)
    assert [task.name for task in actual.run.tasks] == ["reviews", "stance"]
    assert len(actual.history) == 3
    assert set(actual.predictions) == {
        (task, split)
        for task in ("reviews", "stance")
        for split in ("dev", "test")
    }
    gold, probabilities = run_artifacts.predictions(
        run_artifacts.TASKS[0], "test", 0
    )
    test = actual.predictions["reviews", "test"]
    np.testing.assert_array_equal(test.gold, gold)
    np.testing.assert_array_equal(test.probabilities, probabilities)
    assert actual.features.kind == "shared"
    assert actual.features.features.shape == (80, 5)
    assert actual.features.task[[0, -1]].tolist() == ["reviews", "stance"]
    assert actual.analysis is None
    assert actual.parts == {}
    assert actual.seeds == [actual]
    assert actual.missing() == []


def test_single_task_models_have_the_predictions_of_all_parts(
    tmp_path, data_dir
):
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, sharing="single_task"
    )
    actual = artifacts.read(run_dir)
    assert list(actual.parts) == ["reviews", "stance"]
    assert len(actual.predictions) == 4
    assert actual.seeds == [actual]
    assert not actual.of_seeds
    assert actual.missing() == []


def test_predictions_of_seeds_are_in_the_parts(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"),
        data_dir,
        num_runs=2,
        seed=4,
        sharing="single_task",
    )
    actual = artifacts.read(run_dir)
    assert actual.of_seeds
    assert list(actual.parts) == ["4", "5"]
    assert actual.predictions == {}
    # Each seed consists of single-task models.
    assert [len(seed.predictions) for seed in actual.seeds] == [4, 4]
    first, second = (s.predictions["stance", "test"] for s in actual.seeds)
    np.testing.assert_array_equal(first.gold, second.gold)
    assert (first.probabilities != second.probabilities).any()


def test_a_moved_run_can_be_read(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, sharing="single_task"
    )
    moved = shutil.move(run_dir, tmp_path / "moved")
    actual = artifacts.read(str(moved))
    assert actual.parts["stance"].run.run_dir == str(moved / "tasks" / "stance")


def test_missing_files_are_listed(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(str(tmp_path / "run"), data_dir)
    stance = "predictions/stance-dev.jsonl"
    for name in ("features.npz", "history.jsonl", stance):
        os.remove(os.path.join(run_dir, name))
    actual = artifacts.read(run_dir)
    assert actual.missing_predictions() == [stance]
    assert actual.missing() == ["history.jsonl", stance, "features.npz"]


def test_missing_files_of_a_part_have_its_folder(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, sharing="single_task"
    )
    os.remove(os.path.join(run_dir, "tasks", "stance", "features.npz"))
    assert artifacts.read(run_dir).missing() == ["tasks/stance/features.npz"]


def test_a_run_that_has_not_ended_is_an_error(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(str(tmp_path / "run"), data_dir)
    os.remove(os.path.join(run_dir, "results.json"))
    with pytest.raises(ValueError, match=r"results.json is missing"):
        artifacts.read(run_dir)


def make_predictions(ids):
    rows = np.arange(len(ids))
    return prediction_files.SavedPredictions(
        np.array(ids),
        np.array([f"topic of {key}" for key in ids]),
        rows,
        rows,
        np.eye(len(ids)),
        np.zeros(len(ids), bool),
        {"tokens": rows},
    )


def test_predictions_are_aligned_to_the_first_run():
    first, second = artifacts.align(
        [make_predictions(["a", "b", "c"]), make_predictions(["c", "a", "b"])],
        "task t",
    )
    assert first.ids.tolist() == second.ids.tolist() == ["a", "b", "c"]
    assert second.groups.tolist() == first.groups.tolist()
    # Positions of a, b and c in the second run.
    assert second.gold.tolist() == [1, 2, 0]
    assert second.predicted.tolist() == [1, 2, 0]
    assert second.probabilities.argmax(axis=1).tolist() == [1, 2, 0]
    assert second.counts["tokens"].tolist() == [1, 2, 0]


@pytest.mark.parametrize("ids", [["a", "x"], ["a"], ["a", "b", "c"]])
def test_different_rows_are_an_error(ids):
    runs = [make_predictions(["a", "b"]), make_predictions(ids)]
    with pytest.raises(
        ValueError, match="task t: the runs predict different rows"
    ):
        artifacts.align(runs, "task t")


def test_comparable_runs(tmp_path, data_dir):
    runs = [
        artifacts.read(
            run_artifacts.write_run(str(tmp_path / name), data_dir, **settings)
        )
        for name, settings in {
            "single": {"sharing": "single_task"},
            "shared": {"max_train_examples": ("7",)},
            "seeds": {"num_runs": 2},
        }.items()
    ]
    artifacts.check_comparable(runs)
    # A seed of the last run predicts fewer rows.
    seed = runs[-1].seeds[1]
    rows = np.arange(30)
    for key, predictions in seed.predictions.items():
        seed.predictions[key] = predictions.take(rows)
    with pytest.raises(ValueError, match=r"task reviews, dev: .*\(40 and 30;"):
        artifacts.check_comparable(runs)


def test_runs_on_different_corpora_are_not_comparable(tmp_path, data_dir):
    other_dir = run_artifacts.write_corpus(str(tmp_path / "corpus"), "beef")
    runs = [
        artifacts.read(run_artifacts.write_run(str(tmp_path / name), folder))
        for name, folder in (("one", data_dir), ("other", other_dir))
    ]
    with pytest.raises(ValueError, match=r"prepared differently .*f00d.*beef"):
        artifacts.check_comparable(runs)
    path = tmp_path / "other" / "assets" / "corpus.json"
    declaration = json.loads(path.read_text()) | {"corpus": "vader"}
    path.write_text(json.dumps(checksums.sign(declaration)))
    runs[1] = artifacts.read(str(tmp_path / "other"))
    with pytest.raises(ValueError, match=r"corpora: made_up and vader$"):
        artifacts.check_comparable(runs)


@pytest.fixture
def with_transfer(tmp_path, data_dir):
    return run_artifacts.write_run(
        str(tmp_path / "run"),
        data_dir,
        main_task="stance",
        label_transfer="supervised",
        output_layer="label_embedding",
    )


def test_a_run_with_label_transfer(with_transfer):
    actual = artifacts.read(with_transfer)
    assert actual.transfer_task == run_artifacts.TASKS[1]
    assert actual.missing() == []
    np.testing.assert_array_equal(
        actual.label_vectors.vectors,
        run_artifacts.label_embedding(run_artifacts.TASKS),
    )
    gold, second = run_artifacts.transfer_predictions(
        actual.transfer_task, "dev", 0
    )
    _, first = run_artifacts.predictions(actual.transfer_task, "dev", 0)
    both = (first.argmax(axis=1) == gold) & (second.argmax(axis=1) == gold)
    assert list(actual.agreement) == ["dev", "test"]
    assert actual.agreement["dev"].both == both.mean()
    # Those of the main model, as everywhere.
    np.testing.assert_array_equal(
        actual.predictions["stance", "dev"].probabilities, first
    )


def test_a_run_without_label_transfer(tmp_path, data_dir):
    # Here main_task only decides early stopping.
    actual = artifacts.read(
        run_artifacts.write_run(
            str(tmp_path / "run"), data_dir, main_task="stance"
        )
    )
    assert actual.transfer_task is None
    assert actual.label_vectors is None
    assert actual.agreement == {}


@pytest.mark.parametrize(
    "name",
    [
        "predictions/stance-test-label_transfer.jsonl",
        "predictions/stance-dev.jsonl",
        "label_embedding.npz",
    ],
)
def test_missing_files_of_label_transfer_are_listed(with_transfer, name):
    os.remove(os.path.join(with_transfer, name))
    actual = artifacts.read(with_transfer)
    assert actual.missing() == [name]
    assert (actual.agreement == {}) == ("stance" in name)
    assert (actual.label_vectors is None) == ("embedding" in name)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
