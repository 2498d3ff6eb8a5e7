"""The label transfer network."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer
from mtl_tf.layers import softmax_head
from mtl_tf.layers import task_dense


@keras.saving.register_keras_serializable(package="mtl_tf")
class LabelTransferNetwork(float32_layer.Float32Layer):
    """Predicts the main task's label from the predictions of other tasks.

    Augenstein, Ruder & Søgaard 2018, section 3.3:

        Eq. 6   LTN(o_1, ..., o_{T-1}, d)

    where o_i is the expected label embedding of auxiliary task i (Eq. 5), and d
    holds the diversity features of the text (section 3.5). The network is one
    hidden layer with a ReLU, and a linear layer. The call returns the logits;
    the softmax is in the loss.

    Args:
      num_classes: number of labels of each task that it predicts.
      hidden_size: width of the hidden layer; 0 for no hidden layer.
      init_range: weights are drawn uniformly from [-init_range, init_range].
      seeds: seeds of the hidden layer and of the output layer.
      **kwargs: for `keras.layers.Layer`.

    Call arguments:
      predictions: [o_1, ..., o_{T-1}], float32 [task_batches, batch, width].
      target_indices: int32 [task_batches], indices into `num_classes` of the
        tasks to predict.
      diversity: d, float32 [task_batches, batch, features]; None for none.

    Returns:
      Logits, float32 [task_batches, batch, most labels].

    Example:
      ```python
      import tensorflow as tf
      from mtl_tf.layers import label_transfer_network

      # The main task has 3 labels. Four auxiliary tasks predict, as label
      # embeddings of 20 elements.
      network = label_transfer_network.LabelTransferNetwork((3,), 64)
      predictions = tf.random.normal([1, 8, 4 * 20])
      diversity = tf.random.normal([1, 8, 5])
      logits = network(predictions, tf.constant([0]), diversity)  # [1, 8, 3]
      ```

    Reference:
      [Augenstein, Ruder & Søgaard 2018](https://aclanthology.org/N18-1172).
    """

    def __init__(
        self,
        num_classes: tuple[int, ...],
        hidden_size: int,
        *,
        init_range: float = 0.1,
        seeds: tuple[int | None, int | None] = (None, None),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = tuple(num_classes)
        self.hidden_size = hidden_size
        self.init_range = init_range
        self.seeds = tuple(seeds)
        self.hidden = None
        if hidden_size:
            self.hidden = task_dense.TaskDense(
                hidden_size,
                1,
                activation="relu",
                init_range=init_range,
                seed=self.seeds[0],
                name="hidden",
            )
        self.output_layer = softmax_head.SoftmaxHead(
            self.num_classes,
            init_range=init_range,
            seed=self.seeds[1],
            name="output",
        )

    def build(
        self, predictions_shape, target_indices_shape=None, diversity_shape=None
    ):
        del target_indices_shape
        width = predictions_shape[-1]
        if diversity_shape is not None:
            width += diversity_shape[-1]
        if self.hidden is not None:
            self.hidden.build((None, None, width))
            width = self.hidden_size
        self.output_layer.build((None, None, width))

    def call(self, predictions, target_indices, diversity=None):
        hidden = predictions
        if diversity is not None:
            hidden = tf.concat([hidden, diversity], axis=-1)
        if self.hidden is not None:
            hidden = self.hidden(hidden, tf.zeros_like(target_indices))
        return self.output_layer(hidden, target_indices)["logits"]

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "hidden_size": self.hidden_size,
            "init_range": self.init_range,
            "seeds": self.seeds,
        }
