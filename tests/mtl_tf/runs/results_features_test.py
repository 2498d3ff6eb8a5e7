import numpy as np
import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import results
from tests.helpers import made_up

_BOOKS = tasks_lib.Task("books", ("bad", "good"))
_FILMS = tasks_lib.Task("films", ("bad", "good"))


def features_of(rows, kinds):
    """Makes features that depend on the row and the kind."""
    return {
        kind: np.float32([[row, row + 0.25, index] for row in range(rows)])
        for index, kind in enumerate(kinds)
    }


def read_features(run_dir):
    # Files may be from others: nothing may be pickled.
    with np.load(run_dir / "features.npz", allow_pickle=False) as file:
        return dict(file)


def test_features_of_few_texts_are_complete(tmp_path):
    kinds = ("private", "shared")
    results.write_features(
        str(tmp_path),
        (_BOOKS, _FILMS),
        [
            made_up.predict([0, 1], [1, 1], features=features_of(2, kinds)),
            made_up.predict(
                [1, 0, 0], [0, 1, 0], features=features_of(3, kinds)
            ),
        ],
        seed=0,
    )
    columns = read_features(tmp_path)
    assert columns["kind"] == "shared"
    assert columns["features"].dtype == np.float32
    assert columns["features"].tolist() == [
        [row, row + 0.25, 1] for row in (0, 1, 0, 1, 2)
    ]
    assert columns["task"].tolist() == ["books"] * 2 + ["films"] * 3
    assert columns["label"].tolist() == ["bad", "good", "good", "bad", "bad"]
    assert columns["predicted"].tolist() == [
        "good",
        "good",
        "bad",
        "good",
        "bad",
    ]
    assert columns["id"].tolist() == [
        "row-0",
        "row-1",
        "row-0",
        "row-1",
        "row-2",
    ]


def test_features_of_many_texts_are_sampled(tmp_path):
    assert results.FEATURE_ROWS == 2000
    random = np.random.default_rng(1)
    labels, predicted = random.integers(2, size=(2, 3000))

    def write(seed):
        kinds = ("private",)
        many = made_up.predict(
            labels, predicted, features=features_of(3000, kinds)
        )
        few = made_up.predict([0], [0], features=features_of(1, kinds))
        results.write_features(
            str(tmp_path), (_BOOKS, _FILMS), [many, few], seed
        )
        return read_features(tmp_path)

    columns = write(3)
    # There is no shared encoder.
    assert columns["kind"] == "private"
    # Each task gets half of the rows, even if it has fewer.
    assert columns["task"].tolist() == ["books"] * 1000 + ["films"]
    rows = columns["features"][:1000, 0].astype(int)
    assert (np.diff(rows) > 0).all()
    assert rows.tolist() != list(range(1000))
    names = np.array(["bad", "good"])
    assert columns["id"][:1000].tolist() == [f"row-{row}" for row in rows]
    np.testing.assert_array_equal(columns["label"][:1000], names[labels[rows]])
    np.testing.assert_array_equal(
        columns["predicted"][:1000], names[predicted[rows]]
    )
    # The sample depends on the seed.
    assert write(3)["id"].tolist() == columns["id"].tolist()
    assert write(4)["id"].tolist() != columns["id"].tolist()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
