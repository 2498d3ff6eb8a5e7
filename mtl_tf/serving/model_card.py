"""Model card of an export, for users who know nothing else about the model.

Its sections follow Mitchell et al. (Model Cards for Model Reporting, 2019): the
model, its use, scores, data, limits, and how it was made.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import descriptions
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.runs import score_table
from mtl_tf.serving import markdown
from mtl_tf.utils import display_names as names_lib

_SPLITS = ("train", "dev", "test", "unlabeled")
_MOST_WARNINGS = 12


def build(
    run: run_directory.Run,
    results: Mapping,
    description: Mapping,
    weights: int,
) -> str:
    """Builds the card in Markdown.

    Args:
      run: the run of the model.
      results: content of its `results.json`.
      description: content of the export's `labels.json`.
      weights: number of trained weights in the export.
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
        f"# {markdown.escape(run.corpus.name)}: {name} text classification",
        f"{markdown.escape(descriptions.describe(run.config))} "
        f"{names_lib.counted(weights, 'weight')} and a vocabulary of "
        f"{names_lib.counted(words, 'word')}. {source}.",
    ]


def _has_transfer(run):
    return run.config.label_transfer != "none"


def _use(run, description):
    default = description["serving_default"]
    texts = {"text": "a text", "seq1": "what it is about", "seq2": "a text"}
    arguments = ", ".join(
        f'{name}=tf.constant(["{texts[name]}"])'
        for name in description["signatures"][default]["inputs"]
    )
    rows = []
    for name, signature in description["signatures"].items():
        outputs = "`label`, `labels`, `probabilities`"
        labels = signature.get("labels", [])
        shown = [
            markdown.escape(names_lib.quote(x))
            for x in labels[: names_lib.SHOWN]
        ]
        labels = ", ".join(shown) + _more(len(labels))
        if "width" in signature:
            features = names_lib.counted(signature["width"], "feature")
            outputs = f"`features`, {features} per text"
        inputs = ", ".join(f"`{x}`" for x in signature["inputs"])
        rows.append([f"`{name}`", inputs, outputs, labels])
    section = [
        "## Use",
        "The model labels texts like those that it was trained on. Its inputs "
        "are strings: the tokenizer is part of the model. A call takes any "
        "number of texts.",
        "```python\n"
        "import tensorflow as tf\n"
        "import tensorflow_text  # registers ops of the tokenizer\n\n"
        'model = tf.saved_model.load("export")\n'
        f'outputs = model.signatures["{default}"](\n    {arguments}\n)\n'
        'outputs["label"], outputs["probabilities"]\n'
        "```",
        markdown.table(
            ["signature", "inputs", "outputs", "labels, in order"], rows
        ),
        f"`serving_default` is `{default}`. Outputs have a row per text; "
        "`labels` repeats the names of the columns of `probabilities`. "
        "`labels.json` holds the same for programs.",
    ]
    if any(task.pair for task in run.tasks):
        section.append(
            "Of a pair, `seq1` is what the text `seq2` is about."
            if run.config.sequences == "both"
            else "Of a pair, the model reads `seq2` alone, as `text` "
            "(`sequences=seq2`)."
        )
    return section


def _label_transfer(run, description):
    task = run.config.main_task
    network = descriptions.label_transfer(run.config, run.tasks)
    by_output = {
        signature["output"]: f"`{name}`"
        for name, signature in description["signatures"].items()
        if signature.get("task") == task
    }
    return [
        "## Label transfer",
        f"There are two outputs for {markdown.escape(task)}: "
        f"{by_output[results_lib.MAIN]}, that of the main model, and "
        f"{by_output[results_lib.LABEL_TRANSFER]}, that of the label transfer "
        "network. "
        f"{markdown.escape(network)} Choose between them by their scores on "
        "dev, not on test.",
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
        markdown.table(
            heads + ["de-duplicated"] * has_unseen, rows, range(2, 6)
        ),
        f"{score_table.caption(run.tasks)}; the test split was evaluated "
        "once, after training. `majority` always predicts the most frequent "
        "label of train.",
    ]
    if _has_transfer(run):
        section[-1] += (
            " In rows of *label transfer*, the score of `this model` is that "
            "of the label transfer network, which is not part of the average."
        )
    if has_unseen:
        note = score_table.deduplication_note(run.tasks, results)
        section[-1] += (
            " `de-duplicated` excludes test texts that are also in train or "
            f"dev. {note}".rstrip()
        )
    lines = [
        f"- {markdown.escape(text)}" for text in results.get("warnings", ())
    ]
    warnings = ["Warnings of the training:", "\n".join(lines)]
    return section + warnings * bool(lines)


def _scored(run, results):
    """Yields name, metric, scores, output and number of texts per row."""
    main, transfer = results_lib.MAIN, results_lib.LABEL_TRANSFER
    for task in run.tasks:
        scores = results["tasks"][task.name]
        n = f"{scores[main][results_lib.TEST]['n']:.0f}"
        yield markdown.escape(task.name), task.metric, scores, main, n
        if transfer in scores:
            name = f"{markdown.escape(task.name)}, label transfer"
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
    splits = [s for s in _SPLITS if s != "unlabeled" or run.config.unlabeled]
    rows = []
    for task in run.tasks:
        facts = declared[task.name]
        counts = [facts["splits"].get(split, 0) for split in splits]
        # The training split is the first.
        limit = run.config.max_train_examples_of(task.name)
        counts[0] = min(counts[0], limit or counts[0])
        rows.append(
            [
                markdown.escape(task.name),
                *(f"{n:,}" for n in counts),
                _label_counts(facts["label_counts"]["train"]),
                _counts(facts["skipped"]) or "none",
                str(facts["duplicates"]["test"]),
            ]
        )
    sampled = "training rows are random samples (max_train_examples)"
    license = str(run.corpus.declaration.get("license") or "").strip()
    section = [
        "## Training data",
        f"Corpus {markdown.escape(run.corpus.name)}; rows by split"
        + (f"; {sampled}:" if run.config.max_train_examples else ":"),
        markdown.table(
            [
                "task",
                *splits,
                "labels of train",
                "skipped rows",
                "test texts in train or dev",
            ],
            rows,
            numeric=[*range(1, len(splits) + 1), len(splits) + 3],
        ),
        *_warnings(run),
    ]
    if license:
        section += [
            "License, as declared by the corpus:",
            "\n".join(
                f"> {markdown.escape(line)}" for line in license.splitlines()
            ),
        ]
    else:
        section.append(
            "The corpus declares no license: ask its authors before sharing."
        )
    if run.config.word_vectors:
        section.append(
            f"Word vectors were initialized from "
            f"{markdown.escape(', '.join(run.config.word_vectors))}, which may "
            "have other license terms."
        )
    return section


def _warnings(run):
    """Lists the warnings of the preparation about these tasks."""
    names = [task.name for task in run.tasks]
    warnings = [
        f"- {markdown.escape('{task}: {message}'.format(**finding))}"
        for finding in run.corpus.declaration.get("findings", [])
        if finding["task"] in names
    ]
    if not warnings:
        return []
    more = len(warnings) - _MOST_WARNINGS
    if more > 0:
        warnings[_MOST_WARNINGS:] = [f"- and {more:,} more, in `corpus.json`"]
    return ["Warnings of the preparation:", "\n".join(warnings)]


def _limits(run, description):
    config = run.config
    minimum = run.corpus.declaration["vocabulary"]["min_count"]
    limits = [
        "The tokenizer is made for languages with blanks between words.",
        "The model reads at most "
        f"{names_lib.counted(config.max_tokens, 'token')} of a text; longer "
        "texts are truncated.",
        "Words with fewer than "
        f"{names_lib.counted(minimum, 'occurrence')} in the training texts "
        "are treated as one unknown word.",
        "On texts of another genre, source, time or language than the training "
        "texts, the model may be worse than its scores, and no less confident. "
        "It has no label for texts that fit none.",
        "The model reproduces the biases of the training texts and their "
        "labels, such as against opinions, names, dialects and groups that "
        "they disparage or do not mention. Test it on your own texts before "
        "it decides anything that affects people.",
    ]
    temperatures = {
        name: signature["temperature"]
        for name, signature in description["signatures"].items()
        if "temperature" in signature
    }
    if temperatures:
        fitted = ", ".join(
            f"`{name}` {temperature:.2f}"
            for name, temperature in temperatures.items()
        )
        limits.append(
            "Probabilities are calibrated for texts like those of dev: logits "
            f"are divided by a temperature fitted on dev ({fitted})."
        )
    else:
        limits.append(
            "Probabilities are not calibrated: predictions with 0.9 need not "
            "be correct nine times in ten."
        )
    if config.adversarial_weight:
        limits.append(
            "Adversarial training makes it hard for one discriminator to "
            "recognize the task from the shared features. Other classifiers "
            "may still recognize it: do not rely on the features to hide "
            "information."
        )
    if len(run.tasks) > 1 and config.sharing == "single_task":
        limits.append("Each task has a separate model; nothing is shared.")
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
    # Settings that do not change the model describe the machine of the author.
    excluded = {
        field.name
        for field in dataclasses.fields(config_lib.Config)
        if field.metadata["changeable"] and field.name != "epochs"
    }
    return [
        "## How it was made",
        markdown.table(
            ["fact", "value"],
            [[k, markdown.escape(str(v))] for k, v in facts.items()],
        ),
        "Settings that differ from the defaults:",
        markdown.table(
            ["setting", "value", "default", "meaning"],
            [
                [
                    f"`{setting.name}`",
                    *map(
                        markdown.escape,
                        (setting.values[0], setting.default, setting.text),
                    ),
                ]
                for setting in apart
                if setting.name not in excluded
            ],
        ),
    ]


def _label_counts(counts):
    """Formats labels with their rows, at most the most frequent ones."""
    most = names_lib.most_frequent(np.array(list(counts.values())))
    labels = [list(counts)[n] for n in most]
    shown = {names_lib.quote(label): counts[label] for label in labels}
    return _counts(shown) + _more(len(counts))


def _more(labels):
    """Formats the number of labels that are not shown."""
    more = labels - names_lib.SHOWN
    return f" and {more:,} more (see `labels.json`)" if more > 0 else ""


def _counts(counts):
    return ", ".join(
        f"{markdown.escape(name)} {n:,}" for name, n in counts.items()
    )
