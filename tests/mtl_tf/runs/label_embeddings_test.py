import os

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import label_embeddings

TASKS = (
    tasks_lib.Task("books", ("bad", "good")),
    tasks_lib.Task("films", ("poor", "fair", "great")),
)
VECTORS = np.arange(15, dtype=np.float32).reshape(5, 3)
# Four rows are bad, none good; 7 are poor, 1 fair, 2 great.
TRAIN = (np.zeros(4, int), np.repeat([2, 0, 1], [2, 7, 1]))
ROWS = [4, 0, 7, 1, 2]


def make(vectors, tasks, labels):
    return label_embeddings.LabelVectors(
        np.array(vectors, np.float32),
        np.array(tasks),
        np.array(labels),
        np.ones(len(labels), int),
    )


def test_what_is_written_is_read(tmp_path):
    label_embeddings.write(str(tmp_path), TASKS, VECTORS, TRAIN)
    assert label_embeddings.exists(str(tmp_path))
    found = label_embeddings.read(str(tmp_path))
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert found.vectors.dtype == np.float32
    assert found.tasks.tolist() == ["books"] * 2 + ["films"] * 3
    assert found.labels.tolist() == ["bad", "good", "poor", "fair", "great"]
    assert found.rows.tolist() == ROWS
    assert len(found) == 5
    assert found.task_names == ["books", "films"]


def test_the_file_has_what_is_promised(tmp_path):
    label_embeddings.write(
        str(tmp_path), TASKS, VECTORS.astype(np.float64), TRAIN
    )
    with np.load(tmp_path / "label_embedding.npz") as file:
        assert sorted(file) == ["label", "rows", "task", "vectors"]
        assert file["vectors"].dtype == np.float32
        assert file["task"].dtype.kind == file["label"].dtype.kind == "U"


@pytest.mark.parametrize(
    ("vectors", "got"), [(VECTORS[:4], r"\[4, 3\]"), (VECTORS[0], r"\[3\]")]
)
def test_other_shapes_are_refused(tmp_path, vectors, got):
    with pytest.raises(
        ValueError, match=rf"5 labels .*\[5, width\], got {got}"
    ):
        label_embeddings.write(str(tmp_path), TASKS, vectors, TRAIN)
    assert os.listdir(tmp_path) == []


def test_a_run_without_the_file_is_told_how_to_get_it(tmp_path):
    assert not label_embeddings.exists(str(tmp_path))
    with pytest.raises(
        ValueError, match=r"label_embedding.npz is missing: .*--mode=evaluate"
    ):
        label_embeddings.read(str(tmp_path))


def test_what_is_missing_in_the_file_is_named(tmp_path):
    path = tmp_path / "label_embedding.npz"
    np.savez(path, vectors=VECTORS, label=np.array(["x"] * 5))
    with pytest.raises(ValueError, match=r"npz: task, rows is missing"):
        label_embeddings.read(str(tmp_path))
    np.savez(path, vectors=VECTORS, task=["x"] * 4, label=["x"] * 5, rows=ROWS)
    with pytest.raises(ValueError, match=r"embedding.npz: 5 labels of 4 tasks"):
        label_embeddings.read(str(tmp_path))


@pytest.mark.parametrize(
    ("shape", "plane"), [((2, 2), True), ((5, 1), False), ((1, 5), False)]
)
def test_a_plane_needs_two_axes(shape, plane):
    names = ["x"] * shape[0]
    assert make(np.ones(shape), names, names).has_plane == plane


def test_nearest_by_hand():
    found = label_embeddings.nearest(
        make(
            # 45°, 0°, and 90° at other lengths, and the opposite of the last.
            [[1, 1], [2, 0], [0, 5], [0, -3]],
            ["a", "a", "b", "c"],
            ["a1", "a2", "b1", "c1"],
        )
    )
    half = pytest.approx(0.5**0.5)
    assert [(x.task, x.label) for x in found] == [
        ("a", "a1"),
        ("a", "a2"),
        ("b", "b1"),
        ("c", "c1"),
    ]
    assert found[0].nearest == [
        ("b", "b1", half),
        ("c", "c1", pytest.approx(-(0.5**0.5))),
    ]
    # As far from both: in the order of labels.
    assert found[1].nearest == [("b", "b1", 0), ("c", "c1", 0)]
    assert found[2].nearest == [
        ("a", "a1", half),
        ("a", "a2", 0),
        ("c", "c1", -1),
    ]


def test_nearest_is_scikit_learn_s_cosine():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(12, 5)).astype(np.float32)
    tasks = np.repeat(["a", "b", "c"], 4)
    labels = np.array([f"label {n}" for n in range(12)])
    cosines = sklearn_metrics.pairwise.cosine_similarity(vectors)
    found = label_embeddings.nearest(make(vectors, tasks, labels), count=2)
    for row, label in enumerate(found):
        others = sorted(
            (
                (cosines[row, other], tasks[other], labels[other])
                for other in range(12)
                if tasks[other] != tasks[row]
            ),
            reverse=True,
        )
        assert label.nearest == [
            (task, name, pytest.approx(cosine, abs=1e-6))
            for cosine, task, name in others[:2]
        ]


def test_a_vector_of_zeros_is_near_nothing():
    found = label_embeddings.nearest(
        make([[0, 0], [1, 0], [-1, 0]], ["a", "b", "b"], ["x", "y", "z"])
    )
    assert found[0].nearest == [("b", "y", 0.0), ("b", "z", 0.0)]
    assert found[1].nearest == [("a", "x", 0.0)]


def test_a_task_alone_has_no_nearest_labels():
    found = label_embeddings.nearest(make(np.eye(2), ["a", "a"], ["x", "y"]))
    assert [label.nearest for label in found] == [[], []]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
