import numpy as np
import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import results
from tests.helpers import made_up

_BOOKS = tasks_lib.Task("books", ("bad", "good"))
_FILMS = tasks_lib.Task("films", ("bad", "good"))


def features_of(rows, kinds):
    """Features that tell the row and the kind that they are of."""
    return {
        kind: np.float32([[row, row + 0.25, place] for row in range(rows)])
        for place, kind in enumerate(kinds)
    }


def read_features(run_dir):
    # Nothing of it is pickled: it may come from anywhere.
    with np.load(run_dir / "features.npz", allow_pickle=False) as found:
        return dict(found)


def test_features_of_all_texts_where_they_are_few(tmp_path):
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
    found = read_features(tmp_path)
    assert found["kind"] == "shared"
    assert found["features"].dtype == np.float32
    assert found["features"].tolist() == [
        [row, row + 0.25, 1] for row in (0, 1, 0, 1, 2)
    ]
    assert found["task"].tolist() == ["books"] * 2 + ["films"] * 3
    assert found["label"].tolist() == ["bad", "good", "good", "bad", "bad"]
    assert found["predicted"].tolist() == ["good", "good", "bad", "good", "bad"]
    assert found["id"].tolist() == ["row-0", "row-1", "row-0", "row-1", "row-2"]


def test_features_of_a_sample_where_texts_are_many(tmp_path):
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

    found = write(3)
    # There is no shared encoder.
    assert found["kind"] == "private"
    # Half of the rows are each task's, whether it has as many or not.
    assert found["task"].tolist() == ["books"] * 1000 + ["films"]
    rows = found["features"][:1000, 0].astype(int)
    assert (np.diff(rows) > 0).all()
    assert rows.tolist() != list(range(1000))
    names = np.array(["bad", "good"])
    assert found["id"][:1000].tolist() == [f"row-{row}" for row in rows]
    np.testing.assert_array_equal(found["label"][:1000], names[labels[rows]])
    np.testing.assert_array_equal(
        found["predicted"][:1000], names[predicted[rows]]
    )
    # The seed alone decides.
    assert write(3)["id"].tolist() == found["id"].tolist()
    assert write(4)["id"].tolist() != found["id"].tolist()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
