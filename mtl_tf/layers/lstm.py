"""An LSTM layer with weights for each task."""

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.layers import packed_rnn
from mtl_tf.layers import per_task


@keras.saving.register_keras_serializable(package="mtl_tf")
class PerTaskLSTM(per_task.PerTaskLayer):
    """Runs an LSTM in one direction, with a set of weights for each task.

    Liu et al. 2017, section 2, without peepholes:

        Eq. 1   [g; o; i; f] = [tanh; σ; σ; σ](W [x_t; h_{t-1}] + b)
        Eq. 2   c_t = f * c_{t-1} + i * g
        Eq. 3   h_t = o * tanh(c_t)

    Args:
      hidden_size: width of h and c (d in the paper).
      num_tasks: number of weight sets.
      backwards: whether to read a text from its true last token to its first.
      forget_bias: added to the initial bias of the forget gate. The paper draws
        all biases from [-0.1, 0.1], hence 0; Keras starts from 1.
      recurrent_dropout: share of the elements of h_{t-1} that a training step
        drops (Gal & Ghahramani 2016): the same for all time steps, and for all
        texts of a task batch, as a mask on the rows of the recurrent weights.
      precision: one of `packed_rnn.PRECISIONS`, that of matrix products.
      recurrence: one of `packed_rnn.RECURRENCES`, the form of the loop.
      **kwargs: for `PerTaskLayer`.

    Call arguments:
      inputs: x, float32 [rows, batch, width], packed (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      task_ids: int32 [task_batches].
      initial_state: h_0 and c_0, float32 [task_batches, batch, hidden_size]
        each; None for zeros.
      result: one of `packed_rnn.LSTM_RESULTS`.
      training: whether to drop elements, and to keep what the gradient needs.

    Returns:
      `states`: h at each token, float32 [rows, batch, hidden_size], packed.
      `last_hidden`: h of the token that is read last, float32 [task_batches,
      batch, hidden_size]. `final_state`: (h, c) of that token.

    Example:
      ```python
      import numpy as np
      import tensorflow as tf
      from mtl_tf.layers import lstm

      layer = lstm.PerTaskLSTM(64, num_tasks=2)
      lengths = np.array([[3, 1]], np.int32)  # two texts of one task
      inputs = tf.random.normal([3, 2, 50])  # packed: a row for each step
      task_ids = np.array([1])
      last = layer(inputs, lengths, task_ids, result="last_hidden")
      last.shape  # [1, 2, 64]
      ```

    Reference:
      [Liu, Qiu & Huang 2017](https://aclanthology.org/P17-1001);
      [Gal & Ghahramani 2016](https://arxiv.org/abs/1512.05287).
    """

    def __init__(
        self,
        hidden_size: int,
        num_tasks: int,
        *,
        backwards: bool = False,
        forget_bias: float = 0.0,
        recurrent_dropout: float = 0.0,
        precision: str = "float32",
        recurrence: str = "auto",
        **kwargs,
    ):
        super().__init__(num_tasks, **kwargs)
        self.hidden_size = hidden_size
        self.backwards = backwards
        self.forget_bias = forget_bias
        self.recurrent_dropout = recurrent_dropout
        self.precision = precision
        self.recurrence = recurrence

    @property
    def output_size(self) -> int:
        """Width of the states that a call returns."""
        return self.hidden_size

    def build(self, inputs_shape, lengths_shape=None, task_ids_shape=None):
        del lengths_shape, task_ids_shape
        self.kernel = self.add_per_task_weight(
            "kernel", (inputs_shape[-1], 4 * self.hidden_size)
        )
        self.recurrent_kernel = self.add_per_task_weight(
            "recurrent_kernel", (self.hidden_size, 4 * self.hidden_size)
        )
        gate_offsets = [0.0, self.forget_bias, 0.0, 0.0]  # i, f, g, o
        self.bias = self.add_per_task_weight(
            "bias",
            (4 * self.hidden_size,),
            offset=np.repeat(np.float32(gate_offsets), self.hidden_size),
        )
        self.seed_generator = per_task.seed_generator(self.seed)

    def call(
        self,
        inputs,
        lengths,
        task_ids,
        initial_state=None,
        result="states",
        training=False,
    ):
        weights = [self.kernel, self.recurrent_kernel, self.bias]
        uses_dropout = training and self.recurrent_dropout
        if self.num_tasks > 1 or uses_dropout:
            weights = [self.gather(weight, task_ids) for weight in weights]
        if uses_dropout:
            weights[1] = keras.random.dropout(
                weights[1],
                self.recurrent_dropout,
                noise_shape=(tf.shape(task_ids)[0], self.hidden_size, 1),
                seed=self.seed_generator,
            )
        weights = [tf.convert_to_tensor(weight) for weight in weights]
        return packed_rnn.lstm(
            inputs,
            *weights,
            lengths,
            backwards=self.backwards,
            initial_state=initial_state,
            result=result,
            recurrence=self.recurrence,
            precision=self.precision,
            for_training=training,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_size": self.hidden_size,
            "backwards": self.backwards,
            "forget_bias": self.forget_bias,
            "recurrent_dropout": self.recurrent_dropout,
            "precision": self.precision,
            "recurrence": self.recurrence,
        }
