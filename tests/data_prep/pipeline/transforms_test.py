import pytest

from data_prep.pipeline import blocks
from data_prep.pipeline import transforms
from mtl_tf.data import records
from mtl_tf.data import vocabulary


def test_the_numbers_of_rows_are_collected_once():
    places = {
        blocks.BlockKey(0, 1, 0, 0): records.Place(0, 0, 7, 9),
        blocks.BlockKey(0, 1, 0, 1): records.Place(4, 5, 7, 9),
        blocks.BlockKey(2, 0, 0, 0): records.Place(0, 0, 3, 3),
    }
    words = vocabulary.Vocabulary(vocabulary.SPECIAL_TOKENS)
    tables = transforms.Tables([], words, [], places)
    assert tables.num_rows == {(0, 1): 7, (2, 0): 3}
    assert tables.num_rows is tables.num_rows


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
