"""Analysis of a text by one run, or by several runs in one picture."""

import os

import tabulate

from mtl_tf.cli import text_settings
from mtl_tf.config import command as command_lib
from mtl_tf.evaluation import text_analysis as text_analysis_lib
from mtl_tf.reporting.plots import neurons as neurons_plot
from mtl_tf.reporting.plots import picture_files
from mtl_tf.reporting.plots import unfolding as unfolding_plot
from mtl_tf.runs import analysis_file
from mtl_tf.runs import descriptions
from mtl_tf.runs import run_directory
from mtl_tf.serving import text_analysis
from mtl_tf.serving import trained_model
from mtl_tf.utils import checksums
from mtl_tf.utils import display_names as names_lib


def run(command: command_lib.Command, run_dir: str) -> str:
    """Analyzes a text; writes pictures, and the text into `analysis.json`.

    Args:
      command: settings of the command, with a text and its task.
      run_dir: directory of the run.

    Returns:
      A description of the analysis, for the terminal.

    Raises:
      ValueError: if the run has no checkpoint or no such neuron, the text has
        no words, or `analysis.json` is damaged.
    """
    model = trained_model.load(run_dir)
    # Read before anything is computed: it may be damaged.
    others = analysis_file.read_sections(run_dir)
    analysis = text_analysis.analyze(
        model,
        command.task,
        command.text,
        command.seq1 or None,
        command.neurons_by_encoder() or None,
    )
    pictures = {
        unfolding_plot.UNFOLDING_FILE: unfolding_plot.draw_analysis(analysis)
    }
    if analysis.neurons:
        pictures[neurons_plot.NEURONS_FILE] = neurons_plot.draw(analysis)
    paths = [os.path.join(run_dir, name) for name in pictures]
    for path, picture in zip(paths, pictures.values(), strict=True):
        picture_files.write(picture, path)
    run_directory.write_json(
        os.path.join(run_dir, analysis_file.ANALYSIS_FILE),
        checksums.sign(
            {
                "schema": run_directory.SCHEMA,
                **others,
                analysis_file.TEXT: analysis.to_dict(),
            }
        ),
    )
    lines = [_describe(analysis, analysis.curves())]
    for name, neurons in analysis.neurons.items():
        indices = ", ".join(map(str, neurons.indices))
        lines.append(f"{name}: {neurons.describe()}: {indices}")
    if not analysis.neurons:
        lines.append(f"No neurons: {text_settings.no_states(model.run)}.")
    lines += [f"picture: {path}" for path in paths]
    return "\n".join(lines)


def compare(command: command_lib.Command) -> str:
    """Draws the probabilities that several runs predict for a text.

    Args:
      command: settings of the command, with a text, its task, runs and an
        output.

    Returns:
      A description, for the terminal.

    Raises:
      ValueError: if a run has no checkpoint, or the text has no words.
    """
    analyses = {}
    for run_dir in command.runs:
        model = trained_model.load(run_dir)
        pair = text_settings.reads_pairs(model.run, command.task)
        name = f"{run_dir} ({descriptions.model_name(model.run.config)})"
        analyses[name] = text_analysis.analyze(
            model, command.task, command.text, command.seq1 if pair else None
        )
    first = next(iter(analyses.values()))
    # Of two labels the last one, as for one run; of more the predicted one.
    label = first.only_label or first.predicted
    curves = {name: x.of_label(label) for name, x in analyses.items()}
    # Runs may truncate texts to different lengths.
    longest = max(analyses.values(), key=lambda x: len(x.words))
    # A word may be known to some of the runs.
    unknown = [
        all(x.unknown[index] for x in analyses.values() if index < len(x.words))
        for index in range(len(longest.words))
    ]
    picture_files.write(
        unfolding_plot.draw(longest.words, unknown, curves, label),
        command.output,
    )
    return "\n".join(
        [
            f"Probability of {names_lib.visible(label)}:",
            _describe(longest, curves),
            f"picture: {command.output}",
        ]
    )


def _describe(analysis: text_analysis_lib.TextAnalysis, curves):
    """Makes a table of the probabilities after each word."""
    rows = []
    for index, word in enumerate(analysis.words):
        values = [
            curve[index] if index < len(curve) else None
            for curve in curves.values()
        ]
        note = "not in the vocabulary" if analysis.unknown[index] else ""
        rows.append([names_lib.visible(word), *values, note])
    return tabulate.tabulate(
        rows,
        ["text up to", *map(names_lib.visible, curves), ""],
        tablefmt="plain",
        floatfmt=".3f",
        missingval="–",
        disable_numparse=[0],
    )
