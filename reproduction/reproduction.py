"""The reproduction of a table: its jobs, records and page."""

import os
import pathlib

from absl import logging

from mtl_tf.reporting.plots import picture_files
from reproduction import jobs as jobs_lib
from reproduction import records as records_lib
from reproduction import tables
from tools import marked_pages


class Reproduction:
    """The jobs of a table, of which some have a record.

    Args:
      table: the table.
      jobs: its jobs.
      data_dir: directory of the prepared corpora.
      runs_dir: directory of the jobs' runs and studies.
      records_dir: directory of the records.
      page: path of a Markdown page with the table's marks; empty for none.

    Raises:
      ValueError: if a record is damaged, or the page lacks the marks.
    """

    def __init__(
        self,
        table: tables.Table,
        jobs: list[jobs_lib.Job],
        data_dir: str,
        runs_dir: str,
        records_dir: str,
        page: str = "",
    ):
        self._table = table
        self._jobs = jobs
        self._data_dir = data_dir
        self._runs_dir = runs_dir
        self._records_dir = records_dir
        self._page = pathlib.Path(page) if page else None
        self._records: dict[str, records_lib.Record] = {}
        if self._page:
            marked_pages.check(self._page, *table.marks)
        for job in jobs:
            path = records_lib.path_of(records_dir, job.name)
            if os.path.exists(path):
                self._records[job.name] = records_lib.read(path)

    @property
    def _missing(self):
        return [job for job in self._jobs if job.name not in self._records]

    def record_ended(self) -> None:
        """Writes the records of jobs that have ended without one."""
        for job in self._missing:
            if job.has_ended(self._runs_dir):
                self._record(job)

    def missing_commands(self) -> list[str]:
        """Returns the commands of the jobs without a record."""
        return [
            job.command(self._data_dir, self._runs_dir) for job in self._missing
        ]

    def run(self, processes: int = 1) -> None:
        """Runs the missing jobs; writes a record and the page after each.

        Args:
          processes: number of simultaneous jobs.

        Raises:
          ValueError: if a job fails.
        """
        jobs_lib.run_all(
            self._missing,
            self._data_dir,
            self._runs_dir,
            processes,
            self._record,
        )

    def _record(self, job):
        """Writes the record of an ended job, and the page."""
        record = records_lib.of_job(job, self._runs_dir)
        path = records_lib.path_of(self._records_dir, job.name)
        records_lib.write(path, record)
        self._records[job.name] = record
        logging.info(
            "%s has ended: %d of %d jobs",
            job.name,
            len(self._records),
            len(self._jobs),
        )
        self.write()

    def write(self) -> str:
        """Writes the table into the page; returns it."""
        text = tables.write(self._table, self._records, len(self._missing))
        if self._page:
            marked_pages.replace(self._page, *self._table.marks, text)
            self._draw()
        return text

    def _draw(self):
        """Draws the picture of the table into the page's folder of images."""
        picture = self._table.draw and self._table.draw(self._records)
        if picture:
            images = self._page.parent.parent / "images"
            picture_files.write(
                picture, str(images / f"{self._table.name}.png")
            )
