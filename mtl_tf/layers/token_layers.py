"""Layers of text encoders that read windows of tokens, or single tokens."""

import keras
import tensorflow as tf

from mtl_tf.layers import packed_rnn
from mtl_tf.layers import per_task


@keras.saving.register_keras_serializable(package="mtl_tf")
class Convolution(per_task.PerTaskLayer):
    """Convolves windows of several widths, and applies a ReLU.

    Kim 2014, Eq. 2, with padding of zeros beyond the ends of a text. For each
    window width w:

        s_t = relu(sum_j x_{t + j - (w - 1) // 2} W_j + b), j = 0 .. w - 1

    Args:
      filters: number of filters of each window width.
      num_tasks: number of weight sets.
      windows: window widths, in tokens.
      **kwargs: for `PerTaskLayer`.

    Call arguments:
      inputs: x, float32 [rows, batch, width], packed (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      task_ids: int32 [task_batches].

    Returns:
      float32 [rows, batch, filters * number of windows], packed.

    Reference:
      [Kim 2014](https://aclanthology.org/D14-1181).
    """

    def __init__(
        self,
        filters: int,
        num_tasks: int,
        *,
        windows: tuple[int, ...] = (3, 4, 5),
        **kwargs,
    ):
        super().__init__(num_tasks, **kwargs)
        self.filters = filters
        self.windows = tuple(windows)

    @property
    def output_size(self) -> int:
        """Width of the token features that a call returns."""
        return self.filters * len(self.windows)

    def build(self, inputs_shape, lengths_shape=None, task_ids_shape=None):
        del lengths_shape, task_ids_shape
        self.kernels = [
            self.add_per_task_weight(
                f"kernel_{window}", (inputs_shape[-1], window * self.filters)
            )
            for window in self.windows
        ]
        self.bias = self.add_per_task_weight("bias", (self.output_size,))

    def call(self, inputs, lengths, task_ids, training=False):
        packing = packed_rnn.Packing(lengths, training)
        outputs = [
            _add_shifted(
                self._multiply(inputs, kernel, packing, task_ids), window
            )
            for window, kernel in zip(self.windows, self.kernels, strict=True)
        ]
        bias = self.gather(self.bias, task_ids)[:, tf.newaxis, tf.newaxis]
        return packing.pack(tf.nn.relu(tf.concat(outputs, axis=-1) + bias))

    def _multiply(self, inputs, kernel, packing, task_ids):
        """Multiplies the tokens of the texts with the kernel of a window.

        Returns:
          float32 [task_batches, seq_len, batch, window * filters], zeros beyond
          the end of a text.
        """
        if self.num_tasks == 1:
            # Without padding to the longest text of all task batches.
            products = tf.einsum("rbi,io->rbo", inputs, kernel[0])
            products, mask = packing.unpack_with_mask(products)
        else:
            inputs, mask = packing.unpack_with_mask(inputs)
            products = tf.einsum(
                "ktbi,kio->ktbo", inputs, self.gather(kernel, task_ids)
            )
        # Not products * mask: beyond the end of a text there may be infinities.
        return tf.where(mask, products, tf.zeros_like(products))

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "windows": self.windows,
        }


def _add_shifted(products, window):
    """Adds the products of the tokens of each window.

    Args:
      products: x_t W_0 .. x_t W_{w - 1}, next to each other, float32
        [task_batches, seq_len, batch, window * filters].
      window: w, the width of the window.

    Returns:
      float32 [task_batches, seq_len, batch, filters].
    """
    seq_len = tf.shape(products)[1]
    before = (window - 1) // 2
    after = window - 1 - before
    products = tf.pad(products, [[0, 0], [before, after], [0, 0], [0, 0]])
    by_position = tf.split(products, window, axis=-1)
    return tf.add_n(
        [part[:, j : j + seq_len] for j, part in enumerate(by_position)]
    )


@keras.saving.register_keras_serializable(package="mtl_tf")
class TokenDense(per_task.PerTaskLayer):
    """Computes s_t = tanh(x_t W + b) for each token.

    The order of the tokens has no effect: pooled over them, it is a bag of
    words.

    Args:
      hidden_size: width of s_t.
      num_tasks: number of weight sets.
      **kwargs: for `PerTaskLayer`.

    Call arguments:
      inputs: x, float32 [rows, batch, width], packed (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      task_ids: int32 [task_batches].

    Returns:
      float32 [rows, batch, hidden_size], packed.
    """

    def __init__(self, hidden_size: int, num_tasks: int, **kwargs):
        super().__init__(num_tasks, **kwargs)
        self.hidden_size = hidden_size

    @property
    def output_size(self) -> int:
        """Width of the token features that a call returns."""
        return self.hidden_size

    def build(self, inputs_shape, lengths_shape=None, task_ids_shape=None):
        del lengths_shape, task_ids_shape
        self.kernel = self.add_per_task_weight(
            "kernel", (inputs_shape[-1], self.hidden_size)
        )
        self.bias = self.add_per_task_weight("bias", (self.hidden_size,))

    def call(self, inputs, lengths, task_ids, training=False):
        packing = packed_rnn.Packing(lengths, training)
        product = tf.einsum(
            "ktbi,kio->ktbo",
            packing.unpack(inputs),
            self.gather(self.kernel, task_ids),
        )
        bias = self.gather(self.bias, task_ids)[:, tf.newaxis, tf.newaxis]
        return packing.pack(tf.tanh(product + bias))

    def get_config(self):
        return {**super().get_config(), "hidden_size": self.hidden_size}
