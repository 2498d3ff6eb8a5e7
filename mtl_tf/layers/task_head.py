"""The head: from text features to the logits of a task's labels."""

import keras
import tensorflow as tf

from mtl_tf.layers import classification_head
from mtl_tf.layers import dropout as dropout_layers
from mtl_tf.layers import float32_layer
from mtl_tf.layers import per_task
from mtl_tf.layers import sublayers


@keras.saving.register_keras_serializable(package="mtl_tf")
class TaskHead(float32_layer.Float32Layer):
    """Concatenates features, applies the task-specific layer, and classifies.

    Augenstein, Ruder & Søgaard 2018, section 3.6: a task-specific layer reads
    the features, and the output layer reads the task-specific layer.

        logits = output_layer(task_layer(dropout([features_1; ...])))

    Args:
      output_layer: a `SoftmaxHead` or a `LabelEmbedding`.
      task_layer: a `TaskDense` or `ChainedTaskDense`; None for none.
      dropout: dropout of the concatenated features.
      **kwargs: for `keras.layers.Layer`.

    Call arguments:
      features: a list of float32 [task_batches, batch, width of each].
      task_ids: int32 [task_batches].
      training: for `dropout`.

    Returns:
      The outputs of `output_layer`: a dict of `logits`, float32 [task_batches,
      batch, most labels], and with a `LabelEmbedding` of
      `expected_label_embedding`, float32 [task_batches, batch, label embedding
      dim] (Eq. 5).

    Example:
      ```python
      import numpy as np
      import tensorflow as tf
      from mtl_tf.layers import dropout
      from mtl_tf.layers import softmax_head
      from mtl_tf.layers import task_dense
      from mtl_tf.layers import task_head

      head = task_head.TaskHead(
          softmax_head.SoftmaxHead(num_classes=(2, 4)),
          task_dense.TaskDense(100, num_tasks=2),
          dropout.FeatureDropout(0.5),
      )
      shared, private = tf.random.normal([2, 1, 8, 64])
      outputs = head([shared, private], np.array([1]))
      outputs["logits"].shape  # [1, 8, 4]
      ```

    Reference:
      [Augenstein, Ruder & Søgaard 2018](https://aclanthology.org/N18-1172).
    """

    def __init__(
        self,
        output_layer: classification_head.ClassificationHead,
        task_layer: per_task.PerTaskLayer | None,
        dropout: dropout_layers.FeatureDropout,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.output_layer = output_layer
        self.task_layer = task_layer
        self.dropout = dropout

    def build(self, features_shape, task_ids_shape=None):
        del task_ids_shape
        width = sum(shape[-1] for shape in features_shape)
        shape = (None, None, width)
        self.dropout.build(shape)
        if self.task_layer is not None:
            self.task_layer.build(shape)
            shape = (None, None, self.task_layer.hidden_size)
        self.output_layer.build(shape)

    def call(self, features, task_ids, training=False):
        hidden = self.dropout(tf.concat(features, axis=-1), training=training)
        if self.task_layer is not None:
            hidden = self.task_layer(hidden, task_ids)
        return self.output_layer(hidden, task_ids)

    def get_config(self):
        return {
            **super().get_config(),
            "output_layer": sublayers.serialize(self.output_layer),
            "task_layer": sublayers.serialize(self.task_layer),
            "dropout": sublayers.serialize(self.dropout),
        }

    @classmethod
    def from_config(cls, config):
        layers = {
            name: sublayers.deserialize(config[name])
            for name in ("output_layer", "task_layer", "dropout")
        }
        return cls(**config | layers)
