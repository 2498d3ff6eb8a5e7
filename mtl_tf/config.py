"""The settings of a run."""

import dataclasses
import math

from mtl_tf import losses
from mtl_tf import optimizers
from mtl_tf import settings
from mtl_tf.layers import encoders

SHARINGS = ("single_task", "fully_shared", "shared_private")
SEQUENCES = ("both", "seq2")
OUTPUT_LAYERS = ("softmax", "label_embedding")
STEPS = ("joint", "alternate")
CLASS_WEIGHTS = ("none", "balanced")
# NumPy's generators take seeds of 32 bits.
_SEEDS = 2**32


@dataclasses.dataclass(frozen=True)
class Config(settings.Settings):
    """Every setting of a run; each is a flag of `mtl_tf.main`.

    Raises:
      ValueError: if a value, or a combination of values, has no meaning.
    """

    # The run.
    data_dir: str = settings.setting(
        "", "Prepared corpus (see data_prep.main).", changeable=True
    )
    run_dir: str = settings.setting(
        "", "Directory of the run, made if need be.", changeable=True
    )
    tasks: tuple[str, ...] = settings.setting(
        (), "Tasks to train on; all of the corpus if empty."
    )
    max_examples: int = settings.setting(
        0, "Rows of each split of each task that are used; 0: all."
    )
    seed: int = settings.setting(0, "Seed of everything that is drawn.")
    seeds: int = settings.setting(
        1,
        "Number of runs, with seeds seed, seed + 1, ..., each in a process of "
        "its own; mean and deviation are written.",
        changeable=True,
    )
    init_from: str = settings.setting(
        "",
        "Run directory whose best checkpoint training starts from, by name.",
    )
    threads: int = settings.setting(
        0, "Threads of TensorFlow; 0: as many as cores.", changeable=True
    )

    # Text.
    sequences: str = settings.setting(
        "both",
        "What an encoder of single texts reads: both sequences with a "
        "separator between them, or seq2, the text itself, alone.",
        choices=SEQUENCES,
    )
    max_tokens: int = settings.setting(
        400, "Tokens of each sequence that are read; the rest is cut."
    )

    # Model.
    sharing: str = settings.setting(
        "shared_private",
        "single_task: a model for each task, trained by itself; fully_shared: "
        "one encoder for all tasks; shared_private: that and one for each.",
        choices=SHARINGS,
    )
    encoder: str = settings.setting(
        "lstm",
        "Text encoder; conditional_bilstm reads seq1 and seq2 as two texts, "
        "the second in the light of the first.",
        choices=encoders.ENCODERS,
    )
    pooling: str = settings.setting(
        "last",
        "From token features to text features; last: the state at the last "
        "token.",
        choices=encoders.POOLINGS,
    )
    units: int = settings.setting(
        100, "Width of an encoder's states.", symbol="d"
    )
    depth: int = settings.setting(2, "Layers of a stacked_lstm.")
    skip_connection: bool = settings.setting(
        False,
        "Whether the mean of a text's word vectors stands beside its features.",
    )
    task_layer_units: int = settings.setting(
        0, "Units of a layer of each task's own before the output; 0: none."
    )
    output_layer: str = settings.setting(
        "softmax",
        "softmax: a matrix of each task's own; label_embedding: vectors of all "
        "tasks' labels in one space.",
        choices=OUTPUT_LAYERS,
    )
    label_width: int = settings.setting(
        0,
        "Length of a vector of the label embedding; 0: that of the features "
        "before it. What these hold beyond it is not read.",
        symbol="l",
    )
    label_bias: bool = settings.setting(
        False, "Whether each label of the label embedding has a bias."
    )
    word_width: int = settings.setting(
        200, "Length of a word vector.", symbol="e"
    )
    word_vectors: str = settings.setting(
        "",
        "Pretrained vectors: a GloVe text file, or package:NAME. If word_width "
        "is larger than they are, the rest starts at random.",
    )
    train_word_vectors: bool = settings.setting(
        True, "Whether training changes the word vectors."
    )
    init_range: float = settings.setting(
        0.1, "Weights start uniformly in [-init_range, init_range]."
    )
    forget_bias: float = settings.setting(
        0.0, "Added to the start of the forget gates' bias."
    )
    word_dropout: float = settings.setting(
        0.0, "Share of words that a training step replaces by the unknown one."
    )
    vector_dropout: float = settings.setting(
        0.0, "Share of the elements of word vectors that a training step drops."
    )
    recurrent_dropout: float = settings.setting(
        0.0, "Share of an LSTM's state that a training step hides from it."
    )
    feature_dropout: float = settings.setting(
        0.0, "Share of the elements of text features that a step drops."
    )

    # Losses.
    adversary: str = settings.setting(
        "reversal",
        "reversal: gradient reversal, closed where the discriminator is worse "
        "than chance; reversal_unbounded: Eq. 13 to the letter; confusion: "
        "towards a uniform answer.",
        choices=losses.ADVERSARIES,
    )
    adversarial_weight: float = settings.setting(
        0.0, "Weight of the adversary; 0: none.", symbol="λ"
    )
    discriminator_learning_rate: float = settings.setting(
        0.0, "The discriminator's learning rate; 0: learning_rate."
    )
    discriminator_steps: int = settings.setting(
        1, "Updates of the discriminator in each step."
    )
    unlabeled: bool = settings.setting(
        False, "Whether the adversary also sees the tasks' unlabelled text."
    )
    orthogonality_weight: float = settings.setting(
        0.0, "Weight of the orthogonality loss; 0: none.", symbol="γ"
    )
    orthogonality_loss: str = settings.setting(
        "normalized",
        "frobenius: Eq. 14 to the letter; normalized: centred features, rows "
        "of unit length, mean of squares.",
        choices=losses.ORTHOGONALITY_LOSSES,
    )
    task_weights: tuple[str, ...] = settings.setting(
        (),
        "Weights of task losses, as NAME:NUMBER; 1 if not named.",
        symbol="α_k",
    )
    class_weights: str = settings.setting(
        "none",
        "balanced: an example counts rows / (labels * rows of its label).",
        choices=CLASS_WEIGHTS,
    )

    # Batches.
    batch_size: int = settings.setting(16, "Texts of a task in a step.")
    steps: str = settings.setting(
        "joint",
        "joint: a step has as many groups as there are tasks; alternate: one.",
        choices=STEPS,
    )
    sampling_exponent: float = settings.setting(
        0.0,
        "A task is drawn in proportion to rows ** this: 0: every task equally "
        "often, 1: in proportion to its size.",
    )
    steps_per_epoch: int = settings.setting(
        0,
        "Steps of an epoch; 0: as many as draw as many examples as the "
        "training splits hold.",
    )

    # Optimisation.
    optimizer: str = settings.setting(
        "adam", "Optimizer.", choices=tuple(optimizers.RULES)
    )
    learning_rate: float = settings.setting(1e-3, "Learning rate.")
    learning_rate_decay: float = settings.setting(
        1.0, "Factor of the learning rate after each epoch."
    )
    warmup_steps: int = settings.setting(
        0, "Steps in which the learning rate rises from 0."
    )
    weight_decay: float = settings.setting(0.0, "Weight decay of adamw.")
    clip_norm: float = settings.setting(
        0.0, "Largest joint norm of the gradients; 0: no limit."
    )
    epochs: int = settings.setting(20, "Epochs at most.", changeable=True)
    patience: int = settings.setting(
        5, "Epochs without a better dev score before training stops; 0: never."
    )
    main_task: str = settings.setting(
        "",
        "The task that the others are to help: early stopping and the best "
        "checkpoint follow its dev score; if empty, the average over tasks, "
        "each by its metric.",
    )

    # Logging.
    log_every: int = settings.setting(
        50, "Steps between two points of TensorBoard's curves.", changeable=True
    )
    progress: bool = settings.setting(
        True, "A progress bar, where there is a terminal.", changeable=True
    )

    def __post_init__(self):
        super().__post_init__()
        self._check_ranges()
        self._check_combinations()

    def _check_ranges(self):
        positive = (
            "seeds max_tokens units depth word_width batch_size "
            "discriminator_steps learning_rate init_range epochs log_every "
            "learning_rate_decay"
        )
        for name in positive.split():
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"{name}={getattr(self, name)}: has to be above 0"
                )
        not_negative = (
            "seed threads max_examples adversarial_weight orthogonality_weight "
            "discriminator_learning_rate steps_per_epoch sampling_exponent "
            "warmup_steps weight_decay clip_norm patience task_layer_units "
            "label_width"
        )
        for name in not_negative.split():
            if not getattr(self, name) >= 0:
                raise ValueError(
                    f"{name}={getattr(self, name)}: has to be 0 or more"
                )
        if self.seed + self.seeds > _SEEDS:
            raise ValueError(
                f"seed={self.seed}, seeds={self.seeds}: the last seed has to "
                f"be below {_SEEDS}"
            )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_dropout") and not 0 <= value < 1:
                raise ValueError(
                    f"{field.name}={value}: a share, from 0 to below 1"
                )
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{field.name}={value}: not a finite number")

    def _check_combinations(self):
        # TensorFlow takes the path of a checkpoint for a pattern.
        # A comma divides the directories of --runs.
        if set("*?[],") & set(self.run_dir):
            raise ValueError(
                f"run_dir={self.run_dir}: the characters * ? [ ] , are not "
                "allowed in it"
            )
        repeated = [x for x in self.tasks if self.tasks.count(x) > 1]
        if repeated:
            raise ValueError(
                f"tasks={','.join(self.tasks)}: {repeated[0]} is named "
                f"{self.tasks.count(repeated[0])} times"
            )
        encoders.check(self.encoder, self.pooling)
        if self.recurrent_dropout and self.encoder not in encoders.RECURRENT:
            raise ValueError(
                f"recurrent_dropout={self.recurrent_dropout} needs a recurrent "
                f"encoder ({', '.join(encoders.RECURRENT)}), got encoder="
                f"{self.encoder}"
            )
        if self.sequences_apart and self.sequences == "seq2":
            raise ValueError(
                f"sequences=seq2 leaves out seq1, which encoder={self.encoder} "
                "reads by itself: leave sequences at both, or choose "
                "encoder=bilstm"
            )
        for name in ("label_width", "label_bias"):
            if getattr(self, name) and self.output_layer != "label_embedding":
                raise ValueError(
                    f"{name}={getattr(self, name)} needs output_layer="
                    f"label_embedding, got output_layer={self.output_layer}"
                )
        if self.weight_decay and self.optimizer != "adamw":
            raise ValueError(
                f"weight_decay={self.weight_decay} needs optimizer=adamw, got "
                f"{self.optimizer}"
            )
        if self.adversarial_weight and self.sharing == "single_task":
            raise ValueError(
                "adversarial_weight needs a shared encoder: sharing is "
                "single_task"
            )
        if self.adversarial_weight and self.steps == "alternate":
            raise ValueError(
                "adversarial_weight needs texts of all tasks in a step "
                "(steps=joint): with steps=alternate the discriminator sees "
                "one task at a time"
            )
        if self.orthogonality_weight and self.sharing != "shared_private":
            raise ValueError(
                "orthogonality_weight needs a shared and a private encoder "
                f"(sharing=shared_private), got sharing={self.sharing}"
            )
        if self.unlabeled and not self.adversarial_weight:
            raise ValueError(
                "unlabeled text is read by the adversary alone: set "
                "adversarial_weight as well, or leave unlabeled off"
            )
        self.task_weights_by_name()

    @property
    def sequences_apart(self) -> bool:
        """Whether the encoder reads seq1 and seq2 as two texts, not as one."""
        return self.encoder == encoders.CONDITIONAL

    def task_weights_by_name(self) -> dict[str, float]:
        """`task_weights` as numbers by task name.

        Raises:
          ValueError: if an entry is not NAME:NUMBER.
        """
        weights = {}
        for entry in self.task_weights:
            name, colon, number = entry.rpartition(":")
            try:
                weights[name] = float(number)
            except ValueError:
                colon = ""
            if not colon or not weights[name] >= 0:
                raise ValueError(
                    f"task_weights={entry}: NAME:NUMBER is expected, with a "
                    "number of 0 or more"
                )
        return weights

    def difference(self, other: "Config") -> list[str]:
        """What makes `other` another run, as `name: mine -> other's`."""
        return [
            f"{field.name}: {getattr(self, field.name)} -> "
            f"{getattr(other, field.name)}"
            for field in dataclasses.fields(self)
            if not field.metadata["changeable"]
            and getattr(self, field.name) != getattr(other, field.name)
        ]
