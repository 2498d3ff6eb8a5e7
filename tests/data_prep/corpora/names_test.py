import pytest

from data_prep.corpora import names
from data_prep.corpora import pairwise


def test_pairwise_corpora_are_those_with_a_reader():
    assert tuple(pairwise.CORPORA) == names.PAIRWISE_CORPORA
    assert set(names.PAIRWISE_CORPORA) < set(names.CORPORA)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
