import numpy as np
import pytest

from mtl_tf.layers import token_layers
from tests.helpers import packed

TASK_BATCHES, SEQ_LEN, BATCH, WIDTH, HIDDEN_SIZE = 2, 6, 3, 2, 3
LENGTHS = np.array([[4, 1, 3], [2, 6, 5]], np.int32)
TASK_IDS = np.array([1, 0])


@pytest.fixture
def inputs():
    """Unpacked token features, not zero beyond the end of a text."""
    random = np.random.default_rng(0)
    shape = (TASK_BATCHES, SEQ_LEN, BATCH, WIDTH)
    return random.normal(size=shape).astype(np.float32)


def call(layer, inputs):
    """Returns the unpacked results."""
    outputs = layer(packed.pack(inputs, LENGTHS), LENGTHS, TASK_IDS)
    return packed.unpack(outputs, LENGTHS).numpy()


def texts(inputs):
    """Yields (task batch, index in it, token features) of each text."""
    for task_batch, text in np.ndindex(TASK_BATCHES, BATCH):
        yield (
            task_batch,
            text,
            inputs[task_batch, : LENGTHS[task_batch, text], text],
        )


@pytest.mark.parametrize("windows", [(1,), (2, 5), (3, 4, 5)])
def test_convolution_equation(inputs, windows):
    layer = token_layers.Convolution(
        HIDDEN_SIZE, 2, windows=windows, init_range=1.0, seed=0
    )
    actual = call(layer, inputs)
    for task_batch, text, x in texts(inputs):
        task_id = TASK_IDS[task_batch]
        for t in range(len(x)):
            s_t = []
            for w, kernel in zip(windows, layer.kernels, strict=True):
                # W_0 .. W_{w - 1} are adjacent.
                matrices = np.split(kernel.numpy()[task_id], w, axis=1)
                for_window = np.zeros(HIDDEN_SIZE)
                for j in range(w):
                    position = t + j - (w - 1) // 2
                    if 0 <= position < len(x):
                        for_window += x[position] @ matrices[j]
                s_t.append(for_window)
            s_t = np.maximum(0, np.concatenate(s_t) + layer.bias[task_id])
            np.testing.assert_allclose(
                actual[task_batch, t, text], s_t, atol=1e-5
            )


def test_token_dense_equation(inputs):
    layer = token_layers.TokenDense(HIDDEN_SIZE, 2, init_range=1.0, seed=0)
    actual = call(layer, inputs)
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    for task_batch, text, x in texts(inputs):
        task_id = TASK_IDS[task_batch]
        for t, x_t in enumerate(x):
            s_t = np.tanh(x_t @ kernel[task_id] + bias[task_id])
            np.testing.assert_allclose(
                actual[task_batch, t, text], s_t, atol=1e-6
            )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
