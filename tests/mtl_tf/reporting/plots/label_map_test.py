import itertools

import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends import backend_agg

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.plots import label_map
from mtl_tf.runs import label_embeddings
from mtl_tf.runs import results

SENTIMENTS = ("negative", "neutral", "positive")
# As many labels as the paper's Figure 2 has.
LABELS = {
    "absa_laptops": SENTIMENTS,
    "absa_restaurants": SENTIMENTS,
    "fnc1": ("agree", "disagree", "discuss", "unrelated"),
    "multinli": ("contradiction", "entailment", "neutral"),
    "stance": ("against", "favor", "none"),
    "target": SENTIMENTS,
    "topic2": ("negative", "positive"),
    "topic5": ("highly negative", *SENTIMENTS, "highly positive"),
}


def make(labels=LABELS, seed=0, size=9):
    """Makes label embeddings; labels of the same name are similar."""
    random = np.random.default_rng(seed)
    tasks = [task for task, names in labels.items() for _ in names]
    names = [name for of_task in labels.values() for name in of_task]
    means = {name: random.normal(size=size) for name in names}
    vectors = [means[name] + random.normal(size=size) / 2 for name in names]
    return label_embeddings.LabelVectors(
        np.array(vectors, np.float32),
        np.array(tasks),
        np.array(names),
        np.arange(len(names)),
    )


def overlap(first, second):
    """Checks whether boxes (left, lower, right, upper) overlap."""
    return (
        min(first[2], second[2]) - max(first[0], second[0]) > 1e-6
        and min(first[3], second[3]) - max(first[1], second[1]) > 1e-6
    )


def boxes_of(centers, sizes):
    return np.hstack([centers - sizes / 2, centers + sizes / 2])


def test_a_single_name_is_to_the_right_of_its_point():
    centers, gaps = label_map.place_names(
        np.array([[50.0, 50.0]]),
        np.array([[30.0, 10.0]]),
        np.array([0, 0, 200, 100]),
    )
    ((x, y),) = centers
    assert y == 50
    assert x - 15 == 50 + gaps[0]


@pytest.mark.parametrize("seed", range(5))
def test_names_do_not_overlap_if_there_is_space(seed):
    random = np.random.default_rng(seed)
    frame = np.array([10, 20, 700, 500])
    points = random.uniform([60, 60], [660, 460], size=(26, 2))
    sizes = np.stack([random.uniform(20, 110, 26), np.full(26, 11.0)], axis=1)
    centers, gaps = label_map.place_names(points, sizes, frame)
    boxes = boxes_of(centers, sizes)
    for first, second in itertools.combinations(boxes, 2):
        assert not overlap(first, second)
    for box in boxes:
        assert (box[:2] >= frame[:2]).all()
        assert (box[2:] <= frame[2:]).all()
        for point in points:
            assert not overlap(box, (*(point - 4), *(point + 4)))
    # Names are next to their points: the gap, and half the name.
    distances = np.abs(centers - points)
    assert (distances <= sizes / 2 + gaps[:, np.newaxis] + 1e-9).all()


def test_names_of_one_point_are_around_it():
    points = np.full((8, 2), 250.0)
    sizes = np.full((8, 2), [40.0, 11.0])
    centers, _ = label_map.place_names(
        points, sizes, np.array([0, 0, 500, 500])
    )
    for first, second in itertools.combinations(boxes_of(centers, sizes), 2):
        assert not overlap(first, second)


def drawn_names(picture):
    return {
        text: text.get_window_extent().extents for text in picture.axes[0].texts
    }


@pytest.mark.parametrize("tasks", [4, 8])
def test_names_of_the_paper_s_labels_do_not_overlap(tasks):
    labels = dict(list(LABELS.items())[:tasks])
    label_vectors = make(labels)
    picture = label_map.draw(label_vectors)
    canvas = backend_agg.FigureCanvasAgg(picture)
    canvas.draw()
    axis = picture.axes[0]
    names = drawn_names(picture)
    assert sorted(text.get_text() for text in names) == sorted(
        label_vectors.labels
    )
    for first, second in itertools.combinations(names.values(), 2):
        assert not overlap(first, second)
    frame = axis.get_window_extent().extents
    for box in names.values():
        assert (box[:2] >= frame[:2]).all()
        assert (box[2:] <= frame[2:]).all()
    legend = [text.get_text().strip() for text in axis.get_legend().get_texts()]
    assert legend == list(labels)


def test_points_are_on_the_principal_axes_by_task():
    label_vectors = make()
    axis = label_map.draw(label_vectors).axes[0]
    centered = label_vectors.vectors - label_vectors.vectors.mean(
        axis=0, dtype=np.float64
    )
    values, axes = np.linalg.eigh(centered.T @ centered)
    expected = np.abs(centered @ axes[:, :-3:-1])
    looks = set()
    for collection, task in zip(axis.collections, LABELS, strict=True):
        np.testing.assert_allclose(
            np.abs(collection.get_offsets()),
            expected[label_vectors.tasks == task],
            atol=1e-4,
        )
        color = tuple(collection.get_facecolor()[0])
        looks.add((color, collection.get_paths()[0].vertices.tobytes()))
    assert len(looks) == len(LABELS)
    shares = values[::-1] / values.sum()
    assert axis.get_xlabel() == f"axis 1 ({shares[0]:.0%} of variance)"
    assert axis.get_ylabel() == f"axis 2 ({shares[1]:.0%} of variance)"


def test_names_are_attached_to_the_points_of_their_labels():
    label_vectors = make()
    axis = label_map.draw(label_vectors).axes[0]
    points = np.concatenate([x.get_offsets() for x in axis.collections])
    for text, point, label in zip(
        axis.texts, points, label_vectors.labels, strict=True
    ):
        assert text.get_text() == label
        np.testing.assert_allclose(text.xy, point)


@pytest.mark.parametrize(
    "label_vectors",
    [
        make(
            {
                f"t{n}": tuple(f"{n} {'l' * 40} {m}" for m in range(6))
                for n in range(10)
            }
        ),
        make({f"t{n}": ("a", "b") for n in range(60)}),
        label_embeddings.LabelVectors(
            np.ones((20, 3), np.float32),
            np.array(["t"] * 20),
            np.arange(20).astype(str),
            np.arange(20),
        ),
        make({"t": ("$a_{$", "_b")}, size=2),
        make({"t": ("中文", "b")}),
    ],
    ids=["long names", "many tasks", "one point", "formula", "letters"],
)
def test_all_kinds_of_labels_can_be_drawn(tmp_path, label_vectors):
    tasks = [
        tasks_lib.Task(
            task,
            tuple(label_vectors.labels[label_vectors.tasks == task].tolist()),
        )
        for task in label_vectors.task_names
    ]
    rows = [np.arange(len(task.labels)) for task in tasks]
    label_embeddings.write(str(tmp_path), tasks, label_vectors.vectors, rows)
    results.write(str(tmp_path), {})
    path = label_map.write(str(tmp_path))
    assert path == str(tmp_path / "figures" / "labels.png")
    image = matplotlib.image.imread(path)
    assert (image[..., :3].mean(axis=-1) < 0.9).any()


def test_the_most_frequent_of_many_labels_are_named():
    label_vectors = make({"t": tuple(f"label {n}" for n in range(1000))})
    axis = label_map.draw(label_vectors).axes[0]
    # A later label has more rows.
    assert [text.get_text() for text in axis.texts] == [
        f"label {n}" for n in range(960, 1000)
    ]
    assert axis.get_title() == (
        "with the names of the 40 most frequent of 1,000 labels"
    )
    (collection,) = axis.collections
    assert len(collection.get_offsets()) == 1000
    # The points of the others are smaller and lighter.
    np.testing.assert_array_equal(
        np.diff(collection.get_sizes()) != 0,
        [False] * 959 + [True] + [False] * 39,
    )
    assert collection.get_alpha()[0] < collection.get_alpha()[-1]


def test_each_shown_task_is_a_collection():
    label_vectors = make({f"t{n:02d}": ("a", "b") for n in range(60)})
    axis = label_map.draw(label_vectors).axes[0]
    assert len(axis.collections) == 21
    legend = [text.get_text().strip() for text in axis.get_legend().get_texts()]
    assert legend == [*(f"t{n:02d}" for n in range(20)), "other (40)"]


def test_vectors_of_one_element_are_an_error():
    with pytest.raises(ValueError, match="for a map, got 1"):
        label_map.draw(make(size=1))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
