"""An LSTM layer whose weights are stacked by task_ids."""

import keras
import tensorflow as tf

from mtl_tf.layers import per_task
from mtl_tf.layers.packed_rnn import lstm_ops


@keras.saving.register_keras_serializable(package="mtl_tf")
class PerTaskLSTM(per_task.PerTaskLayer):
    """One direction of an LSTM, with a set of weights for each task_ids.

    Args:
      hidden_size: width of its state (d in the paper).
      num_tasks: number of weight sets.
      backwards: read every text from its last token to its first.
      forget_bias: added to the start of the forget gate's bias. The paper
        draws all biases from [-0.1, 0.1], hence 0; Keras starts from 1.
      recurrent_dropout: share of h_{t-1}'s elements that a training step
        drops, the same for all time steps (Gal & Ghahramani 2016) and for all
        texts of a group: a mask on the rows of the recurrent weights.
      precision: see `lstm.lstm`.
      **kwargs: for `PerTaskLayer`.

    Call arguments: token features, packed, `lengths` [task_batches, batch] and
    `task_ids` [task_batches]; `initial_state` and `result` as in `lstm.lstm`,
    which
    also says what is returned.
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
        **kwargs,
    ):
        super().__init__(num_tasks, **kwargs)
        self.hidden_size = hidden_size
        self.backwards = backwards
        self.forget_bias = forget_bias
        self.recurrent_dropout = recurrent_dropout
        self.precision = precision

    def build(self, inputs_shape, lengths_shape=None, task_ids_shape=None):
        del lengths_shape, task_ids_shape
        self.kernel = self.add_per_task_weight(
            "kernel", (inputs_shape[-1], 4 * self.hidden_size)
        )
        self.recurrent_kernel = self.add_per_task_weight(
            "recurrent_kernel", (self.hidden_size, 4 * self.hidden_size)
        )
        forget_gate = [0.0] * self.hidden_size + [
            self.forget_bias
        ] * self.hidden_size
        self.bias = self.add_per_task_weight(
            "bias",
            (4 * self.hidden_size,),
            offset=tf.constant(forget_gate + [0.0] * 2 * self.hidden_size),
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
        drops = training and self.recurrent_dropout
        if self.num_tasks > 1 or drops:
            weights = [self.gather(weight, task_ids) for weight in weights]
        if drops:
            weights[1] = keras.random.dropout(
                weights[1],
                self.recurrent_dropout,
                noise_shape=(tf.shape(task_ids)[0], self.hidden_size, 1),
                seed=self.seed_generator,
            )
        weights = [tf.convert_to_tensor(weight) for weight in weights]
        return lstm_ops.lstm(
            inputs,
            *weights,
            lengths,
            backwards=self.backwards,
            initial_state=initial_state,
            result=result,
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
        }
