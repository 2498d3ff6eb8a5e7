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
    found = artifacts.read(run_dir)
    assert [task.name for task in found.run.tasks] == ["reviews", "stance"]
    assert len(found.history) == 3
    assert set(found.predictions) == {
        (task, split)
        for task in ("reviews", "stance")
        for split in ("dev", "test")
    }
    gold, probabilities = run_artifacts.answers(
        run_artifacts.TASKS[0], "test", 0
    )
    test = found.predictions["reviews", "test"]
    np.testing.assert_array_equal(test.gold, gold)
    np.testing.assert_array_equal(test.probabilities, probabilities)
    assert found.features.kind == "shared"
    assert found.features.features.shape == (80, 5)
    assert found.features.task[[0, -1]].tolist() == ["reviews", "stance"]
    assert found.analysis is None
    assert found.parts == {}
    assert found.seeds == [found]
    assert found.missing() == []


def test_a_run_of_single_tasks_has_the_predictions_of_its_parts(
    tmp_path, data_dir
):
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, sharing="single_task"
    )
    found = artifacts.read(run_dir)
    assert list(found.parts) == ["reviews", "stance"]
    assert len(found.predictions) == 4
    assert found.seeds == [found]
    assert not found.of_seeds
    assert found.missing() == []


def test_a_run_of_seeds_has_none_of_its_own(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"),
        data_dir,
        num_runs=2,
        seed=4,
        sharing="single_task",
    )
    found = artifacts.read(run_dir)
    assert found.of_seeds
    assert list(found.parts) == ["4", "5"]
    assert found.predictions == {}
    # A seed is a run of single tasks, with predictions of its own parts.
    assert [len(seed.predictions) for seed in found.seeds] == [4, 4]
    first, second = (s.predictions["stance", "test"] for s in found.seeds)
    np.testing.assert_array_equal(first.gold, second.gold)
    assert (first.probabilities != second.probabilities).any()


def test_a_moved_run_is_read_from_where_it_is(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, sharing="single_task"
    )
    moved = shutil.move(run_dir, tmp_path / "moved")
    found = artifacts.read(str(moved))
    assert found.parts["stance"].run.run_dir == str(moved / "tasks" / "stance")


def test_what_is_missing_is_told(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(str(tmp_path / "run"), data_dir)
    stance = "predictions/stance-dev.jsonl"
    for name in ("features.npz", "history.jsonl", stance):
        os.remove(os.path.join(run_dir, name))
    found = artifacts.read(run_dir)
    assert found.missing_predictions() == [stance]
    assert found.missing() == ["history.jsonl", stance, "features.npz"]


def test_what_a_part_lacks_is_told_with_its_folder(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, sharing="single_task"
    )
    os.remove(os.path.join(run_dir, "tasks", "stance", "features.npz"))
    assert artifacts.read(run_dir).missing() == ["tasks/stance/features.npz"]


def test_a_run_that_has_not_ended_is_refused(tmp_path, data_dir):
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
        {"tokens": rows},
    )


def test_aligned_rows_are_those_of_the_first():
    first, second = artifacts.align(
        [make_predictions(["a", "b", "c"]), make_predictions(["c", "a", "b"])],
        "task t",
    )
    assert first.ids.tolist() == second.ids.tolist() == ["a", "b", "c"]
    assert second.groups.tolist() == first.groups.tolist()
    # Where a, b and c were in the second.
    assert second.gold.tolist() == [1, 2, 0]
    assert second.predicted.tolist() == [1, 2, 0]
    assert second.probabilities.argmax(axis=1).tolist() == [1, 2, 0]
    assert second.counts["tokens"].tolist() == [1, 2, 0]


@pytest.mark.parametrize("ids", [["a", "x"], ["a"], ["a", "b", "c"]])
def test_other_rows_are_refused(ids):
    runs = [make_predictions(["a", "b"]), make_predictions(ids)]
    with pytest.raises(ValueError, match="task t: the runs predict other rows"):
        artifacts.align(runs, "task t")


def test_runs_that_can_be_compared(tmp_path, data_dir):
    runs = [
        artifacts.read(
            run_artifacts.write_run(str(tmp_path / name), data_dir, **settings)
        )
        for name, settings in {
            "single": {"sharing": "single_task"},
            "shared": {"max_examples": 7},
            "seeds": {"num_runs": 2},
        }.items()
    ]
    artifacts.check_comparable(runs)
    # A seed of the last predicts fewer rows.
    seed = runs[-1].seeds[1]
    rows = np.arange(30)
    for key, predictions in seed.predictions.items():
        seed.predictions[key] = predictions.take(rows)
    with pytest.raises(ValueError, match=r"task reviews, dev: .*\(40 and 30;"):
        artifacts.check_comparable(runs)


def test_runs_of_other_corpora_cannot_be_compared(tmp_path, data_dir):
    other_dir = run_artifacts.write_corpus(str(tmp_path / "corpus"), "beef")
    runs = [
        artifacts.read(run_artifacts.write_run(str(tmp_path / name), folder))
        for name, folder in (("one", data_dir), ("other", other_dir))
    ]
    with pytest.raises(ValueError, match=r"prepared otherwise .*f00d.*beef"):
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
    found = artifacts.read(with_transfer)
    assert found.transfer_task == run_artifacts.TASKS[1]
    assert found.missing() == []
    np.testing.assert_array_equal(
        found.label_vectors.vectors,
        run_artifacts.label_embedding(run_artifacts.TASKS),
    )
    gold, second = run_artifacts.transfer_answers(found.transfer_task, "dev", 0)
    _, first = run_artifacts.answers(found.transfer_task, "dev", 0)
    both = (first.argmax(axis=1) == gold) & (second.argmax(axis=1) == gold)
    assert list(found.agreement) == ["dev", "test"]
    assert found.agreement["dev"].both == both.mean()
    # Those of the main model, as everywhere.
    np.testing.assert_array_equal(
        found.predictions["stance", "dev"].probabilities, first
    )


def test_other_runs_have_nothing_of_it(tmp_path, data_dir):
    # Whose checkpoint follows a task.
    found = artifacts.read(
        run_artifacts.write_run(
            str(tmp_path / "run"), data_dir, main_task="stance"
        )
    )
    assert found.transfer_task is None
    assert found.label_vectors is None
    assert found.agreement == {}


@pytest.mark.parametrize(
    "name",
    [
        "predictions/stance-test-label_transfer.jsonl",
        "predictions/stance-dev.jsonl",
        "label_embedding.npz",
    ],
)
def test_what_is_missing_of_it_is_named(with_transfer, name):
    os.remove(os.path.join(with_transfer, name))
    found = artifacts.read(with_transfer)
    assert found.missing() == [name]
    assert (found.agreement == {}) == ("stance" in name)
    assert (found.label_vectors is None) == ("embedding" in name)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
