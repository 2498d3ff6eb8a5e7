import tracemalloc

import numpy as np
import pytest

from mtl_tf.metrics import classification


@pytest.mark.parametrize("metric", ["accuracy", "macro_recall_by_topic"])
def test_memory_does_not_grow_with_topics_or_the_square_of_labels(metric):
    labels, topics, rows = 2000, 900, 1000
    random = np.random.default_rng(0)
    gold, predicted = random.integers(labels, size=(2, rows))
    names = [f"label {index}" for index in range(labels)]
    topic_of_row = np.array([f"topic {row % topics}" for row in range(rows)])
    tracemalloc.start()
    try:
        classification.compute(metric, names, gold, predicted, topic_of_row)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A confusion matrix would take 32 MB.
    assert peak < 4e6


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
