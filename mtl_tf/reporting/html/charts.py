"""Charts of a page, as SVG elements."""

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import figure

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import text_analysis
from mtl_tf.metrics import calibration
from mtl_tf.reporting.html import artifacts
from mtl_tf.reporting.html import details
from mtl_tf.reporting.html import inline_svg
from mtl_tf.reporting.plots import affinity_gain as affinity_gain_lib
from mtl_tf.reporting.plots import curves as curves_lib
from mtl_tf.reporting.plots import feature_map as feature_map_lib
from mtl_tf.reporting.plots import label_map as label_map_lib
from mtl_tf.reporting.plots import lines
from mtl_tf.reporting.plots import neurons as neurons_lib
from mtl_tf.reporting.plots import style
from mtl_tf.reporting.plots import task_matrix
from mtl_tf.reporting.plots import transfer_curves as transfer_curves_lib
from mtl_tf.reporting.plots import unfolding as unfolding_lib
from mtl_tf.runs import affinity_file
from mtl_tf.runs import label_embeddings as label_vectors_lib

# Width of a chart over all columns of the page, in inches.
WIDE = 7.6
# A panel of more curves is wide.
_MAX_CURVES = 8


def training(run: artifacts.Artifacts) -> list[str]:
    """Draws scores, losses and the discriminator of a run by epoch.

    Returns:
      A chart for each panel of `curves`.
    """
    panels = curves_lib.select_panels(run.history)
    num_curves = [len(run.history[0]["dev"]["tasks"]) + 1] + [1] * len(panels)
    charts: list[str] = []
    for index, panel in enumerate(panels):
        with _panel(num_curves[index]) as (picture, axis):
            curves_lib.draw_panel(
                axis, panel, run.history, run.results["best_epoch"]
            )
        title = axis.get_title(loc="left")
        charts.append(
            inline_svg.embed(picture, f"training-{index}", f"{title}, by epoch")
        )
    return charts


@contextlib.contextmanager
def _panel(num_curves):
    """Makes a figure with one axis, to draw on it within the context."""
    width = curves_lib.PANEL_WIDTH
    if num_curves > _MAX_CURVES:
        width = WIDE
    with style.context():
        picture = figure.Figure(
            figsize=(width, lines.height(num_curves)), layout="constrained"
        )
        yield picture, picture.subplots()


def mean_accuracies(run: artifacts.Artifacts, split: str) -> list[float]:
    """Computes accuracy by epoch, averaged over tasks and over parts.

    A part that has stopped early keeps the accuracy of its last epoch.

    Args:
      run: the run.
      split: `dev` or `training`.

    Returns:
      Accuracy by epoch; empty without a history.
    """
    if not run.parts:
        if split == "dev":
            return [
                curves_lib.mean_over_tasks(line, "accuracy")
                for line in run.history
            ]
        return list(
            curves_lib.logged(run.history, "training/accuracy").values()
        )
    parts = [mean_accuracies(part, split) for part in run.parts.values()]
    parts = [part for part in parts if part]
    longest = max(map(len, parts), default=0)
    return [
        float(np.mean([part[min(epoch, len(part) - 1)] for part in parts]))
        for epoch in range(longest)
    ]


def accuracies(by_name: Mapping[str, artifacts.Artifacts]) -> list[str]:
    """Draws the accuracy of several runs on dev and on training by epoch.

    Args:
      by_name: runs by name.

    Returns:
      A chart for each split that a run has accuracies of. A run has the same
      color in both.
    """
    charts: list[str] = []
    for split in ("dev", "training"):
        values = {
            name: lines.by_epoch(mean_accuracies(run, split))
            for name, run in by_name.items()
        }
        curves = [x for x in lines.make_curves(values) if x.values]
        if curves:
            with _panel(len(curves)) as (picture, axis):
                lines.draw(axis, f"{split} accuracy", curves)
            charts.append(
                inline_svg.embed(
                    picture,
                    f"{split}-accuracy",
                    f"{split} accuracy of {', '.join(values)}, by epoch",
                )
            )
    return charts


def reliability(tasks: Sequence[details.Calibration]) -> str:
    """Draws accuracy by confidence over the test texts of all tasks.

    The left chart is without temperature scaling, the right one with it. The
    bars below show the share of texts in each bin.

    Args:
      tasks: the calibration of each task.
    """
    correct = np.concatenate([task.correct for task in tasks])
    with style.context():
        picture = figure.Figure(figsize=(WIDE, 4.2), layout="constrained")
        axes = picture.subplots(
            2, 2, sharex=True, sharey="row", height_ratios=(3, 1)
        )
        for column, name in enumerate(("raw", "scaled")):
            confidence = np.concatenate([getattr(task, name) for task in tasks])
            by_bin = calibration.reliability_from_confidence(
                confidence, correct
            )
            axes[0, column].set_title(
                "uncalibrated" if name == "raw" else "with temperature scaling"
            )
            _draw_reliability(axes[0, column], axes[1, column], by_bin)
        picture.legend(
            *axes[0, 0].get_legend_handles_labels(),
            frameon=False,
            loc="outside lower center",
            ncols=3,
        )
        axes[0, 0].set_ylabel("accuracy")
        axes[1, 0].set_ylabel("texts")
    return inline_svg.embed(
        picture,
        "reliability",
        "accuracy by confidence, uncalibrated and with temperature scaling",
    )


def _draw_reliability(upper, lower, by_bin):
    """Draws accuracy by confidence, and the share of texts in each bin."""
    bins = len(by_bin.count)
    centers = (np.arange(bins) + 0.5) / bins
    upper.plot([0, 1], [0, 1], ":", color=style.BLACK, label="ideal")
    upper.bar(
        centers, by_bin.accuracy, 0.9 / bins, color=style.SKY, label="accuracy"
    )
    upper.plot(
        by_bin.confidence,
        by_bin.confidence,
        "o",
        markersize=4,
        color=style.RED,
        label="mean confidence",
    )
    shares = by_bin.count / by_bin.count.sum()
    lower.bar(centers, shares, 0.9 / bins, color=style.DARK_GRAY)
    lower.set_xlabel("confidence")


def feature_maps(sample: artifacts.Features) -> list[str]:
    """Draws texts on the principal axes of their features, in two charts."""
    return [
        inline_svg.embed(
            feature_map_lib.draw(sample.features, {f"by {name}": names}),
            f"features-by-{name}",
            f"features of test texts on their two principal axes, by {name}",
        )
        for name, names in (("task", sample.task), ("label", sample.label))
    ]


def label_map(label_vectors: label_vectors_lib.LabelVectors) -> str:
    """Draws the labels of all tasks on the principal axes of their vectors."""
    return inline_svg.embed(
        label_map_lib.draw(label_vectors),
        "labels",
        "label embeddings of all tasks on their two principal axes",
    )


def transfer_curves(run: artifacts.Artifacts, main_task: tasks_lib.Task) -> str:
    """Draws dev scores of main model and label transfer network by epoch."""
    return inline_svg.embed(
        transfer_curves_lib.draw(run.history, main_task, run.results),
        "label-transfer-curves",
        "dev scores of the main model and the label transfer network by epoch",
    )


def unfolding(analysis: text_analysis.TextAnalysis) -> str:
    """Draws the predicted probability as a text unfolds."""
    return inline_svg.embed(
        unfolding_lib.draw_analysis(analysis),
        "unfolding-curves",
        "predicted probability after each word of the text",
    )


def neurons(analysis: text_analysis.TextAnalysis) -> str:
    """Draws the activations of neurons over the words of a text."""
    return inline_svg.embed(
        neurons_lib.draw(analysis),
        "neuron-map",
        "activations of neurons at each word of the text",
    )


def affinity(affinities: affinity_file.Affinity) -> str:
    """Draws inter-task affinities."""
    return inline_svg.embed(
        task_matrix.draw_affinity(affinities.matrix, affinities.tasks),
        "affinity",
        "inter-task affinity of each pair of tasks",
    )


def gains(
    matrix: np.ndarray, sets: Sequence[str], candidates: Sequence[str]
) -> str:
    """Draws the gain of each candidate for each set of tasks.

    Args:
      matrix: gains in points, float64 [sets, candidates].
      sets: names of the sets.
      candidates: names of the candidates.
    """
    picture = task_matrix.draw(
        matrix,
        sets,
        candidates,
        row_label="main task",
        column_label="auxiliary task",
        title="gain (points)",
        show=lambda value: f"{value:+.1f}",
    )
    return inline_svg.embed(
        picture, "gains", "gain on dev of each auxiliary task"
    )


def affinity_gain(
    affinities: Sequence[float],
    gains_: Sequence[float],
    main_tasks: Sequence[str],
) -> str:
    """Draws a point for each pair of a main and an auxiliary task.

    Args:
      affinities: inter-task affinity of each pair.
      gains_: gain in points of each pair.
      main_tasks: the main task of each pair.
    """
    return inline_svg.embed(
        affinity_gain_lib.draw(affinities, gains_, main_tasks),
        "affinity-gain",
        "gain on dev by inter-task affinity",
    )
