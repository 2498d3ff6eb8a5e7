"""Label transfer: the main task's label from the other tasks' predictions.

Augenstein, Ruder & Søgaard 2018, sections 3.3 to 3.5, Figure 1. Every auxiliary
task classifies the same text. The label transfer network (Eq. 6) reads the
expected label embedding of each, o_i = sum_j p_ij l_j (Eq. 5), or the
probabilities p_i where there is no label embedding, and the diversity features
of the text.

The cost: the head, and with `shared_private` the private encoder, run once per
auxiliary task for every text that the network reads.
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
    """Makes the inputs of label transfer.

    Args:
      config: settings of the run; they determine whether `diversity` is an
        input.

    Returns:
      `transfer_indices`, int32 [transferred]; and `diversity`, float32
      [task_batches, batch, 5], if it is read.
    """
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
class CrossTaskClassifier:
    """The encoder and the head of a model, for texts of other tasks.

    Attributes:
      encoder: the encoder of the model.
      head: the head of the model.
      text: the texts of the batch.
      features: their features; the `shared` ones are the same for all tasks.
      skipped: their features that skip the encoders, or none.
    """

    encoder: shared_private_encoder.SharedPrivateEncoder
    head: task_head.TaskHead
    text: embedded_text.EmbeddedText
    features: dict[str, keras.KerasTensor]
    skipped: list[keras.KerasTensor]

    def classify(
        self, indices: keras.KerasTensor, tasks: Sequence[int]
    ) -> dict[str, keras.KerasTensor]:
        """Classifies task batches by each of several tasks.

        Args:
          indices: int32 [n], indices of task batches.
          tasks: indices of the tasks.

        Returns:
          The outputs of the head, [n * len(tasks), batch, ...]: those of all
          tasks for the first task batch, then those for the next one.
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
            # The call of the inner encoder would make it a layer of the model:
            # loaded from a config, it would be a second one, with new weights.
            features |= self.text.gather(indices).encode(
                self.encoder, task_ids, private_only=True
            )
        skipped = [keras.ops.take(x, indices, axis=0) for x in self.skipped]
        return self.head(embedded_text.head_inputs(features, skipped), task_ids)


def build_outputs(
    config: config_lib.Config,
    num_classes: tuple[int, ...],
    main_task: int,
    inputs: dict[str, keras.KerasTensor],
    classifier: CrossTaskClassifier,
    seeds: tuple[int, int],
) -> dict[str, keras.KerasTensor]:
    """Builds the outputs of label transfer.

    Args:
      config: settings of label transfer and of the output layer.
      num_classes: number of labels of each task.
      main_task: index of the main task.
      inputs: the inputs of the model, with those of `make_inputs`.
      classifier: classifies the texts of the batch by other tasks.
      seeds: seeds of the layers of the label transfer network.

    Returns:
      `transfer_logits`, float32 [transferred, batch, labels], and
      `main_task_logits`, float32 [transferred, batch, most labels].
    """
    # Layers.
    network = label_transfer_network.LabelTransferNetwork(
        # Trained on the main task's texts, it predicts that task alone.
        (num_classes[main_task],)
        if config.transfer_trained_on == "main"
        else num_classes,
        config.transfer_hidden_size,
        init_range=config.init_range,
        seeds=seeds,
        name="label_transfer_network",
    )

    # Functional model.
    indices = inputs["transfer_indices"]
    target, hidden_task = _targets(config, main_task, indices, inputs)
    diversity = inputs.get("diversity")
    if diversity is not None:
        diversity = keras.ops.take(diversity, indices, axis=0)
    tasks = [
        task
        for task in range(len(num_classes))
        if task != main_task or config.transfer_main_predictions
    ]
    predictions = _predictions(
        config,
        num_classes,
        tasks,
        classifier.classify(indices, tasks),
        hidden_task,
    )
    main = classifier.classify(indices, [main_task])

    # Outputs.
    return {
        "transfer_logits": network(predictions, target, diversity),
        "main_task_logits": main["logits"],
    }


def _targets(config, main_task, indices, inputs):
    """Computes the tasks that are predicted, and those that are hidden.

    Returns:
      Indices into the `num_classes` of the network, and tasks whose predictions
      it must not read, or None: int32 [transferred] each.
    """
    if config.transfer_trained_on == "main":
        return keras.ops.zeros_like(indices), None
    target = keras.ops.take(inputs["task_ids"], indices, axis=0)
    # The prediction of a text's own task would reveal its label. That of the
    # main task would not: the network is not trained on its labels.
    is_main = keras.ops.equal(target, main_task)
    return target, keras.ops.where(is_main, -1, target)


def _predictions(config, num_classes, tasks, head_outputs, hidden_task):
    """Concatenates the predictions of tasks: o_i (Eq. 5) or p_i of each.

    Args:
      config: settings of label transfer and of the output layer.
      num_classes: number of labels of each task.
      tasks: indices of the tasks.
      head_outputs: the result of `CrossTaskClassifier.classify`.
      hidden_task: int32 [transferred], a task of each task batch whose
        prediction becomes zeros; None for none.

    Returns:
      float32 [transferred, batch, width of all predictions].
    """
    if config.output_layer == "softmax" or config.transfer_probabilities:
        predictions = keras.ops.softmax(head_outputs["logits"])
        # Without the padding after a task's labels.
        widths = [num_classes[task] for task in tasks]
    else:
        predictions = head_outputs["expected_label_embedding"]
        widths = [predictions.shape[-1]] * len(tasks)
    predictions = concat_task_outputs.ConcatTaskOutputs(
        tasks, widths, name="auxiliary_predictions"
    )(predictions, hidden_task)
    if not config.transfer_gradient:
        predictions = keras.ops.stop_gradient(predictions)
    return predictions
