"""Tables of the papers: their jobs, and their parts of a page."""

import dataclasses
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from matplotlib import figure

from reproduction import jobs as jobs_lib
from reproduction import records as records_lib

# Records of ended jobs by name of the job.
Records = Mapping[str, records_lib.Record]
MISSING = "–"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of a paper.

    Attributes:
      name: its name in `--table`, and between the marks in the page.
      jobs_of_seed: returns its jobs of a seed.
      markdown: formats the table from the records that are there.
      num_seeds: number of seeds by default; 1: there are no others.
      draw: draws the picture of the table, None if there is too little for it;
        None for a table without one.
    """

    name: str
    jobs_of_seed: Callable[[int], list[jobs_lib.Job]]
    markdown: Callable[[Records], str]
    num_seeds: int = 1
    draw: Callable[[Records], figure.Figure | None] | None = None

    def jobs(self, num_seeds: int | None = None) -> list[jobs_lib.Job]:
        """Returns the jobs in the order in which they are run.

        All jobs of a seed come first: the table is soon of use.

        Args:
          num_seeds: number of seeds; None: the default.

        Raises:
          ValueError: if the table does not have so many seeds.
        """
        if self.num_seeds == 1 and num_seeds not in (None, 1):
            raise ValueError(
                f"--num_seeds={num_seeds}: {self.name} has one seed"
            )
        return [
            job
            for seed in range(num_seeds or self.num_seeds)
            for job in self.jobs_of_seed(seed)
        ]

    @property
    def marks(self) -> tuple[str, str]:
        """The marks of the part of the page that this table fills."""
        return f"<!-- {self.name} -->", f"<!-- end of {self.name} -->"


def write(table: Table, records: Records, num_missing: int) -> str:
    """Formats a table, and where its figures are from.

    Args:
      table: the table.
      records: records of its jobs that have ended.
      num_missing: number of its jobs that have not.
    """
    if not records:
        return "No job has ended yet."
    return (
        f"{table.markdown(records)}\n\n{_origin(table, records, num_missing)}"
    )


def _origin(table, records, num_missing):
    """Formats the command, dates, processors and duration."""
    processors = sorted({x.processor for x in records.values()})
    dates = sorted({x.date for x in records.values()})
    hours = sum(x.seconds for x in records.values()) / 3600
    verb = "is" if num_missing == 1 else "are"
    missing = f" ({num_missing} {verb} missing)" if num_missing else ""
    period = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    return (
        f"`python -m reproduction.main --table={table.name}`: {len(records)} "
        f"{'jobs' if len(records) > 1 else 'job'}{missing}; {hours:.1f} hours "
        "of training with one thread each, "
        f"{period}, {'; '.join(map(_plain, processors))}."
    )


def _plain(processor):
    """Shortens the name of a processor."""
    return re.sub(r"\s+", " ", processor.replace("(R)", "").strip())


def by_seed(records: Records, folder: str) -> dict[int, records_lib.Record]:
    """Returns the records `folder/SEED` by seed, in ascending order."""
    found = {}
    for name, record in records.items():
        parent, _, seed = name.rpartition("/")
        if parent == folder:
            found[int(seed)] = record
    return dict(sorted(found.items()))


def grid(
    head: Sequence[str], rows: Iterable[Sequence[str]], alignment: str = ""
) -> str:
    """Formats a Markdown table.

    Args:
      head: headings of the columns.
      rows: cells of the rows.
      alignment: `l` (left) or `r` (right) for each column; by default, all
        columns but the first are aligned right.
    """
    alignment = alignment or "l" + "r" * (len(head) - 1)
    rules = {"l": "---", "r": "---:"}
    lines = [
        f"| {' | '.join(head)} |",
        f"|{'|'.join(rules[x] for x in alignment)}|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines)


def over_seeds(
    values: Sequence[float], show: Callable[[float], str] = "{:.1f}".format
) -> str:
    """Formats the mean over seeds, with the standard deviation.

    Args:
      values: the values of the seeds; there may be none.
      show: formats a number.
    """
    if not values:
        return MISSING
    mean = show(statistics.mean(values))
    if len(values) == 1:
        return mean
    return f"{mean} ± {show(statistics.stdev(values))}"


def signed(points: float) -> str:
    """Formats a difference in points, with its sign."""
    return f"{points:+z.1f}".replace("-", "−")
