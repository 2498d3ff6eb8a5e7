"""What a command is to do with a run: the flags beside those of `Config`."""

import dataclasses

from mtl_tf.config import base
from mtl_tf.config import choices
from mtl_tf.config import validation
from mtl_tf.utils import suggestions

MODES = ("train", "evaluate", "predict", "export", "analyze", "report")
# `lines` holds a text a line; the others are of `tables`.
LINES = "lines"
FIELDS = ("seq1", "seq2", "label", "group", "id")

# Where a setting means something, if not everywhere.
_MODES_OF = {
    "baseline_run": ("train", "evaluate", "report"),
    "task": ("predict", "evaluate", "export"),
    "head": ("predict", "evaluate", "export"),
    "input": ("predict", "evaluate"),
    "format": ("predict", "evaluate"),
    "delimiter": ("predict", "evaluate"),
    "absent": ("evaluate",),
    "columns": ("predict", "evaluate"),
    "output": ("predict", "evaluate", "report"),
    "calibrated": ("predict", "evaluate", "export"),
    "runs": ("report",),
}


@dataclasses.dataclass(frozen=True)
class Command(base.Settings):
    """What to do; each is a flag of `mtl_tf.main`.

    Raises:
      ValueError: if a value, or a combination of values, has no meaning.
    """

    mode: str = base.setting(
        "train",
        "train: train, evaluate on test once, report, export; evaluate: score "
        "the best checkpoint again, or on --input; predict: answer the texts "
        "of --input; export: write the SavedModel; analyze: probes of the "
        "features; report: write report.html, or compare --runs.",
        choices=MODES,
    )
    processes: int = base.setting(
        1, "How many runs go at once, where a command makes several."
    )
    baseline_run: str = base.setting(
        "",
        "Run directory whose scores stand beside this run's in table and "
        "report: the single-task models.",
        path=True,
    )
    report: bool = base.setting(True, "Whether training ends with a report.")
    export: bool = base.setting(True, "Whether training ends with an export.")
    task: str = base.setting(
        "",
        "predict, evaluate: the task that --input is of; export: the task of "
        "serving_default; if empty that of --main_task, or else the first.",
    )
    head: str = base.setting(
        choices.MAIN,
        "predict, evaluate: what answers the texts of --input; export: what "
        "answers for serving_default. main: the main model; label_transfer: "
        "the label transfer network, for --main_task of a run that has one.",
        choices=(choices.MAIN, choices.LABEL_TRANSFER),
    )
    input: str = base.setting(
        "",
        "predict, evaluate: file of texts, - for standard input.",
        path=True,
    )
    output: str = base.setting(
        "",
        "predict: file for the answers, standard output if empty; evaluate: "
        "file for the scores, as JSON; report: the page, report.html in the "
        "run directory if empty, or comparison.html for several runs.",
        path=True,
    )
    format: str = base.setting(
        "",
        "What --input holds; if empty its extension says so, and .txt and "
        "standard input are lines. lines: a text a line; tsv and csv: a table "
        "with a header; jsonl: an object a line.",
        choices=("", LINES, *choices.TABLE_FORMATS),
    )
    delimiter: str = base.setting(
        "",
        "What divides the columns of --input, a tsv or csv table; if empty, "
        "tabs and commas.",
    )
    absent: tuple[str, ...] = base.setting(
        (),
        "evaluate: texts that mean an absent value, such as NA; rows of "
        "--input with such a label or text are left out.",
    )
    columns: tuple[str, ...] = base.setting(
        (),
        "Where seq1, seq2 (the text), label, group and id stand in --input, as "
        "FIELD:COLUMN. If not named: the text of a task of single texts in "
        "the column text, others under their own names; id only if named, and "
        "group too unless the task's metric is by topic.",
    )
    calibrated: bool = base.setting(
        False,
        "predict, evaluate, export: probabilities with a temperature that is "
        "fitted to the run's predictions on dev.",
    )
    runs: tuple[str, ...] = base.setting(
        (), "report: run directories to compare.", path=True
    )
    texts: bool = base.setting(
        True, "report: whether the worst mistakes are shown as text."
    )

    def __post_init__(self):
        super().__post_init__()
        self._check_meaning()
        validation.check_processes(self.processes)
        if self.mode == "predict":
            for name in ("task", "input"):
                if not getattr(self, name):
                    raise ValueError(f"--mode=predict needs --{name}")
        if self.mode == "evaluate" and bool(self.task) != bool(self.input):
            raise ValueError(
                "--mode=evaluate wants --task and --input together (or none "
                "of both: the run's own dev and test)"
            )
        self.columns_by_field()

    def _check_meaning(self):
        """Refuses what the mode would pass over in silence."""
        given = {
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }
        for name, modes in _MODES_OF.items():
            if name in given and self.mode not in modes:
                raise ValueError(
                    f"--{name} means nothing to --mode={self.mode}; it is for "
                    f"{', '.join(modes)}"
                )
        if self.mode == "evaluate" and not self.input:
            for name in ("output", "calibrated", "head"):
                if name in given:
                    raise ValueError(
                        f"--{name} means nothing to --mode=evaluate without "
                        "--input: results go to the run directory"
                    )
            for name in ("format", "delimiter", "columns", "absent"):
                if name in given:
                    raise ValueError(
                        f"--{name} means nothing to --mode=evaluate without "
                        "--input, which it describes"
                    )
        if self.baseline_run and self.runs:
            raise ValueError(
                "--baseline_run stands beside one run: among --runs, name it "
                "first"
            )

    def columns_by_field(self) -> dict[str, str]:
        """`columns` by field.

        Raises:
          ValueError: if an entry is not FIELD:COLUMN.
        """
        columns = {}
        for entry in self.columns:
            field, _, column = entry.partition(":")
            # The index of a table has no name where pandas writes it.
            is_whole = column or entry == "id:"
            if not is_whole or field not in FIELDS:
                hint = suggestions.nearest(field, FIELDS)
                raise ValueError(
                    f"columns={entry}: FIELD:COLUMN is expected, where FIELD "
                    f"is one of {', '.join(FIELDS)}"
                    f"{'' if field in FIELDS else hint}"
                )
            if field in columns:
                raise ValueError(f"columns={entry}: {field} stands there twice")
            columns[field] = column
        return columns
