"""The settings of a run."""

import dataclasses

from mtl_tf.config import base
from mtl_tf.config import choices
from mtl_tf.config import validation


@dataclasses.dataclass(frozen=True)
class Config(base.Settings):
    """Every setting of a run; each is a flag of `mtl_tf.main`.

    Raises:
      ValueError: if a value, or a combination of values, has no meaning.
    """

    # The run.
    data_dir: str = base.setting(
        "",
        "Prepared corpus (see data_prep.main).",
        changeable=True,
        path=True,
    )
    run_dir: str = base.setting(
        "",
        "Directory of the run, made if need be.",
        changeable=True,
        path=True,
    )
    tasks: tuple[str, ...] = base.setting(
        (), "Tasks to train on; all of the corpus if empty."
    )
    max_examples: int = base.setting(
        0, "Rows of each split of each task that are used; 0: all."
    )
    seed: int = base.setting(0, "Seed of everything that is drawn.")
    num_runs: int = base.setting(
        1,
        "Number of runs, with seeds seed, seed + 1, ..., each in a process of "
        "its own; mean and deviation are written.",
        changeable=True,
    )
    init_from: str = base.setting(
        "",
        "Run directory whose best checkpoint training starts from, by name.",
        path=True,
    )
    threads: int = base.setting(
        0, "Threads of TensorFlow; 0: as many as cores.", changeable=True
    )
    precision: str = base.setting(
        "float32",
        "Of the matrix products of LSTMs, factors and results. Their state and "
        "gates are float32 in any case, and so are all weights and updates.",
        choices=choices.PRECISIONS,
    )

    # Text.
    sequences: str = base.setting(
        "both",
        "What an encoder of single texts reads: both sequences with a "
        "separator between them, or seq2, the text itself, alone.",
        choices=choices.SEQUENCES,
    )
    max_tokens: int = base.setting(
        400, "Tokens of each sequence that are read; the rest is cut."
    )

    # Model.
    sharing: str = base.setting(
        "shared_private",
        "single_task: a model for each task, trained by itself; fully_shared: "
        "one encoder for all tasks; shared_private: that and one for each.",
        choices=choices.SHARINGS,
    )
    encoder: str = base.setting(
        "lstm",
        "Text encoder; conditional_bilstm reads seq1 and seq2 as two texts, "
        "the second in the light of the first.",
        choices=choices.ENCODERS,
    )
    pooling: str = base.setting(
        "last",
        "From token features to text features; last: the state at the last "
        "token.",
        choices=choices.POOLINGS,
    )
    hidden_size: int = base.setting(
        100, "Width of an encoder's states.", symbol="d"
    )
    num_layers: int = base.setting(2, "Layers of a stacked_lstm.")
    skip_connection: bool = base.setting(
        False,
        "Whether the mean of a text's word vectors stands beside its features.",
    )
    task_layer_size: int = base.setting(
        0, "Units of a layer of each task's own before the output; 0: none."
    )
    chained_task_layers: bool = base.setting(
        False,
        "Whether each task's layer reads that of the task before it, as in the "
        "code of Augenstein et al.",
    )
    output_layer: str = base.setting(
        "softmax",
        "softmax: a matrix of each task's own; label_embedding: vectors of all "
        "tasks' labels in one space.",
        choices=choices.OUTPUT_LAYERS,
    )
    label_embedding_dim: int = base.setting(
        0,
        "Length of a vector of the label embedding; 0: that of the features "
        "before it. What these hold beyond it is not read.",
        symbol="l",
    )
    label_bias: bool = base.setting(
        False, "Whether each label of the label embedding has a bias."
    )
    tanh_logits: bool = base.setting(
        False,
        "Whether the scores of a softmax output are squashed by tanh, as in "
        "the code of Augenstein et al.",
    )
    embedding_dim: int = base.setting(
        200, "Length of a word vector.", symbol="e"
    )
    word_vectors: str = base.setting(
        "",
        "Pretrained vectors: a GloVe text file, or package:NAME. If "
        "embedding_dim "
        "is larger than they are, the rest starts at random.",
        path=True,
    )
    train_word_vectors: bool = base.setting(
        True, "Whether training changes the word vectors."
    )
    init_range: float = base.setting(
        0.1, "Weights start uniformly in [-init_range, init_range]."
    )
    forget_bias: float = base.setting(
        0.0, "Added to the start of the forget gates' bias."
    )
    word_dropout: float = base.setting(
        0.0, "Share of words that a training step replaces by the unknown one."
    )
    vector_dropout: float = base.setting(
        0.0, "Share of the elements of word vectors that a training step drops."
    )
    recurrent_dropout: float = base.setting(
        0.0, "Share of an LSTM's state that a training step hides from it."
    )
    feature_dropout: float = base.setting(
        0.0, "Share of the elements of text features that a step drops."
    )

    # Label transfer.
    label_transfer: str = base.setting(
        "none",
        "supervised: a label transfer network predicts the main task's labels "
        "from the other tasks' answers; semi_supervised: the main model then "
        "learns from what it says of other texts.",
        choices=choices.LABEL_TRANSFERS,
    )
    transfer_hidden_size: int = base.setting(
        100,
        "Units of the label transfer network's hidden layer; 0: no such layer.",
    )
    transfer_probabilities: bool = base.setting(
        False,
        "Whether the label transfer network reads the probabilities of labels "
        "instead of the label vectors that are expected; with "
        "output_layer=softmax it always does.",
    )
    transfer_main_predictions: bool = base.setting(
        False,
        "Whether the label transfer network also reads the main task's answer.",
    )
    transfer_diversity: bool = base.setting(
        True,
        "Whether the label transfer network reads the diversity features.",
    )
    transfer_gradient: bool = base.setting(
        True,
        "Whether the label transfer network's loss also trains the model whose "
        "answers it reads.",
    )
    transfer_trained_on: str = base.setting(
        "main",
        "Rows that train the label transfer network: main, those of the main "
        "task; auxiliary, those of the others with labels of their own, as in "
        "the code of Augenstein et al.",
        choices=choices.TRANSFER_TRAINED_ON,
    )
    transfer_weight: float = base.setting(
        1.0, "Weight of the label transfer network's loss."
    )
    pseudo_label_weight: float = base.setting(
        1.0, "Weight of the loss between main model and pseudo-labels."
    )
    pseudo_label_threshold: float = base.setting(
        0.0,
        "Pseudo-labels whose highest probability is below it are left out.",
    )

    # Losses.
    adversary: str = base.setting(
        "reversal",
        "reversal: gradient reversal, closed where the discriminator is worse "
        "than chance; reversal_unbounded: Eq. 13 to the letter; confusion: "
        "towards a uniform answer.",
        choices=choices.ADVERSARIES,
    )
    adversarial_weight: float = base.setting(
        0.0, "Weight of the adversary; 0: none.", symbol="λ"
    )
    discriminator_learning_rate: float = base.setting(
        0.0, "The discriminator's learning rate; 0: learning_rate."
    )
    discriminator_updates: int = base.setting(
        1, "Updates of the discriminator in each step."
    )
    unlabeled: bool = base.setting(
        False,
        "Whether the tasks' unlabeled text is read as well: by the adversary, "
        "and for pseudo-labels.",
    )
    orthogonality_weight: float = base.setting(
        0.0, "Weight of the orthogonality loss; 0: none.", symbol="γ"
    )
    orthogonality_loss: str = base.setting(
        "normalized",
        "frobenius: Eq. 14 to the letter; normalized: centered features, rows "
        "of unit length, mean of squares.",
        choices=choices.ORTHOGONALITY_LOSSES,
    )
    task_weights: tuple[str, ...] = base.setting(
        (),
        "Weights of task losses, as NAME:NUMBER; 1 if not named.",
        symbol="α_k",
    )
    class_weights: str = base.setting(
        "none",
        "balanced: an example counts rows / (labels * rows of its label).",
        choices=choices.CLASS_WEIGHTS,
    )

    # Batches.
    batch_size: int = base.setting(16, "Texts of a task in a step.")
    update: str = base.setting(
        "joint",
        "joint: a step has a batch of every task; alternating: of one task.",
        choices=choices.UPDATES,
    )
    sampling_exponent: float = base.setting(
        0.0,
        "A task is drawn in proportion to rows ** this: 0: every task equally "
        "often, 1: in proportion to its size.",
    )
    steps_per_epoch: int = base.setting(
        0, "Steps of an epoch; 0: as epoch_length says."
    )
    epoch_length: str = base.setting(
        "all",
        "all: as many steps as draw as many examples as the training splits "
        "hold; smallest_task: as many rounds as the smallest of them has "
        "batches.",
        choices=choices.EPOCH_LENGTHS,
    )

    # Optimization.
    optimizer: str = base.setting(
        "adam", "Optimizer.", choices=choices.OPTIMIZERS
    )
    learning_rate: float = base.setting(1e-3, "Learning rate.")
    learning_rate_decay: float = base.setting(
        1.0, "Factor of the learning rate after each epoch."
    )
    warmup_steps: int = base.setting(
        0, "Steps in which the learning rate rises from 0."
    )
    weight_decay: float = base.setting(0.0, "Weight decay of adamw.")
    clip_norm: float = base.setting(
        0.0, "Largest joint norm of the gradients; 0: no limit."
    )
    epochs: int = base.setting(
        20, "Epochs at most, of each phase.", changeable=True
    )
    patience: int = base.setting(
        5,
        "Epochs without a better dev score, or an equal one at a lower loss, "
        "before a phase of training stops; 0: never.",
    )
    stopping: str = base.setting(
        "patience",
        "patience: the best epoch on dev is kept; drop: a phase stops at an "
        "epoch whose dev accuracy is below that of `patience` epochs before, "
        "and the last one is kept, as in the code of Augenstein et al.",
        choices=choices.STOPPINGS,
    )
    main_task: str = base.setting(
        "",
        "The task that the others are to help: early stopping and the best "
        "checkpoint follow its dev score; if empty, the average over tasks, "
        "each by its metric.",
    )

    # Logging.
    keep_checkpoints: int = base.setting(
        2,
        "Newest checkpoints that are kept, and as many of the best: a run goes "
        "on from the one before if the last is damaged.",
        changeable=True,
    )
    log_every: int = base.setting(
        50, "Steps between two points of TensorBoard's curves.", changeable=True
    )
    progress: bool = base.setting(
        True, "A progress bar, where there is a terminal.", changeable=True
    )

    def __post_init__(self):
        super().__post_init__()
        validation.check(self)

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases of training, in order; the last is that of the result."""
        return choices.PHASES[
            : 1 + choices.LABEL_TRANSFERS.index(self.label_transfer)
        ]

    @property
    def reads_diversity(self) -> bool:
        """Whether a label transfer network reads the diversity features."""
        return self.label_transfer != "none" and self.transfer_diversity

    @property
    def sequences_apart(self) -> bool:
        """Whether the encoder reads seq1 and seq2 as two texts, not as one."""
        return self.encoder == choices.CONDITIONAL

    def task_weights_by_name(self) -> dict[str, float]:
        """`task_weights` as numbers by task name.

        Raises:
          ValueError: if an entry is not NAME:NUMBER, or a name repeats.
        """
        weights = {}
        for entry in self.task_weights:
            name, colon, number = entry.rpartition(":")
            try:
                weight = float(number)
            except ValueError:
                colon = ""
            if not colon or not weight >= 0:
                raise ValueError(
                    f"task_weights={entry}: NAME:NUMBER is expected, with a "
                    "number of 0 or more"
                )
            if name in weights:
                raise ValueError(
                    f"task_weights={','.join(self.task_weights)}: {name} has "
                    "two weights"
                )
            weights[name] = weight
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
