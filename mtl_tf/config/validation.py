"""Checks of settings: values, and combinations of values."""

import dataclasses
import math

import numpy as np

from mtl_tf.config import choices
from mtl_tf.config import distribution

# Seeds of NumPy's generators have 32 bits.
_SEEDS = 2**32
# Limits far above any useful value, each with its reason.
_LIMITS = {
    "num_runs": (1_000, "each is a training run"),
    "threads": (1_024, "TensorFlow starts all of them at once"),
    "max_tokens": (1_000_000, "texts are padded to the longest one in a batch"),
    "hidden_size": (10_000, "the number of weights grows with its square"),
    "num_layers": (100, "each layer has its own weights and loop"),
    "embedding_dim": (10_000, "each word of the vocabulary has a vector"),
    "label_embedding_dim": (10_000, "each label has a vector"),
    "task_layer_size": (10_000, "each task has a layer"),
    "transfer_hidden_size": (10_000, "the number of weights grows with it"),
    "discriminator_updates": (1_000, "every step computes all of them"),
    "batch_size": (65_536, "all texts of a step are held in memory"),
    "sampling_exponent": (10, "1 samples in proportion to rows"),
    "steps_per_epoch": (
        10_000_000,
        "scores on dev and checkpoints are computed once per epoch",
    ),
}
# Limit of all other integers.
_LARGEST = 2**31 - 1
# Weights and losses are float32: beyond these limits, numbers become inf or 0.
_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_SMALLEST_FLOAT = float(np.finfo(np.float32).tiny)
_PROCESSES = 1_024
# Features per hidden unit: two directions or three windows; 1 for others.
_FEATURES_PER_UNIT = {"bilstm": 2, choices.CONDITIONAL: 2, "cnn": 3}


def check(config) -> None:
    """Checks the settings of a run, a `config.Config`.

    Raises:
      ValueError: if a value or a combination of values is invalid.
    """
    check_ranges(config)
    _check_combinations(config)
    _check_adversary(config)
    _check_pseudo_labels(config)
    _check_frozen_encoder(config)
    _check_needs(config)
    _check_label_embedding_dim(config)
    _check_label_transfer(config)
    _check_affinity(config)
    distribution.check(config)


def check_processes(processes: int) -> None:
    """Checks the number of runs at a time; raises a ValueError."""
    if isinstance(processes, bool) or not isinstance(
        processes, int | np.integer
    ):
        raise ValueError(
            f"processes={processes!r:.80}: expected an integer, got "
            f"{type(processes).__name__}"
        )
    if not processes > 0:
        raise ValueError(f"processes={processes}: expected a number above 0")
    if processes > _PROCESSES:
        raise ValueError(
            f"processes={processes}: at most {_PROCESSES} (each loads its "
            "own TensorFlow)"
        )


def check_ranges(config) -> None:
    """Checks the values of a `config.Config`, one by one.

    Raises:
      ValueError: if a value is invalid whatever the others are.
    """
    positive = (
        "num_runs max_tokens hidden_size num_layers embedding_dim batch_size "
        "discriminator_updates learning_rate init_range epochs log_every "
        "learning_rate_decay keep_checkpoints"
    )
    for name in positive.split():
        value = getattr(config, name)
        if not value > 0:
            raise ValueError(f"{name}={value}: expected a number above 0")
    not_negative = (
        "seed threads adversarial_weight orthogonality_weight "
        "discriminator_learning_rate steps_per_epoch sampling_exponent "
        "warmup_steps initial_accumulator weight_decay clip_norm patience "
        "task_layer_size label_embedding_dim transfer_hidden_size "
        "transfer_weight pseudo_label_weight pseudo_label_threshold "
        "affinity_every task_batches"
    )
    for name in not_negative.split():
        value = getattr(config, name)
        if not value >= 0:
            raise ValueError(f"{name}={value}: expected 0 or more")
    for name, (limit, why) in _LIMITS.items():
        value = getattr(config, name)
        if value > limit:
            raise ValueError(f"{name}={value}: at most {limit} ({why})")
    if config.seed + config.num_runs > _SEEDS:
        raise ValueError(
            f"seed={config.seed}, num_runs={config.num_runs}: the last seed "
            f"must be below {_SEEDS}"
        )
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        is_rate = field.name.endswith("_dropout") or field.name == "ema_decay"
        if is_rate and not 0 <= value < 1:
            raise ValueError(
                f"{field.name}={value}: expected a rate, from 0 to below 1"
            )
        if isinstance(value, float):
            _check_float(field.name, value)
        if isinstance(value, int) and field.name != "seed" and value > _LARGEST:
            raise ValueError(f"{field.name}={value}: at most {_LARGEST}")


def _check_float(name, value):
    if not math.isfinite(value):
        raise ValueError(f"{name}={value}: not a finite number")
    if abs(value) > _LARGEST_FLOAT:
        raise ValueError(
            f"{name}={value}: beyond {_LARGEST_FLOAT:.3g}, the largest float32"
        )
    if 0 < abs(value) < _SMALLEST_FLOAT:
        raise ValueError(
            f"{name}={value}: closer to 0 than {_SMALLEST_FLOAT:.3g}, the "
            "smallest float32"
        )


def _check_combinations(config):
    # TensorFlow reads the path of a checkpoint as a pattern, and --runs is a
    # list with commas.
    if set("*?[],") & set(config.run_dir):
        raise ValueError(
            f"run_dir={config.run_dir}: the characters * ? [ ] , are not "
            "allowed in it"
        )
    repeated = [x for x in config.tasks if config.tasks.count(x) > 1]
    if repeated:
        raise ValueError(
            f"tasks={','.join(config.tasks)}: {repeated[0]} is "
            f"repeated {config.tasks.count(repeated[0])} times"
        )
    choices.check_encoder(config.encoder, config.pooling)
    if config.recurrent_dropout and config.encoder not in choices.RECURRENT:
        raise ValueError(
            f"recurrent_dropout={config.recurrent_dropout} needs a recurrent "
            f"encoder ({', '.join(choices.RECURRENT)}), got encoder="
            f"{config.encoder}"
        )
    if config.precision != "float32" and (
        config.encoder not in choices.RECURRENT
    ):
        raise ValueError(
            f"precision={config.precision} applies to LSTMs: it needs a "
            f"recurrent encoder ({', '.join(choices.RECURRENT)}), got "
            f"encoder={config.encoder}"
        )
    if config.encodes_pairs and config.sequences == "seq2":
        raise ValueError(
            f"sequences=seq2 leaves out seq1, which encoder={config.encoder} "
            "needs: set sequences=both or encoder=bilstm"
        )
    if config.word_overlap and not config.encodes_pairs:
        raise ValueError(
            f"word_overlap needs encoder={choices.CONDITIONAL}, which reads "
            f"both texts of a pair, got encoder={config.encoder}"
        )
    initial = type(config).initial_accumulator
    if config.initial_accumulator != initial and config.optimizer != "adagrad":
        raise ValueError(
            f"initial_accumulator={config.initial_accumulator} needs "
            f"optimizer=adagrad, got {config.optimizer}"
        )
    if config.weight_decay and config.optimizer != "adamw":
        raise ValueError(
            f"weight_decay={config.weight_decay} needs optimizer=adamw, got "
            f"{config.optimizer}"
        )
    if config.steps_per_epoch and config.epoch_length != "all":
        raise ValueError(
            f"steps_per_epoch={config.steps_per_epoch}, epoch_length="
            f"{config.epoch_length}: both determine the length of an epoch; "
            "set one of them"
        )
    for name, weight in config.task_weights_by_name().items():
        _check_float(f"task_weights: {name}", weight)
    config.max_train_examples_by_name()


def _check_adversary(config):
    """Checks the use of adversary, orthogonality and unlabeled text."""
    if config.adversarial_weight and config.sharing == "single_task":
        raise ValueError(
            "adversarial_weight needs a shared encoder, got sharing=single_task"
        )
    if config.adversarial_weight and config.update == "alternating":
        raise ValueError(
            "adversarial_weight needs texts of all tasks in a step "
            "(update=joint): with update=alternating the discriminator sees "
            "one task at a time"
        )
    if config.orthogonality_weight and config.sharing != "shared_private":
        raise ValueError(
            "orthogonality_weight needs a shared and a private encoder "
            f"(sharing=shared_private), got sharing={config.sharing}"
        )
    if config.unlabeled and not (
        config.adversarial_weight
        or config.label_transfer == "semi_supervised"
        or config.teachers
    ):
        raise ValueError(
            "unlabeled text is used by the adversary and for pseudo-labels: "
            "set adversarial_weight, label_transfer=semi_supervised or "
            "teachers, or unset unlabeled"
        )


def _check_pseudo_labels(config):
    """Checks that pseudo-labels have one source, if any."""
    is_semi_supervised = config.label_transfer == "semi_supervised"
    if config.teachers and is_semi_supervised:
        raise ValueError(
            "teachers and label_transfer=semi_supervised both give "
            "pseudo-labels: set one of them"
        )
    if config.teachers and not config.unlabeled:
        raise ValueError(
            "teachers give unlabeled texts their pseudo-labels: set unlabeled"
        )
    if not 0 <= config.pseudo_label_threshold < 1:
        raise ValueError(
            f"pseudo_label_threshold={config.pseudo_label_threshold}: expected "
            "a probability below 1"
        )
    for name in ("pseudo_label_weight", "pseudo_label_threshold"):
        value = getattr(config, name)
        is_used = is_semi_supervised or config.teachers
        if value != getattr(type(config), name) and not is_used:
            raise ValueError(
                f"{name}={value} needs pseudo-labels: set label_transfer="
                "semi_supervised, or teachers"
            )


def _check_frozen_encoder(config):
    """Checks that a frozen shared encoder exists, was trained, and stays so."""
    if config.train_shared_encoder:
        return
    if config.sharing == "single_task":
        raise ValueError(
            "notrain_shared_encoder needs a shared encoder "
            "(sharing=fully_shared or shared_private), got sharing=single_task"
        )
    if not config.init_from:
        raise ValueError(
            "notrain_shared_encoder needs init_from, the run whose shared "
            "encoder it freezes: without it, the frozen weights are random"
        )
    if config.adversarial_weight:
        raise ValueError(
            f"adversarial_weight={config.adversarial_weight} trains the shared "
            "encoder, which notrain_shared_encoder freezes: set "
            "adversarial_weight=0"
        )


def _check_label_embedding_dim(config):
    features_dim = _features_dim(config)
    if config.label_embedding_dim > features_dim:
        raise ValueError(
            f"label_embedding_dim={config.label_embedding_dim}: label vectors "
            "must not be longer than the features that they are multiplied "
            f"with ({features_dim})"
        )


def _features_dim(config):
    """Returns the size of the features that an output layer reads."""
    if config.task_layer_size:
        return config.task_layer_size
    encoders = 2 if config.sharing == "shared_private" else 1
    size = config.hidden_size * _FEATURES_PER_UNIT.get(config.encoder, 1)
    texts = 2 if config.encodes_pairs else 1
    skipped = texts * config.embedding_dim if config.skip_connection else 0
    overlaps = 2 if config.word_overlap else 0
    return encoders * size + skipped + overlaps


def _check_label_transfer(config):
    """Checks that the other settings allow label transfer."""
    if config.label_transfer == "none":
        return
    if not config.main_task:
        raise ValueError(
            f"label_transfer={config.label_transfer} needs main_task, the task "
            "whose labels are predicted from the other tasks' predictions"
        )
    if config.sharing == "single_task":
        raise ValueError(
            f"label_transfer={config.label_transfer} needs a model of several "
            "tasks, got sharing=single_task"
        )
    may_lack_main_task = (
        config.update == "alternating"
        or config.task_batches
        or config.sampling_exponent
    )
    is_semi_supervised = config.label_transfer == "semi_supervised"
    if may_lack_main_task and (
        is_semi_supervised or config.sharing == "shared_private"
    ):
        raise ValueError(
            f"label_transfer={config.label_transfer} with sharing="
            f"{config.sharing} needs texts of the main task in every step: "
            "update=joint, task_batches=0 and sampling_exponent=0"
        )
    if is_semi_supervised and config.transfer_trained_on == "auxiliary":
        raise ValueError(
            "label_transfer=semi_supervised needs pseudo-labels of the main "
            "task, which transfer_trained_on=auxiliary does not train"
        )


def _check_affinity(config):
    """Checks that the other settings allow to measure inter-task affinity."""
    if config.affinity_every and config.sharing == "single_task":
        raise ValueError(
            "affinity_every needs weights that tasks share, got "
            "sharing=single_task"
        )
    if config.affinity_every and config.update == "alternating":
        raise ValueError(
            "affinity_every needs texts of several tasks in a step "
            "(update=joint), got update=alternating"
        )


def _check_needs(config):
    """Refuses settings that would be ignored."""
    needs = [
        (
            "label_embedding_dim label_bias",
            "output_layer",
            ("label_embedding",),
        ),
        ("tanh_logits", "output_layer", ("softmax",)),
        ("task_batches", "update", ("joint",)),
        ("task_batches", "sharing", ("fully_shared", "shared_private")),
        (
            "transfer_hidden_size transfer_probabilities "
            "transfer_main_predictions transfer_diversity transfer_gradient "
            "transfer_trained_on transfer_weight",
            "label_transfer",
            ("supervised", "semi_supervised"),
        ),
    ]
    defaults = {f.name: f.default for f in dataclasses.fields(config)}
    for names, needed, values in needs:
        for name in names.split():
            value = getattr(config, name)
            actual = getattr(config, needed)
            if value != defaults[name] and actual not in values:
                raise ValueError(
                    f"{name}={value} needs {needed}={' or '.join(values)}, got "
                    f"{needed}={actual}"
                )
    if config.task_batches == 1:
        raise ValueError(
            "task_batches=1: expected 0 or at least 2; with update=alternating "
            "a step has one task batch"
        )
    if config.chained_task_layers and not config.task_layer_size:
        raise ValueError(
            "chained_task_layers needs task-specific layers: set "
            "task_layer_size"
        )
    # With a frozen shared encoder, task-specific layers start at random.
    loads_task_layers = config.init_from and config.train_shared_encoder
    if config.chained_task_layers and loads_task_layers:
        raise ValueError(
            "init_from loads each task's layer by the name of the task, but "
            "with chained_task_layers a layer serves several tasks"
        )
