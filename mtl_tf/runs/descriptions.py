"""Descriptions of a run: its model and its settings."""

import dataclasses
from collections.abc import Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.utils import display_names as names_lib


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting of one or several runs.

    Attributes:
      name: name of the setting.
      values: values by run.
      default: default value.
      text: help text.
    """

    name: str
    values: list[str]
    default: str
    text: str


def model_name(config: config_lib.Config) -> str:
    """Returns a short name of the kind of model."""
    if config.sharing == "single_task":
        return "single-task"
    name = config.sharing.replace("_", "-")
    if not config.train_shared_encoder:
        return f"{name} with a frozen shared encoder"
    return f"adversarial {name}" if config.adversarial_weight else name


def summarize(
    config: config_lib.Config,
    corpus: tasks_lib.Corpus,
    tasks: Sequence[tasks_lib.Task],
    num_weights: int,
) -> str:
    """Summarizes a run in a line: model, tasks, corpus, size."""
    return (
        f"{config.sharing}, {config.encoder}, pooling {config.pooling}; "
        f"{names_lib.counted(len(tasks), 'task')} of "
        f"{names_lib.visible(corpus.name)}: "
        f"{', '.join(task.name for task in tasks)}; "
        f"{names_lib.counted(num_weights, 'weight')}"
    )


def describe(config: config_lib.Config) -> str:
    """Describes the model in one or two sentences."""
    sharing = {
        "single_task": "A separate model for each task",
        "fully_shared": "One encoder shared by all tasks",
        "shared_private": (
            "One encoder shared by all tasks, and a private one per task"
        ),
    }[config.sharing]
    encoder = (
        f"{config.encoder} of {names_lib.counted(config.hidden_size, 'unit')}, "
        f"pooling {config.pooling}"
    )
    words = f"word vectors of dimension {config.embedding_dim}"
    if config.word_vectors:
        words += f" from {' and '.join(config.word_vectors)}"
    sentences = [f"{sharing}: {encoder}; {words}."]
    if not config.train_shared_encoder:
        sentences.append(
            f"The shared encoder comes from {config.init_from} and was frozen"
            f"{'' if config.train_word_vectors else ', as were word vectors'}."
        )
    losses = []
    if config.adversarial_weight:
        losses.append(
            f"an adversary ({config.adversary}, λ = "
            f"{config.adversarial_weight:g})"
        )
    if config.orthogonality_weight:
        losses.append(
            f"orthogonality ({config.orthogonality_loss}, γ = "
            f"{config.orthogonality_weight:g})"
        )
    if losses:
        sentences.append(f"Trained with {' and '.join(losses)}.")
    if config.label_transfer != "none":
        sentence = (
            "A label transfer network predicts the labels of "
            f"{config.main_task} from the predictions for the other tasks"
        )
        if config.label_transfer == "semi_supervised":
            sentence += ", and the main model is trained on its pseudo-labels"
        sentences.append(f"{sentence}.")
    return " ".join(sentences)


def label_transfer(
    config: config_lib.Config, tasks: Sequence[tasks_lib.Task]
) -> str:
    """Describes the inputs and the use of a label transfer network."""
    others = [task.name for task in tasks if task.name != config.main_task]
    predictions = "expected label embeddings"
    if config.transfer_probabilities or config.output_layer == "softmax":
        predictions = "probabilities of the labels"
    inputs = [
        "the main model's predictions for the same text as a text of "
        f"{', '.join(others)} ({predictions})"
    ]
    if config.transfer_main_predictions:
        inputs.append(f"those for {config.main_task} itself")
    if config.transfer_diversity:
        inputs.append("the diversity features of the text")
    sentences = [
        f"The inputs of the label transfer network are {'; '.join(inputs)}. It "
        f"is a second output for {config.main_task}, with separate scores."
    ]
    if config.label_transfer == "semi_supervised":
        texts = "the texts of the other tasks"
        if config.unlabeled:
            texts += " and unlabeled ones"
        sentences.append(
            f"In the last phase its predictions for {texts} serve as "
            "pseudo-labels for the main model."
        )
    return " ".join(sentences)


def stopping(config: config_lib.Config, tasks: Sequence[tasks_lib.Task]) -> str:
    """Describes the dev score that early stopping follows."""
    metrics = {task.metric for task in tasks}
    metric = metrics.pop() if len(metrics) == 1 else "each task's metric"
    if len(tasks) == 1:
        return metric
    if config.sharing == "single_task":
        return f"{metric}, separately for each model"
    if config.main_task:
        followed = f"the score of {config.main_task} (--main_task)"
        if config.label_transfer != "none":
            followed += (
                ", after the base phase the mean of the main model's and the "
                "label transfer network's"
            )
        return followed
    return f"the average over tasks of {metric}"


def duration(seconds: float) -> str:
    """Formats a duration, such as `2 h 05 min`, `3 min 20 s` or `45 s`."""
    minutes, seconds = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def settings(
    configs: Sequence[config_lib.Config],
) -> tuple[list[Setting], list[Setting]]:
    """Divides the settings into the distinctive ones and the others.

    Args:
      configs: the settings of one or several runs.

    Returns:
      The settings of one run that differ from the defaults, or those that
      differ between several runs; and the others.
    """
    distinctive: list[Setting] = []
    others: list[Setting] = []
    for field in dataclasses.fields(config_lib.Config):
        values = [getattr(config, field.name) for config in configs]
        default = field.default
        setting = Setting(
            field.name,
            [_text(value) for value in values],
            _text(default),
            field.metadata["help"],
        )
        compared = values if len(values) > 1 else [*values, default]
        same = all(value == compared[0] for value in compared)
        (others if same else distinctive).append(setting)
    return distinctive, others


def _text(value):
    """Formats the value of a setting as in a flag."""
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)
