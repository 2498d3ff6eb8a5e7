"""A run in words: its model, and how its settings differ from the defaults."""

import dataclasses
from collections.abc import Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.utils import display_names as names_lib


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting of one run or several.

    Attributes:
      name: its name.
      values: by run.
      default: what it is where nobody says anything.
      text: what it means.
    """

    name: str
    values: list[str]
    default: str
    text: str


def model_name(config: config_lib.Config) -> str:
    """A few words that tell the model's kind."""
    if config.sharing == "single_task":
        return "single-task"
    name = config.sharing.replace("_", "-")
    return f"adversarial {name}" if config.adversarial_weight else name


def describe(config: config_lib.Config) -> str:
    """A sentence or two on the model."""
    sharing = {
        "single_task": "A model for each task, trained by itself",
        "fully_shared": "One encoder that all tasks share",
        "shared_private": (
            "An encoder that all tasks share, and a private one for each"
        ),
    }[config.sharing]
    encoder = (
        f"{config.encoder} of {names_lib.counted(config.hidden_size, 'unit')}, "
        f"pooling {config.pooling}"
    )
    numbers = names_lib.counted(config.embedding_dim, "number")
    words = f"word vectors of {numbers}"
    if config.word_vectors:
        words += f" from {config.word_vectors}"
    sentences = [f"{sharing}: {encoder}; {words}."]
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
            f"{config.main_task} from the answers to the other tasks"
        )
        if config.label_transfer == "semi_supervised":
            sentence += ", and the main model learns from what it predicts"
        sentences.append(f"{sentence}.")
    return " ".join(sentences)


def label_transfer(
    config: config_lib.Config, tasks: Sequence[tasks_lib.Task]
) -> str:
    """What a label transfer network reads, and what it is for."""
    others = [task.name for task in tasks if task.name != config.main_task]
    answers = "the label vectors that are expected"
    if config.transfer_probabilities or config.output_layer == "softmax":
        answers = "the probabilities of the labels"
    read = [
        "what the model says of the text as if it were one of "
        f"{', '.join(others)}: {answers}"
    ]
    if config.transfer_main_predictions:
        read.append(f"the same of {config.main_task} itself")
    if config.transfer_diversity:
        read.append("the diversity features of the text")
    sentences = [
        f"The label transfer network reads {'; '.join(read)}. It is a second "
        f"output for {config.main_task}, beside that of the main model, and "
        "has scores of its own."
    ]
    if config.label_transfer == "semi_supervised":
        texts = "the texts of the other tasks"
        if config.unlabeled:
            texts += " and unlabeled ones"
        sentences.append(
            f"In the last phase its answers to {texts} are pseudo-labels, "
            "which the main model learns from."
        )
    return " ".join(sentences)


def stopping(config: config_lib.Config, tasks: Sequence[tasks_lib.Task]) -> str:
    """What early stopping and the best checkpoint follow on dev."""
    deciding = {task.metric for task in tasks}
    metric = deciding.pop() if len(deciding) == 1 else "each task's own metric"
    if len(tasks) == 1:
        return metric
    if config.sharing == "single_task":
        return f"{metric}, for each model by itself"
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
    """Such as `2 h 05 min`, `3 min 20 s` or `45 s`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def settings(
    configs: Sequence[config_lib.Config],
) -> tuple[list[Setting], list[Setting]]:
    """The settings that stand out, and the others.

    Of one run, those stand out that are not the default's; of several, those
    that are not the same in all.
    """
    apart, others = [], []
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
        (others if same else apart).append(setting)
    return apart, others


def _text(value):
    """A setting as a flag says it."""
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)
