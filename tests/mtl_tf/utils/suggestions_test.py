import pytest

from mtl_tf.utils import suggestions


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("lstn", " (did you mean lstm, bilstm?)"),
        ("BiLSTM", " (did you mean bilstm, lstm?)"),
        ("CNN", " (did you mean cnn?)"),
        ("zzzz", ""),
    ],
)
def test_the_nearest_come_first(word, found):
    assert suggestions.nearest(word, ["lstm", "bilstm", "cnn"]) == found


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
