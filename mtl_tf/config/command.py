"""Settings of a command: what to do with a run."""

import dataclasses

from mtl_tf.config import base
from mtl_tf.config import choices
from mtl_tf.config import train_sizes as train_sizes_lib
from mtl_tf.config import validation
from mtl_tf.utils import suggestions

# Modes that train many runs.
STUDIES = ("compare", "leave_one_out", "sweep", "search_auxiliary")
MODES = (
    *("train", "evaluate", "predict", "export", "analyze", "report"),
    *STUDIES,
)
# A file with one text per line; other formats are in `choices.TABLE_FORMATS`.
LINES = "lines"
FIELDS = ("seq1", "seq2", "label", "group", "id")

# Modes that use a setting, where not all do.
_MODES_OF = {
    "baseline_run": ("train", "evaluate", "report"),
    "task": ("predict", "evaluate", "export", "analyze"),
    "head": ("predict", "evaluate", "export"),
    "input": ("predict", "evaluate"),
    "format": ("predict", "evaluate"),
    "delimiter": ("predict", "evaluate"),
    "absent": ("evaluate",),
    "columns": ("predict", "evaluate"),
    "output": ("predict", "evaluate", "report", "analyze"),
    "calibrated": ("predict", "evaluate", "export"),
    "runs": ("report", "analyze"),
    "text": ("analyze",),
    "seq1": ("analyze",),
    "neurons": ("analyze",),
    "models": ("compare",),
    "train_sizes": ("compare",),
    "new_tasks": ("compare",),
    "held_out": ("leave_one_out",),
    "search_space": ("sweep",),
    "search_method": ("search_auxiliary",),
    "max_auxiliary": ("search_auxiliary",),
}
# Encoders of a model.
_KINDS = ("shared", "private")
# Formats of pictures.
_PICTURES = (".svg", ".png", ".pdf")


@dataclasses.dataclass(frozen=True)
class Command(base.Settings):
    """Settings of a command; each is a flag of `mtl_tf.main`.

    Raises:
      ValueError: if a value or a combination of values is invalid.
    """

    mode: str = base.setting(
        "train",
        "train: train, evaluate once on test, write a report and an export; "
        "evaluate: evaluate the best checkpoint again, or on --input; predict: "
        "predict the labels of --input; export: write the SavedModel; analyze: "
        "probe the features and list the words of neurons, or show --text word "
        "by word; report: write report.html, or compare --runs; compare: train "
        "and compare --models; leave_one_out: for each task, train on the "
        "others and transfer the shared encoder; sweep: search over the "
        "settings of --search_space; search_auxiliary: search for auxiliary "
        "tasks of --main_task.",
        choices=MODES,
    )
    processes: int = base.setting(
        1, "Number of runs at a time, where a command makes several."
    )
    baseline_run: str = base.setting(
        "",
        "Run directory to compare with in table and report, usually that of "
        "the single-task models.",
        path=True,
    )
    report: bool = base.setting(True, "Whether training ends with a report.")
    export: bool = base.setting(True, "Whether training ends with an export.")
    task: str = base.setting(
        "",
        "predict, evaluate: task of --input; analyze: task of --text; export: "
        "task of serving_default, by default --main_task or else the first "
        "task.",
    )
    head: str = base.setting(
        choices.MAIN,
        "Output that predict and evaluate use, or export for serving_default; "
        "main: the main model; label_transfer: the label transfer network, for "
        "--main_task of a run that has one.",
        choices=(choices.MAIN, choices.LABEL_TRANSFER),
    )
    input: str = base.setting(
        "",
        "predict, evaluate: file of texts, or - for standard input.",
        path=True,
    )
    output: str = base.setting(
        "",
        "predict: file for the predictions, by default standard output; "
        "evaluate: JSON file for the scores; report: file for the page, by "
        "default report.html in the run directory, or comparison.html for "
        "several runs; analyze: file for the picture of --runs, .svg, .png or "
        ".pdf.",
        path=True,
    )
    format: str = base.setting(
        "",
        "Format of --input, by default that of its extension (.txt and "
        "standard input: lines); lines: one text per line; tsv, csv: a table "
        "with a header; jsonl: one JSON object per line.",
        choices=("", LINES, *choices.TABLE_FORMATS),
    )
    delimiter: str = base.setting(
        "",
        "Column separator of --input, by default a tab in tsv and a comma in "
        "csv.",
    )
    absent: tuple[str, ...] = base.setting(
        (),
        "evaluate: texts that mark a missing value, such as NA; rows of "
        "--input with such a label or text are skipped.",
    )
    columns: tuple[str, ...] = base.setting(
        (),
        "Columns of --input, as FIELD:COLUMN, where FIELD is seq1, seq2 (the "
        "text), label, group or id; by default a single text is in the column "
        "text and other fields in columns of the same name, group is read only "
        "for metrics by topic, and id is not read.",
    )
    calibrated: bool = base.setting(
        False,
        "Whether predict, evaluate and export calibrate probabilities with a "
        "temperature fitted to the predictions on dev.",
    )
    runs: tuple[str, ...] = base.setting(
        (),
        "report: run directories to compare; analyze: those whose predictions "
        "for --text are drawn in one picture.",
        path=True,
    )
    text: str = base.setting(
        "",
        "analyze: text to show word by word, with the predicted probability "
        "and the activations of neurons after each word.",
    )
    seq1: str = base.setting(
        "", "analyze: the first text of the pair of which --text is the second."
    )
    neurons: tuple[str, ...] = base.setting(
        (),
        "analyze: neurons to show, as ENCODER:INDEX, where ENCODER is shared "
        "or private; by default those that vary most over --text.",
    )
    models: tuple[str, ...] = base.setting(
        (),
        "compare: models, each the name of a preset or the path of a flagfile; "
        "the first is the baseline. Other flags of the command hold for all "
        "models.",
    )
    train_sizes: tuple[str, ...] = base.setting(
        (train_sizes_lib.ALL,),
        "compare: maximum numbers of training examples of a task; all: no "
        "maximum. SIZE:RUNS makes RUNS runs of a size instead of --num_runs. "
        "Larger samples of a seed contain smaller ones.",
    )
    new_tasks: tuple[str, ...] = base.setting(
        (),
        "compare: tasks that play the new task, one at a time; each: every "
        "task. --train_sizes then limits the new task alone, and its scores "
        "count; multi-task models also learn the other tasks, whole. By "
        "default --train_sizes limits every task, and all scores count.",
    )
    held_out: tuple[str, ...] = base.setting(
        (),
        "leave_one_out: tasks to hold out; if empty, each task in turn.",
    )
    search_space: str = base.setting(
        "",
        "sweep: TOML file of the settings to search over, with their values or "
        "ranges, and of the method.",
        path=True,
    )
    search_method: str = base.setting(
        "forward",
        "search_auxiliary: forward: add the auxiliary task that raises the dev "
        "score of --main_task most, as long as one does; pairs: train "
        "--main_task, or else each task, with each other task.",
        choices=choices.SEARCH_METHODS,
    )
    max_auxiliary: int = base.setting(
        0,
        "search_auxiliary: maximum number of auxiliary tasks of a forward "
        "search; 0: no maximum.",
    )
    texts: bool = base.setting(
        True, "Whether a report shows the texts of the worst mistakes."
    )

    def __post_init__(self):
        super().__post_init__()
        self._check_mode()
        validation.check_processes(self.processes)
        if self.max_auxiliary < 0:
            raise ValueError(
                f"max_auxiliary={self.max_auxiliary}: expected 0 or more"
            )
        if self.max_auxiliary and self.search_method != "forward":
            raise ValueError(
                "--max_auxiliary is not used by --search_method="
                f"{self.search_method}: its runs have one auxiliary task"
            )
        if self.mode == "predict":
            for name in ("task", "input"):
                if not getattr(self, name):
                    raise ValueError(f"--mode=predict needs --{name}")
        if self.mode == "sweep" and not self.search_space:
            raise ValueError("--mode=sweep needs --search_space")
        if self.mode == "evaluate" and bool(self.task) != bool(self.input):
            raise ValueError(
                "--mode=evaluate needs both --task and --input, or neither to "
                "evaluate on the run's dev and test"
            )
        if self.mode == "compare":
            self._check_comparison()
        if self.mode == "analyze":
            self._check_analysis()
        self.columns_by_field()
        self.neurons_by_encoder()

    def _check_analysis(self):
        """Checks the settings of the analysis of a text."""
        if bool(self.task) != bool(self.text):
            raise ValueError(
                "--mode=analyze needs both --task and --text, or neither to "
                "analyze the run on its corpus"
            )
        if not self.text:
            for name in ("runs", "seq1", "neurons", "output"):
                if getattr(self, name):
                    raise ValueError(
                        f"--{name} is not used by --mode=analyze without --text"
                    )
        elif not self.text.strip():
            raise ValueError(
                f"--text={self.text!r}: expected at least one word"
            )
        if bool(self.output) != bool(self.runs):
            raise ValueError(
                "--mode=analyze needs both --runs and --output, the file of "
                "their picture, or neither: a single run has its pictures in "
                "its directory"
            )
        if self.runs and self.neurons:
            raise ValueError(
                "--neurons is not used with --runs: neurons of several runs "
                "do not correspond"
            )
        if self.output and not self.output.endswith(_PICTURES):
            raise ValueError(
                f"--output={self.output}: expected a picture, "
                f"{', '.join(_PICTURES)}"
            )

    def neurons_by_encoder(self) -> dict[str, tuple[int, ...]]:
        """Parses `neurons` into indices by encoder.

        Raises:
          ValueError: if an entry is not ENCODER:INDEX, or repeats.
        """
        by_encoder: dict[str, tuple[int, ...]] = {}
        for entry in self.neurons:
            kind, _, index = entry.partition(":")
            if kind not in _KINDS or not index.isdecimal():
                hint = suggestions.nearest(kind, _KINDS)
                raise ValueError(
                    f"neurons={entry}: expected ENCODER:INDEX, where ENCODER "
                    f"is {' or '.join(_KINDS)} and INDEX counts from 0"
                    f"{'' if kind in _KINDS else hint}"
                )
            indices = by_encoder.setdefault(kind, ())
            if int(index) in indices:
                raise ValueError(f"neurons={entry}: it is repeated")
            by_encoder[kind] = (*indices, int(index))
        return by_encoder

    def _check_comparison(self):
        """Checks the settings of a comparison."""
        if not self.models:
            raise ValueError(
                "--mode=compare needs --models: names of presets, or paths of "
                "flagfiles"
            )
        for name in ("models", "new_tasks"):
            entries = getattr(self, name)
            for entry in entries:
                if entries.count(entry) > 1:
                    raise ValueError(
                        f"{name}={','.join(entries)}: {entry} is repeated"
                    )
        self.runs_by_train_size(1)

    def _check_mode(self):
        """Checks that the mode uses every setting that was given."""
        given = {
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }
        for name, modes in _MODES_OF.items():
            if name in given and self.mode not in modes:
                raise ValueError(
                    f"--{name} is not used by --mode={self.mode}; it is used "
                    f"by {_enumerate(modes)}"
                )
        if self.mode == "evaluate" and not self.input:
            for name in ("output", "calibrated", "head"):
                if name in given:
                    raise ValueError(
                        f"--{name} is not used by --mode=evaluate without "
                        "--input: results are written to the run directory"
                    )
            for name in ("format", "delimiter", "columns", "absent"):
                if name in given:
                    raise ValueError(
                        f"--{name} is not used by --mode=evaluate without "
                        "--input, which it describes"
                    )
        if self.baseline_run and self.runs:
            raise ValueError(
                "--baseline_run is not used with --runs: list the baseline "
                "first there"
            )

    def runs_by_train_size(self, num_runs: int) -> dict[int | None, int]:
        """Parses `train_sizes`; see `train_sizes.parse`."""
        return train_sizes_lib.parse(self.train_sizes, num_runs)

    def columns_by_field(self) -> dict[str, str]:
        """Parses `columns` into column names by field.

        Raises:
          ValueError: if an entry is not FIELD:COLUMN.
        """
        columns = {}
        for entry in self.columns:
            field, _, column = entry.partition(":")
            # pandas writes the index of a table without a name.
            has_column = column or entry == "id:"
            if not has_column or field not in FIELDS:
                hint = suggestions.nearest(field, FIELDS)
                raise ValueError(
                    f"columns={entry}: expected FIELD:COLUMN, where FIELD is "
                    f"one of {', '.join(FIELDS)}"
                    f"{'' if field in FIELDS else hint}"
                )
            if field in columns:
                raise ValueError(f"columns={entry}: {field} is repeated")
            columns[field] = column
        return columns


def _enumerate(names):
    """Returns `a`, `a and b`, or `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
