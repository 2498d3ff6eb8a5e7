"""Settings of a run."""

import dataclasses
from collections.abc import Collection

from mtl_tf.config import base
from mtl_tf.config import by_task
from mtl_tf.config import choices
from mtl_tf.config import model_settings
from mtl_tf.config import validation


@dataclasses.dataclass(frozen=True)
class Config(model_settings.ModelSettings):
    """Every setting of a run; each is a flag of `mtl_tf.main`.

    Raises:
      ValueError: if a value or a combination of values is invalid.
    """

    # Losses.
    adversary: str = base.setting(
        "reversal",
        "reversal: gradient reversal, off for task batches whose discriminator "
        "cross-entropy exceeds the entropy of the task frequencies; "
        "reversal_unbounded: exactly Eq. 13 of Liu et al.; confusion: the "
        "cross-entropy to a uniform distribution.",
        choices=choices.ADVERSARIES,
    )
    adversarial_weight: float = base.setting(
        0.0, "Weight of the adversarial loss; 0: none.", symbol="λ"
    )
    discriminator_learning_rate: float = base.setting(
        0.0, "Learning rate of the discriminator; 0: that of learning_rate."
    )
    discriminator_updates: int = base.setting(
        1, "Number of discriminator updates per training step."
    )
    unlabeled: bool = base.setting(
        False,
        "Whether the tasks' unlabeled text is used, for the adversary and for "
        "pseudo-labels.",
    )
    orthogonality_weight: float = base.setting(
        0.0, "Weight of the orthogonality loss; 0: none.", symbol="γ"
    )
    orthogonality_loss: str = base.setting(
        "normalized",
        "frobenius: exactly Eq. 14 of Liu et al.; normalized: the mean squared "
        "product of centered features of unit length.",
        choices=choices.ORTHOGONALITY_LOSSES,
    )
    task_weights: tuple[str, ...] = base.setting(
        (),
        "Weights of the task losses, as NAME:NUMBER; 1 for other tasks.",
        symbol="α_k",
    )
    class_weights: str = base.setting(
        "none",
        "balanced: an example is weighted by examples / (labels * examples of "
        "its label).",
        choices=choices.CLASS_WEIGHTS,
    )

    # Batches.
    batch_size: int = base.setting(
        16, "Number of examples per task in a training step."
    )
    update: str = base.setting(
        "joint",
        "joint: each step has a batch of every task, or task_batches of them; "
        "alternating: each step has a batch of one task.",
        choices=choices.UPDATES,
    )
    task_batches: int = base.setting(
        0,
        "Number of task batches of a joint step, each with texts of one task; "
        "0: as many as there are tasks.",
    )
    sampling_exponent: float = base.setting(
        0.0,
        "A task is sampled in proportion to its number of examples to this "
        "power; 0: uniformly; 1: in proportion to its size.",
    )
    steps_per_epoch: int = base.setting(
        0, "Number of steps per epoch; 0: determined by epoch_length."
    )
    epoch_length: str = base.setting(
        "all",
        "all: as many examples as the training splits have in total; "
        "smallest_task: as many steps per task as the smallest training split "
        "has batches.",
        choices=choices.EPOCH_LENGTHS,
    )

    # Optimization.
    optimizer: str = base.setting(
        "adam", "Optimizer.", choices=choices.OPTIMIZERS
    )
    learning_rate: float = base.setting(1e-3, "Learning rate.")
    learning_rate_decay: float = base.setting(
        1.0, "Factor applied to the learning rate after each epoch."
    )
    warmup_steps: int = base.setting(
        0, "Number of steps of linear learning rate warmup."
    )
    initial_accumulator: float = base.setting(
        0.1,
        "Start of adagrad's sum of squared gradients. Codes of the time of the "
        "papers start from 0: small gradients, as those of an LSTM, then move "
        "the weights as much as large ones.",
    )
    weight_decay: float = base.setting(0.0, "Weight decay of adamw.")
    clip_norm: float = base.setting(
        0.0, "Maximum global norm of the gradients; 0: no clipping."
    )
    ema_decay: float = base.setting(
        0.0,
        "Decay of an exponential moving average of the weights, such as 0.999: "
        "dev scores, the best checkpoint and the results are those of the "
        "average; 0: none.",
    )
    epochs: int = base.setting(
        20, "Maximum number of epochs of each phase.", changeable=True
    )
    patience: int = base.setting(
        5,
        "Epochs without improvement of the dev score (ties are broken by the "
        "dev loss) before a phase stops; 0: never.",
    )
    stopping: str = base.setting(
        "patience",
        "patience: keep the best epoch on dev; drop: stop when dev accuracy is "
        "lower than `patience` epochs before and keep the last epoch, as in "
        "the code of Augenstein et al.",
        choices=choices.STOPPINGS,
    )
    main_task: str = base.setting(
        "",
        "Task whose dev score determines early stopping and the best "
        "checkpoint; if empty, the average over the metrics of all tasks.",
    )

    # Logging.
    affinity_every: int = base.setting(
        0,
        "Number of steps between measurements of inter-task affinity, by how "
        "much an update with the loss of one task lowers the loss of another; "
        "0: none.",
    )
    keep_checkpoints: int = base.setting(
        2,
        "Number of newest checkpoints to keep, and of best ones; if the last "
        "is damaged, training resumes from the one before.",
        changeable=True,
    )
    log_every: int = base.setting(
        50, "Number of steps between points in TensorBoard.", changeable=True
    )
    pictures: bool = base.setting(
        True,
        "Whether a run draws its curves, and writes pictures and the projector "
        "for TensorBoard; studies of many runs do without.",
        changeable=True,
    )
    progress: bool = base.setting(
        True, "Whether a terminal shows a progress bar.", changeable=True
    )

    def __post_init__(self):
        super().__post_init__()
        validation.check(self)

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases of training, in order; the last one gives the result."""
        return choices.PHASES[
            : 1 + choices.LABEL_TRANSFERS.index(self.label_transfer)
        ]

    @property
    def reads_diversity(self) -> bool:
        """Returns whether label transfer reads diversity features."""
        return self.label_transfer != "none" and self.transfer_diversity

    @property
    def encodes_pairs(self) -> bool:
        """Returns whether seq1 and seq2 are encoded separately."""
        return self.encoder == choices.CONDITIONAL

    @property
    def has_states(self) -> bool:
        """Returns whether the encoder has states that depend on the context.

        A bag of words has none: its features of a word are the same in every
        text.
        """
        return self.encoder != choices.BAG_OF_WORDS

    def task_weights_by_name(self) -> dict[str, float]:
        """Parses `task_weights` into numbers by task name.

        Raises:
          ValueError: if an entry is not NAME:NUMBER, or a name repeats.
        """
        return by_task.parse("task_weights", self.task_weights, float, 0)

    def max_train_examples_of(self, name: str) -> int | None:
        """Returns the maximum number of training examples of a task.

        Args:
          name: the task.

        Returns:
          The number; None if there is no maximum.

        Raises:
          ValueError: if an entry is not NUMBER or NAME:NUMBER, or repeats.
        """
        maxima = self.max_train_examples_by_name()
        return maxima.get(name, maxima.get(by_task.ALL))

    def max_train_examples_by_name(self) -> dict[str, int]:
        """Parses `max_train_examples` into numbers by task name.

        Returns:
          Numbers by name; the number for all other tasks has an empty name.

        Raises:
          ValueError: if an entry is not NUMBER or NAME:NUMBER, or repeats.
        """
        return by_task.parse(
            "max_train_examples",
            self.max_train_examples,
            int,
            1,
            default_allowed=True,
        )

    def of_task(self, name: str, names: Collection[str]) -> "Config":
        """Returns the settings of the single-task model of a task.

        Settings of other tasks are dropped. Those of unknown tasks are kept:
        the run reports them.

        Args:
          name: the task.
          names: all tasks of the run.
        """
        others = set(names) - {name}
        return dataclasses.replace(
            self,
            tasks=(name,),
            main_task="" if self.main_task in names else self.main_task,
            task_weights=by_task.without(self.task_weights, others),
            max_train_examples=by_task.without(self.max_train_examples, others),
        )

    def difference(self, other: "Config") -> list[str]:
        """Lists the settings by which runs differ, as `name: mine -> other`."""
        return [
            f"{field.name}: {getattr(self, field.name)} -> "
            f"{getattr(other, field.name)}"
            for field in dataclasses.fields(self)
            if not field.metadata["changeable"]
            and getattr(self, field.name) != getattr(other, field.name)
        ]
