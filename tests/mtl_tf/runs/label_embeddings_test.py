import os

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import label_embeddings
from mtl_tf.runs import results

TASKS = (
    tasks_lib.Task("books", ("bad", "good")),
    tasks_lib.Task("films", ("poor", "fair", "great")),
)
VECTORS = np.arange(15, dtype=np.float32).reshape(5, 3)
# Four rows are bad, none good; 7 are poor, 1 fair, 2 great.
TRAIN = (np.zeros(4, int), np.repeat([2, 0, 1], [2, 7, 1]))
ROWS = [4, 0, 7, 1, 2]


def make_label_vectors(vectors, tasks, labels):
    return label_embeddings.LabelVectors(
        np.array(vectors, np.float32),
        np.array(tasks),
        np.array(labels),
        np.ones(len(labels), int),
    )


def test_written_vectors_are_read(tmp_path):
    label_embeddings.write(str(tmp_path), TASKS, VECTORS, TRAIN)
    results.write(str(tmp_path), {})
    assert label_embeddings.exists(str(tmp_path))
    label_vectors = label_embeddings.read(str(tmp_path))
    np.testing.assert_array_equal(label_vectors.vectors, VECTORS)
    assert label_vectors.vectors.dtype == np.float32
    assert label_vectors.tasks.tolist() == ["books"] * 2 + ["films"] * 3
    assert label_vectors.labels.tolist() == [
        "bad",
        "good",
        "poor",
        "fair",
        "great",
    ]
    assert label_vectors.rows.tolist() == ROWS
    assert len(label_vectors) == 5
    assert label_vectors.task_names == ["books", "films"]


def test_file_has_arrays_of_the_documented_types(tmp_path):
    label_embeddings.write(
        str(tmp_path), TASKS, VECTORS.astype(np.float64), TRAIN
    )
    with np.load(tmp_path / "label_embedding.npz") as file:
        assert sorted(file) == ["label", "rows", "task", "vectors"]
        assert file["vectors"].dtype == np.float32
        assert file["task"].dtype.kind == file["label"].dtype.kind == "U"


@pytest.mark.parametrize(
    ("vectors", "shape"), [(VECTORS[:4], r"\[4, 3\]"), (VECTORS[0], r"\[3\]")]
)
def test_other_shapes_are_refused(tmp_path, vectors, shape):
    with pytest.raises(
        ValueError,
        match=rf"\[5, label_embedding_dim\] for 5 labels .*, got {shape}",
    ):
        label_embeddings.write(str(tmp_path), TASKS, vectors, TRAIN)
    assert os.listdir(tmp_path) == []


def test_message_for_a_missing_file_has_a_remedy(tmp_path):
    assert not label_embeddings.exists(str(tmp_path))
    with pytest.raises(
        ValueError, match=r"label_embedding.npz is missing: .*--mode=evaluate"
    ):
        label_embeddings.read(str(tmp_path))


def test_missing_arrays_are_named(tmp_path):
    path = tmp_path / "label_embedding.npz"
    np.savez(path, vectors=VECTORS, label=np.array(["x"] * 5))
    results.write(str(tmp_path), {})
    with pytest.raises(ValueError, match=r"npz: task, rows is missing"):
        label_embeddings.read(str(tmp_path))
    np.savez(path, vectors=VECTORS, task=["x"] * 4, label=["x"] * 5, rows=ROWS)
    results.write(str(tmp_path), {})
    with pytest.raises(
        ValueError, match=r"npz: expected .* for 5 labels with 4 tasks"
    ):
        label_embeddings.read(str(tmp_path))


@pytest.mark.parametrize(
    ("shape", "plane"), [((2, 2), True), ((5, 1), False), ((1, 5), False)]
)
def test_plane_needs_two_axes(shape, plane):
    names = ["x"] * shape[0]
    assert make_label_vectors(np.ones(shape), names, names).has_plane == plane


def test_nearest_by_hand():
    neighbors = label_embeddings.nearest(
        make_label_vectors(
            # 45°, 0°, and 90° at other lengths, and the opposite of the last.
            [[1, 1], [2, 0], [0, 5], [0, -3]],
            ["a", "a", "b", "c"],
            ["a1", "a2", "b1", "c1"],
        )
    )
    half = pytest.approx(0.5**0.5)
    assert [(x.task, x.label) for x in neighbors] == [
        ("a", "a1"),
        ("a", "a2"),
        ("b", "b1"),
        ("c", "c1"),
    ]
    assert neighbors[0].nearest == [
        ("b", "b1", half),
        ("c", "c1", pytest.approx(-(0.5**0.5))),
    ]
    # Both are equally near: in the order of labels.
    assert neighbors[1].nearest == [("b", "b1", 0), ("c", "c1", 0)]
    assert neighbors[2].nearest == [
        ("a", "a1", half),
        ("a", "a2", 0),
        ("c", "c1", -1),
    ]


def test_nearest_agrees_with_scikit_learn():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(12, 5)).astype(np.float32)
    tasks = np.repeat(["a", "b", "c"], 4)
    labels = np.array([f"label {n}" for n in range(12)])
    cosines = sklearn_metrics.pairwise.cosine_similarity(vectors)
    neighbors = label_embeddings.nearest(
        make_label_vectors(vectors, tasks, labels), count=2
    )
    for row, label in enumerate(neighbors):
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


def test_zero_vector_has_similarity_zero():
    neighbors = label_embeddings.nearest(
        make_label_vectors(
            [[0, 0], [1, 0], [-1, 0]], ["a", "b", "b"], ["x", "y", "z"]
        )
    )
    assert neighbors[0].nearest == [("b", "y", 0.0), ("b", "z", 0.0)]
    assert neighbors[1].nearest == [("a", "x", 0.0)]


def test_single_task_has_no_nearest_labels():
    neighbors = label_embeddings.nearest(
        make_label_vectors(np.eye(2), ["a", "a"], ["x", "y"])
    )
    assert [label.nearest for label in neighbors] == [[], []]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
