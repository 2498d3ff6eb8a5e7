"""Words of dev texts that excite the neurons of a trained model.

Liu et al. 2017, Table 4; `evaluation.excited_words` defines the words and the
numbers.
"""

import dataclasses

import numpy as np

from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import excited_words
from mtl_tf.evaluation import token_states
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.utils import display_names as names_lib

# Most dev texts of a task.
MAX_TEXTS = 2000
# Stream of random numbers that samples them.
_STREAM = 6
# Words of an encoder in the terminal.
_SHOWN_WORDS = 8


def analyze(experiment: experiment_lib.Experiment) -> dict | None:
    """Finds the words that excite neurons of the current weights.

    Args:
      experiment: an experiment whose encoder has states.

    Returns:
      `shared`, the words of the shared encoder on the texts of all tasks;
      `tasks`, the `excited_words.TaskWords` of each task with enough words; and
      the means of their numbers. None if no task has enough words.
    """
    tokens = experiment.vocabulary.tokens
    splits = [_sample(x["dev"], experiment) for x in experiment.splits]
    counts = np.array(
        [token_states.count_words(split, len(tokens)) for split in splits]
    )
    candidates = excited_words.candidates(
        counts.sum(axis=0), len(vocabulary_lib.SPECIAL_TOKENS)
    )
    states = token_states.TokenStates(experiment.model)
    total = excited_words.ActivationSums(len(tokens), candidates)
    by_task = {}
    for index, (task, split) in enumerate(
        zip(experiment.tasks, splits, strict=True)
    ):
        sums = excited_words.ActivationSums(len(tokens), candidates)
        for token_ids, of_batch in states.batches(split):
            sums.add(token_ids, of_batch)
        if "shared" in sums.sums:
            total.add_sums(sums, "shared")
        is_specific = None
        if len(splits) > 1:
            is_specific = excited_words.specific_words(counts, index)
        compared = excited_words.compare(sums, tokens, is_specific)
        if compared is not None:
            by_task[task.name] = compared
    if not by_task:
        return None
    return _collect(by_task, total, tokens)


def _sample(split, experiment):
    """Returns a random sample of the texts of a large split."""
    random = np.random.default_rng((experiment.config.seed, _STREAM))
    rows = random.permutation(len(split))[:MAX_TEXTS]
    return split.take(np.sort(rows))


def _collect(by_task, total, tokens):
    """Collects the words and the means over tasks, in types of JSON."""
    shared = None
    if total.sums:
        ids, means = total.means("shared")
        top = excited_words.top_words(means)
        shared = dataclasses.asdict(excited_words.describe(ids, top, tokens))
    tasks = list(by_task.values())
    by_encoder = [x.specific_by_encoder or {} for x in tasks]
    return {
        "min_count": excited_words.MIN_COUNT,
        "words_by_neuron": excited_words.NEURON_WORDS,
        "specific_ratio": excited_words.SPECIFIC_RATIO,
        "shared": shared,
        "tasks": {k: dataclasses.asdict(x) for k, x in by_task.items()},
        "overlap": _mean([x.overlap for x in tasks]),
        "random_overlap": _mean([x.random_overlap for x in tasks]),
        "specific": _mean([x.specific for x in tasks]),
        "specific_by_encoder": {
            name: _mean([x.get(name) for x in by_encoder])
            for name in tasks[0].encoders
        },
    }


def _mean(values):
    """Averages the values that are not None; None without any."""
    values = [x for x in values if x is not None]
    return float(np.mean(values)) if values else None


def describe(result: dict | None) -> str:
    """Describes the result of `analyze` for the terminal."""
    if result is None:
        return (
            "No words of neurons: fewer than "
            f"{2 * excited_words.NEURON_WORDS} words occur "
            f"{excited_words.MIN_COUNT} times or more in the dev texts of each "
            "task."
        )
    lists = {
        name: task["encoders"]["private"]
        for name, task in result["tasks"].items()
        if "private" in task["encoders"]
    }
    if result["shared"]:
        lists = {"shared": result["shared"], **lists}
    width = max(map(len, lists))
    lines = ["Words that excite most neurons, by encoder:"]
    for name, encoder in lists.items():
        words = map(names_lib.visible, encoder["words"][:_SHOWN_WORDS])
        lines.append(f"  {name:{width}s}  {' '.join(words)}")
    if result["specific"] is not None:
        shares = ", ".join(
            f"{name} {_percent(share)}"
            for name, share in result["specific_by_encoder"].items()
        )
        lines.append(
            f"Words of neurons that are specific to the task, in percent: "
            f"{shares} (of all words {_percent(result['specific'])})"
        )
    if result["overlap"] is not None:
        lines.append(
            "Overlap (Jaccard) of the words of shared and private neurons: "
            f"{result['overlap']:.3f} (of random words "
            f"{result['random_overlap']:.3f})"
        )
    return "\n".join(lines)


def _percent(share):
    return "-" if share is None else f"{100 * share:.1f}"
