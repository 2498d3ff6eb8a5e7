import pytest

from mtl_tf.utils import suggestions


@pytest.mark.parametrize(
    ("word", "actual"),
    [
        ("lstn", " (did you mean lstm, bilstm?)"),
        ("BiLSTM", " (did you mean bilstm, lstm?)"),
        ("CNN", " (did you mean cnn?)"),
        ("zzzz", ""),
    ],
)
def test_the_nearest_come_first(word, actual):
    assert suggestions.nearest(word, ["lstm", "bilstm", "cnn"]) == actual


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
