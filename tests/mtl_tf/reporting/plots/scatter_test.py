import string

import numpy as np
import pytest
from matplotlib import figure

from mtl_tf.reporting.plots import scatter


def test_points_are_products_with_the_eigenvectors():
    random = np.random.default_rng(0)
    vectors = 5 + random.normal(size=(30, 4)) * [4, 2, 1, 0.5]
    points, shares = scatter.project(vectors.astype(np.float32))
    centered = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centered.T @ centered)
    np.testing.assert_allclose(
        np.abs(points), np.abs(centered @ axes[:, :-3:-1]), atol=1e-4
    )
    np.testing.assert_allclose(shares, values[:-3:-1] / values.sum(), rtol=1e-4)
    assert scatter.axis_name(1, np.array([0.7, 0.256])) == (
        "axis 2 (26% of variance)"
    )


def test_vectors_that_are_all_the_same_have_no_variance():
    points, shares = scatter.project(np.ones((4, 3), np.float32))
    np.testing.assert_array_equal(shares, [0, 0])
    np.testing.assert_allclose(points, 0, atol=1e-9)


def test_no_two_names_look_alike():
    shown = scatter.series(np.array([f"name {n}" for n in range(60)]))
    assert len(shown.names) == 21
    assert len({tuple(look.values()) for look in shown.looks}) == 21


def test_names_in_order_and_each_once():
    long = "a long name that ends so"
    shown = scatter.series(np.array(["b", long, "b"]))
    assert shown.names == ["a long name t…nds so", "b"]
    assert shown.of_points.tolist() == [1, 0, 1]
    assert (shown.count, shown.note) == (2, "")


def test_names_beyond_the_most_frequent_are_one_series():
    # a to t twice each, u to z once.
    names = np.array([*string.ascii_lowercase, *string.ascii_lowercase[:20]])
    shown = scatter.series(names)
    assert shown.names == [*string.ascii_lowercase[:20], "other (6)"]
    assert shown.of_points.tolist() == [*range(20), *[20] * 6, *range(20)]
    assert shown.note == "20 most frequent of 26"


@pytest.mark.parametrize(
    ("count", "length", "line", "shape"),
    [
        (1, 5, 52, (1, 1)),
        (4, 5, 52, (2, 2)),
        (8, 5, 52, (2, 4)),
        # 16 characters and a marker: 20 of 52.
        (8, 16, 52, (4, 2)),
        # However narrow, there is one.
        (3, 16, 10, (3, 1)),
        (56, 5, 52, (14, 4)),
    ],
)
def test_shape_of_a_legend(count, length, line, shape):
    names = [f"{number:0{length}d}" for number in range(count)]
    assert scatter.legend_shape(names, line) == shape


def test_a_legend_has_names_and_columns():
    axis = figure.Figure().subplots()
    scatter.draw_legend(axis, scatter.series(np.array(["a", "_b", "c"])), 52)
    legend = axis.get_legend()
    assert legend._ncols == 2
    assert [x.get_text().strip() for x in legend.get_texts()] == [
        "_b",
        "a",
        "c",
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
