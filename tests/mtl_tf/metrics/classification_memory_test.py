import tracemalloc

import numpy as np
import pytest

from mtl_tf.metrics import classification


@pytest.mark.parametrize("metric", ["accuracy", "macro_recall_by_topic"])
def test_memory_grows_with_neither_topics_nor_squares_of_labels(metric):
    labels, topics, rows = 2000, 900, 1000
    random = np.random.default_rng(0)
    gold, predicted = random.integers(labels, size=(2, rows))
    names = [f"label {number}" for number in range(labels)]
    of_rows = np.array([f"topic {row % topics}" for row in range(rows)])
    tracemalloc.start()
    try:
        classification.compute(metric, names, gold, predicted, of_rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The square of the labels alone is 32 MB.
    assert peak < 4e6


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
