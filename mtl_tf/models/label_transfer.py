"""Label transfer: the main task's label from the other tasks' predictions.

Augenstein, Ruder & Søgaard 2018, sections 3.3 to 3.5, Figure 1. Every auxiliary
task classifies the same text. The label transfer network reads the expected
label embedding of each, o_i = sum_j p_ij l_j (Eq. 5), or the probabilities p_i
where there is no label embedding, and the diversity features of the text.

The cost: the head runs once for each auxiliary task, and so do private
encoders. A step of one task batch then costs about as much again as a step with
a batch of every task.
"""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.data import diversity_features
from mtl_tf.layers import concat_task_outputs
from mtl_tf.layers import label_transfer_network
from mtl_tf.layers import shared_private_encoder
from mtl_tf.layers import task_head
from mtl_tf.models import embedded_text

# Outputs that label transfer adds to a model.
OUTPUTS = ("transfer_logits", "main_task_logits")


def main_task_index(
    config: config_lib.Config, task_names: Sequence[str]
) -> int | None:
    """Returns the index of the main task; None without label transfer."""
    if config.label_transfer == "none":
        return None
    return list(task_names).index(config.main_task)


def make_inputs(config: config_lib.Config) -> dict[str, keras.KerasTensor]:
    """Makes the inputs `transfer_indices` and, if it is read, `diversity`."""
    inputs = {
        "transfer_indices": keras.Input(
            (), dtype="int32", name="transfer_indices"
        )
    }
    if config.transfer_diversity:
        inputs["diversity"] = keras.Input(
            (None, len(diversity_features.FEATURES)),
            dtype="float32",
            name="diversity",
        )
    return inputs


@dataclasses.dataclass(frozen=True)
class TaskReader:
    """Lets any task classify any text of a batch.

    Attributes:
      encoder: the encoder of the model.
      head: the head of the model.
      text: the texts of the batch.
      features: their features, of which `shared` are the same for all tasks.
      means: their mean word vectors, for a skip connection.
    """

    encoder: shared_private_encoder.SharedPrivateEncoder
    head: task_head.TaskHead
    text: embedded_text.EmbeddedText
    features: dict[str, keras.KerasTensor]
    means: list[keras.KerasTensor]

    def classify(
        self, indices: keras.KerasTensor, tasks: Sequence[int]
    ) -> dict[str, keras.KerasTensor]:
        """Classifies task batches by each of some tasks.

        Args:
          indices: int32 [n], indices of task batches.
          tasks: indices of the tasks.

        Returns:
          What the head returns, [n * len(tasks), batch, ...]: a task batch's
          by all tasks, then the next one's.
        """
        row = np.array(tasks, np.int32)
        task_ids = keras.ops.zeros_like(indices)[:, np.newaxis] + row
        task_ids = keras.ops.reshape(task_ids, [-1])
        indices = keras.ops.repeat(indices, len(tasks), axis=0)
        features = {}
        if "shared" in self.features:
            features["shared"] = keras.ops.take(
                self.features["shared"], indices, axis=0
            )
        if self.encoder.private_encoder is not None:
            features["private"] = self.text.take(indices).encode(
                self.encoder.private_encoder, task_ids
            )
        means = [keras.ops.take(x, indices, axis=0) for x in self.means]
        return self.head(embedded_text.head_inputs(features, means), task_ids)


def outputs(
    config: config_lib.Config,
    num_classes: tuple[int, ...],
    main_task: int,
    inputs: dict[str, keras.KerasTensor],
    reader: TaskReader,
    seeds: tuple[int, int],
) -> dict[str, keras.KerasTensor]:
    """Builds the outputs of label transfer.

    Args:
      config: settings of label transfer and of the output layer.
      num_classes: number of labels of each task.
      main_task: index of the main task.
      inputs: those of the model, with those of `make_inputs`.
      reader: classifies the texts of the batch.
      seeds: of the layers of the label transfer network.

    Returns:
      `transfer_logits`, float32 [transferred, batch, labels], and
      `main_task_logits`, float32 [transferred, batch, most labels].
    """
    indices = inputs["transfer_indices"]
    tasks = [
        task
        for task in range(len(num_classes))
        if task != main_task or config.transfer_main_predictions
    ]
    if config.transfer_trained_on == "main":
        # The network predicts the main task's labels alone.
        predicted_classes = (num_classes[main_task],)
        target = keras.ops.zeros_like(indices)
        hidden_task = None
    else:
        predicted_classes = num_classes
        target = keras.ops.take(inputs["task_ids"], indices, axis=0)
        # A text's own task would reveal its label. The main task would not:
        # the network is not trained on its labels.
        is_main = keras.ops.equal(target, main_task)
        hidden_task = keras.ops.where(is_main, -1, target)
    diversity = inputs.get("diversity")
    if diversity is not None:
        diversity = keras.ops.take(diversity, indices, axis=0)
    network = label_transfer_network.LabelTransferNetwork(
        predicted_classes,
        config.transfer_hidden_size,
        init_range=config.init_range,
        seeds=seeds,
        name="label_transfer_network",
    )
    predictions = _predictions(
        config, num_classes, tasks, reader.classify(indices, tasks), hidden_task
    )
    main = reader.classify(indices, [main_task])
    return {
        "transfer_logits": network(predictions, target, diversity),
        "main_task_logits": main["logits"],
    }


def _predictions(config, num_classes, tasks, outputs_by_task, hidden_task):
    """Concatenates the predictions of tasks: o_i (Eq. 5) or p_i of each.

    Args:
      config: settings of label transfer and of the output layer.
      num_classes: number of labels of each task.
      tasks: indices of the tasks.
      outputs_by_task: of `TaskReader.classify`.
      hidden_task: int32 [n], a task of each task batch whose predictions
        become zeros; None for none.
    """
    if config.output_layer == "softmax" or config.transfer_probabilities:
        predictions = keras.ops.softmax(outputs_by_task["logits"])
        # A task's own labels, without the padding.
        widths = [num_classes[task] for task in tasks]
    else:
        predictions = outputs_by_task["expected_label"]
        widths = [predictions.shape[-1]] * len(tasks)
    predictions = concat_task_outputs.ConcatTaskOutputs(
        tasks, widths, name="auxiliary_predictions"
    )(predictions, hidden_task)
    if not config.transfer_gradient:
        predictions = keras.ops.stop_gradient(predictions)
    return predictions
