import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import dropout


def test_drops_the_rate_and_scales_the_others_up():
    layer = dropout.FeatureDropout(0.25, seed=0)
    output = layer(tf.ones([10, 20, 50]), training=True).numpy()
    # 1 / (1 - 0.25) = 4 / 3
    np.testing.assert_allclose(np.unique(output), [0, 4 / 3], rtol=1e-6)
    # Of n = 10,000: four standard deviations are 4 sqrt(.25 .75 / n) = 0.017.
    assert abs((output == 0).mean() - 0.25) < 0.017


def test_each_call_drops_others():
    layer = dropout.FeatureDropout(0.5, seed=0)
    first, second = (layer(tf.ones([100]), training=True) for _ in range(2))
    assert (first != second).numpy().any()


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_off_at_inference_and_at_rate_zero(rate, training):
    layer = dropout.FeatureDropout(rate)
    features = keras.random.normal([3, 4])
    np.testing.assert_array_equal(layer(features, training=training), features)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
