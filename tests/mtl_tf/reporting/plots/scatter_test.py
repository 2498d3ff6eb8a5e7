import string

import numpy as np
import pytest
from matplotlib import figure

from mtl_tf.reporting.plots import scatter


def test_points_are_projected_on_the_eigenvectors():
    random = np.random.default_rng(0)
    vectors = 5 + random.normal(size=(30, 4)) * [4, 2, 1, 0.5]
    points, shares = scatter.project(vectors.astype(np.float32))
    centered = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centered.T @ centered)
    np.testing.assert_allclose(
        np.abs(points), np.abs(centered @ axes[:, :-3:-1]), atol=1e-4
    )
    np.testing.assert_allclose(shares, values[:-3:-1] / values.sum(), rtol=1e-4)
    assert scatter.axis_title(1, np.array([0.7, 0.256])) == (
        "axis 2 (26% of variance)"
    )


def test_equal_vectors_have_no_variance():
    points, shares = scatter.project(np.ones((4, 3), np.float32))
    np.testing.assert_array_equal(shares, [0, 0])
    np.testing.assert_allclose(points, 0, atol=1e-9)


def test_names_look_different():
    series = scatter.make_series(np.array([f"name {n}" for n in range(60)]))
    assert len(series.names) == 21
    assert len(set(series.looks)) == 21


def test_names_are_sorted_and_unique():
    long = "a long name that ends so"
    series = scatter.make_series(np.array(["b", long, "b"]))
    assert series.names == ["a long name t…nds so", "b"]
    assert series.of_points.tolist() == [1, 0, 1]
    assert (series.count, series.note) == (2, "")


def test_names_beyond_the_most_frequent_are_one_series():
    # a to t twice each, u to z once.
    names = np.array([*string.ascii_lowercase, *string.ascii_lowercase[:20]])
    series = scatter.make_series(names)
    assert series.names == [*string.ascii_lowercase[:20], "other (6)"]
    assert series.of_points.tolist() == [*range(20), *[20] * 6, *range(20)]
    assert series.note == "20 most frequent of 26"


@pytest.mark.parametrize(
    ("count", "length", "line_length", "shape"),
    [
        (1, 5, 52, (1, 1)),
        (4, 5, 52, (2, 2)),
        (8, 5, 52, (2, 4)),
        # A name of 16 characters and its marker take 20 of 52.
        (8, 16, 52, (4, 2)),
        # There is at least one column.
        (3, 16, 10, (3, 1)),
        (56, 5, 52, (14, 4)),
    ],
)
def test_shape_of_a_legend(count, length, line_length, shape):
    names = [f"{index:0{length}d}" for index in range(count)]
    assert scatter.legend_shape(names, line_length) == shape


def test_a_legend_has_names_and_columns():
    axis = figure.Figure().subplots()
    scatter.draw_legend(
        axis, scatter.make_series(np.array(["a", "_b", "c"])), 52
    )
    legend = axis.get_legend()
    assert legend._ncols == 2
    assert [x.get_text().strip() for x in legend.get_texts()] == [
        "_b",
        "a",
        "c",
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
