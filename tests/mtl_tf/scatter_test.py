import numpy as np
import pytest
from matplotlib import figure

from mtl_tf import scatter


def test_points_are_products_with_the_eigenvectors():
    random = np.random.default_rng(0)
    vectors = 5 + random.normal(size=(30, 4)) * [4, 2, 1, 0.5]
    points, shares = scatter.project(vectors.astype(np.float32))
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    np.testing.assert_allclose(
        np.abs(points), np.abs(centred @ axes[:, :-3:-1]), atol=1e-4
    )
    np.testing.assert_allclose(shares, values[:-3:-1] / values.sum(), rtol=1e-4)
    assert scatter.axis_name(1, np.array([0.7, 0.256])) == (
        "axis 2 (26% of variance)"
    )


def test_vectors_that_are_all_the_same_have_no_variance():
    points, shares = scatter.project(np.ones((4, 3), np.float32))
    np.testing.assert_array_equal(shares, [0, 0])
    np.testing.assert_allclose(points, 0, atol=1e-9)


def test_no_two_of_many_names_look_alike():
    looks = {tuple(scatter.look(number).values()) for number in range(56)}
    assert len(looks) == 56 == scatter.LOOKS


def test_names_in_order_and_each_once():
    long = "a long name that ends so"
    assert scatter.kinds(["b", long, "b"]) == {
        long: "a long name t…nds so",
        "b": "b",
    }


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
        (57, 5, 52, (0, 0)),
    ],
)
def test_shape_of_a_legend(count, length, line, shape):
    names = [f"{number:0{length}d}" for number in range(count)]
    assert scatter.legend_shape(dict(zip(names, names, strict=True)), line) == (
        shape
    )


@pytest.mark.parametrize("columns", [0, 2])
def test_a_legend_has_its_columns(columns):
    axis = figure.Figure().subplots()
    for name in "abc":
        axis.scatter([0], [0], label=name)
    scatter.draw_legend(axis, columns)
    legend = axis.get_legend()
    assert (legend._ncols if legend else 0) == columns


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
