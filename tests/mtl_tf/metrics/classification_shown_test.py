import pytest

from mtl_tf.metrics import classification


@pytest.mark.parametrize(
    ("metric", "value", "shown", "signed"),
    [
        ("accuracy", 0.8074, "80.7", "+80.7"),
        ("macro_recall", -0.0001, "-0.0", "+0.0"),
        ("macro_mae", 0.7123, "0.712", "+0.712"),
        ("macro_mae_by_topic", -0.05, "-0.050", "−0.050"),
    ],
)
def test_scores_are_formatted_by_metric(metric, value, shown, signed):
    assert classification.METRICS[metric].show(value) == shown
    assert classification.METRICS[metric].show(value, signed=True) == signed


def test_units():
    assert classification.units(["accuracy", "fnc_score"]) == "in percent"
    names = ["macro_mae_by_topic", "accuracy", "macro_mae", "macro_mae"]
    assert classification.units(iter(names)) == (
        "in percent, macro_mae and macro_mae_by_topic in label positions"
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
