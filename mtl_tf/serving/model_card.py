"""The model card of an export: what a stranger has to know before using it.

Mitchell et al. (Model Cards for Model Reporting, 2019) say what belongs there:
the model, its use, scores, data, limits, and how it was made.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import descriptions
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.runs import score_table
from mtl_tf.utils import display_names as names_lib

_SPLITS = ("train", "dev", "test", "unlabeled")
_MOST_WARNINGS = 12


def build(
    run: run_directory.Run,
    results: Mapping,
    description: Mapping,
    weights: int,
) -> str:
    """The card, in Markdown.

    Args:
      run: the run that the model is of.
      results: what its `results.json` says.
      description: what the export's `labels.json` says.
      weights: number of trained numbers that the export holds.
    """
    sections = [
        _model(run, weights),
        _use(run, description),
        *([_label_transfer(run, description)] if _has_transfer(run) else []),
        _scores(run, results),
        _data(run),
        _limits(run, description),
        _making(run, results),
    ]
    return "\n\n".join("\n\n".join(section) for section in sections) + "\n"


def _model(run, weights):
    name = descriptions.model_name(run.config)
    words = run.corpus.declaration["vocabulary"]["size"]
    source = (
        "Liu, Qiu and Huang, *Adversarial Multi-task Learning for Text "
        "Classification* (ACL 2017), describe models of this kind"
    )
    if _has_transfer(run):
        source += (
            "; Augenstein, Ruder and Søgaard, *Multi-task Learning of Pairwise "
            "Sequence Classification Tasks Over Disparate Label Spaces* (NAACL "
            "2018), the label transfer network"
        )
    return [
        f"# {_escape(run.corpus.name)}: {name} text classification",
        f"{_escape(descriptions.describe(run.config))} "
        f"{names_lib.counted(weights, 'weight')} and a vocabulary of "
        f"{names_lib.counted(words, 'word')}. {source}.",
    ]


def _has_transfer(run):
    return run.config.label_transfer != "none"


def _use(run, description):
    signature = description["serving_default"]
    inputs = description["signatures"][signature]["inputs"]
    texts = {"text": "a text", "seq1": "what it is about", "seq2": "a text"}
    arguments = ", ".join(
        f'{name}=tf.constant(["{texts[name]}"])' for name in inputs
    )
    rows = []
    for name, said in description["signatures"].items():
        answer = "`label`, `labels`, `probabilities`"
        labels = said.get("labels", [])
        shown = [_escape(names_lib.quote(x)) for x in labels[: names_lib.SHOWN]]
        labels = ", ".join(shown) + _more(len(labels))
        if "width" in said:
            numbers = names_lib.counted(said["width"], "number")
            answer = f"`features`, {numbers} a text"
        reads = ", ".join(f"`{x}`" for x in said["inputs"])
        rows.append([f"`{name}`", reads, answer, labels])
    section = [
        "## Use",
        "It labels texts like those that it was trained on. Strings go in, as "
        "they are: the tokenizer is part of the model. Any number of them may "
        "be given at once.",
        "```python\n"
        "import tensorflow as tf\n"
        "import tensorflow_text  # the model holds ops of it\n\n"
        'model = tf.saved_model.load("export")\n'
        f'answer = model.signatures["{signature}"](\n    {arguments}\n)\n'
        'answer["label"], answer["probabilities"]\n'
        "```",
        _table(["signature", "reads", "answers", "labels, in order"], rows),
        f"`serving_default` is `{signature}`. Outputs have a row a text; "
        "`labels` repeats the names that the columns of `probabilities` "
        "belong to. `labels.json` says the same for programs.",
    ]
    if any(task.pair for task in run.tasks):
        section.append(
            "Where `seq1` is read, it is what the text `seq2` is about."
            if run.config.sequences == "both"
            else "Of pairs, this model reads `seq2` alone (`sequences=seq2`): "
            "it is the `text`."
        )
    return section


def _label_transfer(run, description):
    task = run.config.main_task
    by_output = {
        said["output"]: f"`{name}`"
        for name, said in description["signatures"].items()
        if said.get("task") == task
    }
    return [
        "## Label transfer",
        f"Two outputs answer for {_escape(task)}: "
        f"{by_output[results_lib.MAIN]}, that of the main model, and "
        f"{by_output[results_lib.LABEL_TRANSFER]}, that of the label transfer "
        "network. "
        f"{_escape(descriptions.label_transfer(run.config, run.tasks))} Which "
        "of both is the better one has to be settled on dev, not on test.",
    ]


def _scores(run, results):
    main, majority = results_lib.MAIN, results_lib.MAJORITY
    test, unseen = results_lib.TEST, results_lib.DEDUPLICATED
    has_unseen = unseen in results["average"][main]
    rows = []
    for name, metric, scores, output, n in _scored(run, results):
        row = [name, metric, n]
        show = classification.METRICS[metric].show
        row += [show(scores[x][test][metric]) for x in (majority, output)]
        if has_unseen:
            without = results_lib.scores_of(scores[output], unseen)
            row.append("-" if without is None else show(without[metric]))
        rows.append(row)
    if has_unseen:
        note = score_table.num_tasks_note(
            results["average"][main][unseen], len(run.tasks)
        )
        rows[-1][-1] += f" ({note})" if note else ""
    heads = ["task", "metric", "test texts", "majority", "this model"]
    section = [
        "## Scores",
        _table(heads + ["de-duplicated"] * has_unseen, rows, range(2, 6)),
        f"{score_table.caption(run.tasks)}; the test split was read once, "
        "after training. "
        "`majority` always answers the label that is most frequent in train.",
    ]
    if _has_transfer(run):
        section[-1] += (
            " Where it says *label transfer*, the score of `this model` is "
            "that of the label transfer network, which the average leaves out."
        )
    if has_unseen:
        note = score_table.deduplication_note(run.tasks, results)
        section[-1] += (
            " `de-duplicated` leaves out the test texts that are also in train "
            f"or dev. {note}".rstrip()
        )
    lines = [f"- {_escape(text)}" for text in results.get("warnings", ())]
    heading = ["Warnings of its training:", "\n".join(lines)]
    return section + heading * bool(lines)


def _scored(run, results):
    """Of each line: heading, metric, scores by output, output, test texts."""
    main, transfer = results_lib.MAIN, results_lib.LABEL_TRANSFER
    for task in run.tasks:
        scores = results["tasks"][task.name]
        n = f"{scores[main][results_lib.TEST]['n']:.0f}"
        yield _escape(task.name), task.metric, scores, main, n
        if transfer in scores:
            name = f"{_escape(task.name)}, label transfer"
            yield name, task.metric, scores, transfer, n
    yield (
        f"**{results_lib.average_name(run.tasks)}**",
        results_lib.average_metric(run.tasks),
        results["average"],
        main,
        "",
    )


def _data(run):
    declared = run.corpus.declaration["tasks"]
    most = run.config.max_examples
    splits = [s for s in _SPLITS if s != "unlabeled" or run.config.unlabeled]
    rows = []
    for task in run.tasks:
        said = declared[task.name]
        counts = [said["splits"].get(split, 0) for split in splits]
        rows.append(
            [
                _escape(task.name),
                *(f"{min(n, most) if most else n:,}" for n in counts),
                _label_counts(said["label_counts"]["train"]),
                _counts(said["skipped"]) or "none",
                str(said["duplicates"]["test"]),
            ]
        )
    license = str(run.corpus.declaration.get("license") or "").strip()
    section = [
        "## Training data",
        f"Corpus {_escape(run.corpus.name)}; rows by split"
        + (f", of which at most {most:,} of each were used:" if most else ":"),
        _table(
            [
                "task",
                *splits,
                "labels of train",
                "rows left out",
                "test texts in train or dev",
            ],
            rows,
            numeric=[*range(1, len(splits) + 1), len(splits) + 3],
        ),
        *_warnings(run),
    ]
    if license:
        section += [
            "Its license, as the corpus declares it:",
            "\n".join(f"> {_escape(line)}" for line in license.splitlines()),
        ]
    else:
        section.append("The corpus declares no license: ask before you share.")
    if run.config.word_vectors:
        section.append(
            f"Word vectors started from {_escape(run.config.word_vectors)}, "
            "which has terms of its own."
        )
    return section


def _warnings(run):
    """Returns what the corpus' preparation has warned of, about these tasks."""
    names = [task.name for task in run.tasks]
    found = [
        f"- {_escape(finding['task'])}: {_escape(finding['message'])}"
        for finding in run.corpus.declaration.get("findings", [])
        if finding["task"] in names
    ]
    if not found:
        return []
    more = len(found) - _MOST_WARNINGS
    if more > 0:
        found[_MOST_WARNINGS:] = [f"- and {more:,} more, in `corpus.json`"]
    return ["Warnings of its preparation:", "\n".join(found)]


def _limits(run, description):
    config = run.config
    minimum = run.corpus.declaration["vocabulary"]["min_count"]
    limits = [
        "The tokenizer serves languages that put blanks between words.",
        "The model reads at most "
        f"{names_lib.counted(config.max_tokens, 'token')} of a text; the rest "
        "is cut.",
        "A word has to be in the training texts at least "
        f"{names_lib.counted(minimum, 'time')}; all others are one unknown "
        "word.",
        "Texts of another kind, source, time or language than the training "
        "texts may be labeled worse than the scores say, and with no less "
        "confidence. There is no label for texts that fit none.",
        "What the training texts and their labels are biased to, the model "
        "is: opinions, names, dialects and groups that they speak ill of, or "
        "not at all. Check it on texts of your own before it decides "
        "anything that matters to people.",
    ]
    temperatures = {
        name: said["temperature"]
        for name, said in description["signatures"].items()
        if "temperature" in said
    }
    if temperatures:
        fitted = ", ".join(
            f"`{name}` {temperature:.2f}"
            for name, temperature in temperatures.items()
        )
        limits.append(
            "Probabilities are calibrated: scores were divided by a "
            f"temperature fitted on dev ({fitted}). That holds for texts like "
            "those of dev."
        )
    else:
        limits.append(
            "Probabilities are not calibrated: 0.9 need not be right nine "
            "times in ten."
        )
    if config.adversarial_weight:
        limits.append(
            "The adversary was to keep tasks from being told apart by the "
            "shared features. Another reader than the one that it was trained "
            "against may still tell them apart: do not count on the features "
            "to hide anything."
        )
    if len(run.tasks) > 1 and config.sharing == "single_task":
        limits.append("Each task has a model of its own; nothing is shared.")
    return ["## Limits", "\n".join(f"- {limit}" for limit in limits)]


def _making(run, results):
    record = run.record
    facts = {
        "training began": record["started"],
        "training took": (
            f"{descriptions.duration(results['seconds'])}, "
            f"{names_lib.counted(results['steps'], 'step')}"
        ),
        "seed": run.config.seed,
        "git revision": record["git_revision"],
        "fingerprint of the corpus": record["fingerprint"],
        "versions": ", ".join(
            f"{package} {version}"
            for package, version in record["versions"].items()
        ),
    }
    if "best_epoch" in results:
        facts["best epoch on dev"] = results["best_epoch"]
    apart, _ = descriptions.settings([run.config])
    # What does not change the model concerns the machine that it was made on.
    of_machine = {
        field.name
        for field in dataclasses.fields(config_lib.Config)
        if field.metadata["changeable"] and field.name != "epochs"
    }
    return [
        "## How it was made",
        _table(
            ["fact", "value"], [[k, _escape(str(v))] for k, v in facts.items()]
        ),
        "Settings that differ from the defaults:",
        _table(
            ["setting", "value", "default", "meaning"],
            [
                [
                    f"`{setting.name}`",
                    *map(
                        _escape,
                        (setting.values[0], setting.default, setting.text),
                    ),
                ]
                for setting in apart
                if setting.name not in of_machine
            ],
        ),
    ]


def _label_counts(counts):
    """Labels with their rows; of many the most frequent."""
    most = names_lib.most_frequent(np.array(list(counts.values())))
    labels = [list(counts)[n] for n in most]
    shown = {names_lib.quote(label): counts[label] for label in labels}
    return _counts(shown) + _more(len(counts))


def _more(labels):
    """Returns how many labels are not shown."""
    more = labels - names_lib.SHOWN
    return f" and {more:,} more (see `labels.json`)" if more > 0 else ""


def _counts(counts):
    return ", ".join(f"{_escape(name)} {n:,}" for name, n in counts.items())


def _table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Iterable[int] = (),
) -> str:
    """Formats a Markdown table of escaped cells; `numeric`: number columns."""
    numeric = set(numeric)
    rule = ["---:" if n in numeric else "---" for n in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def _escape(text: str) -> str:
    """Text in which Markdown, its tables and HTML see nothing special."""
    # Underscores within words mean nothing, and are easier to read so.
    return re.sub(
        r"[\\`*{}\[\]<>|~&$]|(?<!\w)_|_(?!\w)",
        r"\\\g<0>",
        names_lib.visible(" ".join(text.split())),
    )
