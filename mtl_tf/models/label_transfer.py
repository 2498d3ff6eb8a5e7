"""The label transfer network: the main task's label from the others' answers.

Augenstein, Ruder & Søgaard 2018, sections 3.3 to 3.5. Every auxiliary task
reads the same text. Of task i, which gives its labels the probabilities p_ij,
the network sees the label vector that is expected, o_i = sum_j p_ij l_j (Eq.
5); without a label embedding, the probabilities. Beside them stand the text's
diversity features. A hidden layer and an output make of them scores of the
main task's labels (Eq. 6).

What it costs: a product or two of features for each task, and, where tasks
have private encoders, a reading of the text by each of them: a step that asks
one group then reads about as much again as one with a group of every task.
"""

from collections.abc import Sequence

import keras
import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.data import diversity_features
from mtl_tf.layers import concat_task_outputs
from mtl_tf.layers import gather_task_batches
from mtl_tf.layers import softmax_head
from mtl_tf.layers import task_dense

# Outputs that label transfer adds to a model.
OUTPUTS = ("transfer_logits", "main_task_logits")


def main_task_index(
    config: config_lib.Config, task_names: Sequence[str]
) -> int | None:
    """Number of the task whose labels are predicted; None without a network."""
    if config.label_transfer == "none":
        return None
    return list(task_names).index(config.main_task)


class LabelTransfer:
    """The label transfer network of a model, and what it reads.

    Args:
      config: settings of label transfer and of the output.
      num_classes: number of labels of each task.
      main_task: number of the main task.
      layers: those of the model, with what makes of texts what outputs read:
        `private_encoder`, `private`, `hidden`, `scores`, `transfer_seeds`.
      inputs: those of the model, by name; `asked` and, if it is read,
        `diversity` are added.
    """

    def __init__(
        self,
        config: config_lib.Config,
        num_classes: tuple[int, ...],
        main_task: int,
        layers,
        inputs: dict[str, keras.KerasTensor],
    ):
        self._config = config
        self._label_counts = num_classes
        self._main_task = main_task
        self._layers = layers
        self._task = inputs["task_ids"]
        self._asked = keras.Input((), dtype="int32", name="transfer_indices")
        inputs["transfer_indices"] = self._asked
        self._diversity = None
        if config.transfer_diversity:
            self._diversity = keras.Input(
                (None, len(diversity_features.FEATURES)),
                dtype="float32",
                name="diversity",
            )
            inputs["diversity"] = self._diversity

    def outputs(
        self,
        sequences: list[keras.KerasTensor],
        common: list[keras.KerasTensor],
    ) -> dict[str, keras.KerasTensor]:
        """What the network and the main task's output say of asked groups.

        Args:
          sequences: word vectors and lengths of all groups, of seq2 and, where
            it is read apart, of seq1.
          common: features of all groups that are the same for all readers.

        Returns:
          `transfer_logits`, float32 [asked, batch, labels], and
          `main_task_logits`,
          float32 [asked, batch, most labels].
        """
        hidden, task_ids = self._read(sequences, common, [self._main_task])
        return {
            "transfer_logits": self._transfer_scores(sequences, common),
            "main_task_logits": self._layers.scores(hidden, task_ids)[0],
        }

    def _of_asked(self, tensor):
        return keras.ops.take(tensor, self._asked, axis=0)

    def _read(self, sequences, common, tasks):
        """Has tasks read the asked groups: what their outputs read, and who.

        Returns:
          float32 [asked * tasks, batch, width], and int32 [asked * tasks].
        """
        row = np.array(tasks, np.int32)
        task_ids = keras.ops.zeros_like(self._asked)[:, np.newaxis] + row
        task_ids = keras.ops.reshape(task_ids, [-1])
        groups = keras.ops.repeat(self._asked, len(tasks), axis=0)
        joined = [keras.ops.take(x, groups, axis=0) for x in common]
        if self._layers.private_encoder:
            taken = []
            for vectors, lengths in zip(
                sequences[::2], sequences[1::2], strict=True
            ):
                taken += [
                    gather_task_batches.GatherTaskBatches()(
                        vectors, lengths, groups
                    ),
                    keras.ops.take(lengths, groups, axis=0),
                ]
            joined.append(self._layers.private(taken, task_ids))
        return self._layers.hidden(joined, task_ids), task_ids

    def _transfer_scores(self, sequences, common):
        """LTN(o_1, ..., o_T-1, diversity features) (Eq. 6), linear."""
        config = self._config
        tasks = [
            task
            for task in range(len(self._label_counts))
            if task != self._main_task or config.transfer_main_predictions
        ]
        answers = self._answers(*self._read(sequences, common, tasks))
        if config.transfer_trained_on == "main":
            hidden_task = None
            counts = (self._label_counts[self._main_task],)
            # It has labels of the main task alone, whatever it reads.
            target = keras.ops.zeros_like(self._asked)
        else:
            counts = self._label_counts
            target = self._of_asked(self._task)
            # A text's own task must not tell its label. The main task's answer,
            # if it is read, is no secret: the network learns none of its
            # labels.
            is_main = keras.ops.equal(target, self._main_task)
            hidden_task = keras.ops.where(is_main, -1, target)
        inputs = concat_task_outputs.ConcatTaskOutputs(
            tasks,
            [self._width(task, answers.shape[-1]) for task in tasks],
            name="auxiliary_answers",
        )(answers, hidden_task)
        if not config.transfer_gradient:
            inputs = keras.ops.stop_gradient(inputs)
        if self._diversity is not None:
            diversity = self._of_asked(self._diversity)
            inputs = keras.ops.concatenate([inputs, diversity], axis=-1)
        return self._network(counts, inputs, target)

    def _network(self, counts, inputs, target):
        """The network itself: one hidden layer, then the scores."""
        config = self._config
        seeds = self._layers.transfer_seeds
        if config.transfer_hidden_size:
            inputs = task_dense.TaskDense(
                config.transfer_hidden_size,
                1,
                activation="relu",
                init_range=config.init_range,
                seed=seeds[0],
                name="label_transfer_layer",
            )(inputs, keras.ops.zeros_like(target))
        return softmax_head.SoftmaxHead(
            counts,
            init_range=config.init_range,
            seed=seeds[1],
            name="label_transfer_output",
        )(inputs, target)

    def _answers(self, hidden, task_ids):
        """What tasks say of texts: o = sum_j p_j l_j (Eq. 5), or p itself."""
        scores, expected = self._layers.scores(hidden, task_ids)
        return (
            keras.ops.softmax(scores) if self._reads_probabilities else expected
        )

    @property
    def _reads_probabilities(self):
        config = self._config
        return config.output_layer == "softmax" or config.transfer_probabilities

    def _width(self, task, width):
        """Numbers that a task says; probabilities of its own labels alone."""
        return self._label_counts[task] if self._reads_probabilities else width
