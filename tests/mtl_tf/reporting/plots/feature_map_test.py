import itertools

import numpy as np
import pytest
from matplotlib import colors
from matplotlib import markers
from matplotlib.backends import backend_agg

from mtl_tf.reporting.plots import feature_map


@pytest.fixture
def sample():
    """Features, tasks and labels of 60 texts."""
    random = np.random.default_rng(0)
    scales = np.array([3, 1, 0.5, 0.25], np.float32)
    features = 7 + random.normal(size=(60, 4)).astype(np.float32) * scales
    task = np.array([f"task{row % 3}" for row in range(60)])
    label = np.array(["$bad_{$", "_good"] * 30)
    return features, task, label


def draw(features, task, label):
    """Draws a panel for the tasks and one for the labels."""
    return feature_map.draw(features, {"by task": task, "by label": label})


def look(artist_color, path):
    """Returns the color and shape of a marker, which distinguish names."""
    shape = np.round(path.vertices, 3).tobytes()
    return tuple(np.round(colors.to_rgb(artist_color), 3)), shape


def points_of(axis):
    """Returns the drawn points [texts, 2] by name."""
    (collection,) = axis.collections
    looks = [
        look(color[:3], path)
        for color, path in zip(
            collection.get_facecolor(), collection.get_paths(), strict=True
        )
    ]
    points_by_name = {}
    for handle in axis.get_legend().legend_handles:
        marker = markers.MarkerStyle(handle.get_marker())
        path = marker.get_path().transformed(marker.get_transform())
        of_name = look(handle.get_color(), path)
        rows = [row for row, of_row in enumerate(looks) if of_row == of_name]
        name = handle.get_label().strip()
        points_by_name[name] = np.asarray(collection.get_offsets())[rows]
    assert sum(map(len, points_by_name.values())) == len(looks)
    return points_by_name


def in_order(points):
    """Sorts points."""
    return points[np.lexsort(points.T)]


@pytest.mark.parametrize(("index", "title"), [(0, "by task"), (1, "by label")])
def test_points_are_on_the_principal_axes(sample, index, title):
    names = sample[1 + index]
    axis = draw(*sample).axes[index]
    assert axis.get_title("left") == title
    points_by_name = points_of(axis)
    assert sorted(points_by_name) == sorted(set(names))
    # Eigenvectors of the covariance; their signs are free.
    centered = sample[0].astype(np.float64) - sample[0].mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(centered.T))
    expected = centered @ vectors[:, :-3:-1]
    drawn = np.concatenate(list(points_by_name.values()))
    signs = np.sign(
        [
            drawn[np.abs(drawn[:, column]).argmax(), column]
            * expected[np.abs(expected[:, column]).argmax(), column]
            for column in range(2)
        ]
    )
    for name, points in points_by_name.items():
        np.testing.assert_allclose(
            in_order(points),
            in_order(expected[names == name] * signs),
            atol=1e-4,
        )


def test_axis_titles_have_the_share_of_the_variance(sample):
    shares = np.linalg.eigvalsh(np.cov(sample[0].T))[::-1]
    shares = shares / shares.sum()
    left, right = draw(*sample).axes
    for axis in (left, right):
        assert axis.get_xlabel() == f"axis 1 ({shares[0]:.0%} of variance)"
    assert left.get_ylabel() == f"axis 2 ({shares[1]:.0%} of variance)"


def test_names_in_the_legend_are_not_formulas(sample, tmp_path):
    picture = draw(*sample)
    texts = picture.axes[1].get_legend().get_texts()
    assert [text.get_text().strip() for text in texts] == ["$bad_{$", "_good"]
    # An invalid formula would be an error.
    picture.savefig(tmp_path / "map.png")


@pytest.mark.parametrize(("labels", "columns"), [(1, 1), (7, 2), (20, 2)])
def test_long_names_do_not_shrink_the_panels(sample, labels, columns):
    random = np.random.default_rng(0)
    names = [f"{index:03d} {'long ' * 15}end" for index in range(labels)]
    assert max(map(len, names)) > 80 - 5
    features = random.normal(size=(600, 4)).astype(np.float32)
    label = np.array(names)[np.arange(600) % labels]
    picture = draw(features, np.resize(sample[1], 600), label)
    # A layout that does not fit is a warning, which pytest makes an error.
    canvas = backend_agg.FigureCanvasAgg(picture)
    canvas.draw()
    inches = [
        axis.get_window_extent().size / picture.dpi for axis in picture.axes
    ]
    assert np.min(inches) > 2.8
    right = picture.axes[1]
    legend = right.get_legend()
    box = legend.get_window_extent()
    # Below the axis title, and within the picture.
    assert box.y1 < right.xaxis.label.get_window_extent().y0
    assert min(box.x0, box.y0) > 0
    assert box.x1 < picture.bbox.x1
    assert legend._ncols == columns
    texts = [text.get_text().strip() for text in legend.get_texts()]
    assert len(set(texts)) == labels
    assert max(map(len, texts)) == 20
    assert texts[0] == "000 long long…ng end"


def test_the_most_frequent_of_many_names_are_shown(sample):
    random = np.random.default_rng(0)
    # label n has n + 1 texts: the 20 most frequent are 980 to 999.
    label = np.repeat([f"label {n:03d}" for n in range(1000)], range(1, 1001))
    chosen = np.sort(random.permutation(len(label))[:4000])
    label = label[chosen]
    names, counts = np.unique(label, return_counts=True)
    features = random.normal(size=(4000, 4)).astype(np.float32)
    picture = draw(features, np.resize(sample[1], 4000), label)
    canvas = backend_agg.FigureCanvasAgg(picture)
    canvas.draw()
    left, right = picture.axes
    assert min(right.get_window_extent().size / picture.dpi) > 2.8
    assert left.get_title("left") == "by task"
    assert right.get_title("left") == (
        f"by label, 20 most frequent of {len(names):,}"
    )
    # All points are in one artist, for any number of names.
    assert len(left.collections) == len(right.collections) == 1
    points_by_name = points_of(right)
    most = sorted(np.sort(counts)[-20:])
    others = points_by_name.pop(f"other ({len(names) - 20:,})")
    assert len(others) == 4000 - sum(most)
    assert sorted(map(len, points_by_name.values())) == most
    assert list(points_by_name) == sorted(points_by_name)
    for name, points in points_by_name.items():
        assert len(points) == counts[names == name]
    # Gray, and drawn before all points with a name.
    (collection,) = right.collections
    gray = (collection.get_facecolor()[:, :3] == colors.to_rgb("#777777")).all(
        -1
    )
    assert gray[: len(others)].all()
    assert not gray[len(others) :].any()


def test_no_name_is_drawn_above_all_others(sample):
    (collection,) = draw(*sample).axes[0].collections
    order = list(map(tuple, collection.get_facecolor()))
    # Each task has points drawn before and after those of each other task.
    for one, other in itertools.permutations(set(order), 2):
        assert order.index(one) < len(order) - order[::-1].index(other) - 1


def test_constant_features_are_a_single_point(sample):
    axis = draw(np.ones_like(sample[0]), *sample[1:]).axes[0]
    assert axis.get_xlabel() == "axis 1 (0% of variance)"
    for points in points_of(axis).values():
        np.testing.assert_allclose(points, 0, atol=1e-9)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
