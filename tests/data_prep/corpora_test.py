import pytest

from data_prep import corpora
from data_prep import pairwise


def test_pairwise_corpora_are_those_that_have_a_reader():
    assert tuple(pairwise.CORPORA) == corpora.PAIRWISE_CORPORA
    assert set(corpora.PAIRWISE_CORPORA) < set(corpora.CORPORA)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
