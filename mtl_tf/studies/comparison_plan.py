"""The runs of a comparison: models, training sizes, new tasks and seeds.

This module does without TensorFlow, so that a wrong plan is refused at once.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.config import distribution
from mtl_tf.config import train_sizes as train_sizes_lib
from mtl_tf.data import task_settings
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import study_directory
from mtl_tf.utils import suggestions

KIND = "compare"
# Every task plays the new task.
EACH = "each"
_RUNS_DIR = "runs"


@dataclasses.dataclass(frozen=True)
class Cell:
    """The place of a run in a comparison.

    Attributes:
      model: name of the model.
      new_task: the task whose training examples are limited and whose scores
        count; empty if those of all tasks do.
      train_size: maximum number of training examples; None for no maximum.
      seed: the seed.
    """

    model: str
    new_task: str
    train_size: int | None
    seed: int

    @property
    def size_name(self) -> str:
        """Training size in words: `100`, or `all`."""
        return train_sizes_lib.name(self.train_size)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The runs of a comparison.

    Attributes:
      models: settings by name; the first is the baseline.
      study_dir: the directory of the study.
      corpus: the corpus.
      tasks: the tasks.
      runs_by_size: numbers of seeds by maximum number of training examples, in
        ascending order; None for no maximum comes last.
      new_tasks: names of the tasks that play the new task; empty: none does.
      first_seed: the first seed; the next follow it.
      threads: number of threads of a run.
    """

    models: Mapping[str, config_lib.Config]
    study_dir: str
    corpus: tasks_lib.Corpus
    tasks: tuple[tasks_lib.Task, ...]
    runs_by_size: Mapping[int | None, int]
    new_tasks: tuple[str, ...]
    first_seed: int
    threads: int

    @property
    def baseline(self) -> str:
        """Name of the model that others are compared with."""
        return next(iter(self.models))

    @property
    def train_sizes(self) -> tuple[int | None, ...]:
        """Maximum numbers of training examples."""
        return tuple(self.runs_by_size)

    def seeds(self, train_size: int | None) -> range:
        """Returns the seeds of a training size."""
        num_runs = self.runs_by_size[train_size]
        return range(self.first_seed, self.first_seed + num_runs)

    def cells(self) -> Iterator[Cell]:
        """Yields the places of all runs, so that the first cover all models.

        The first seed of all models and sizes comes before the second.
        """
        for index in range(max(self.runs_by_size.values())):
            for new_task in self.new_tasks or ("",):
                for train_size, num_runs in self.runs_by_size.items():
                    for model in self.models if index < num_runs else ():
                        seed = self.first_seed + index
                        yield Cell(model, new_task, train_size, seed)

    def config(self, cell: Cell) -> config_lib.Config:
        """Returns the settings of a run."""
        model = self.models[cell.model]
        limits: tuple[str, ...] = ()
        if cell.train_size is not None:
            prefix = f"{cell.new_task}:" if cell.new_task else ""
            limits = (f"{prefix}{cell.train_size}",)
        config = dataclasses.replace(
            model,
            data_dir=self.corpus.data_dir,
            run_dir=os.path.join(
                self.study_dir,
                _RUNS_DIR,
                cell.model,
                "_".join(filter(None, (cell.new_task, cell.size_name))),
                str(cell.seed),
            ),
            seed=cell.seed,
            num_runs=1,
            main_task=cell.new_task or model.main_task,
            max_train_examples=limits,
            threads=self.threads,
            keep_checkpoints=1,
            pictures=False,
        )
        if cell.new_task and config.sharing == "single_task":
            names = [task.name for task in self.tasks]
            config = config.of_task(cell.new_task, names)
        return config

    @property
    def _leaves_labels_out(self):
        return bool(self.new_tasks) or set(self.runs_by_size) != {None}

    def check(self) -> None:
        """Checks all settings against the corpus, before the first run.

        Raises:
          ValueError: if settings do not fit the tasks, or the directory holds
            something else.
        """
        study_directory.check(self.study_dir, KIND, {}, self.corpus)
        for cell in self.cells():
            if cell.seed != self.first_seed:
                break
            config = self.config(cell)
            try:
                if self._leaves_labels_out:
                    study_directory.refuse_teachers(config, KIND)
                task_settings.check(
                    config, self.corpus, self.corpus.select(config.tasks)
                )
                distribution.check_study(config)
                run_directory.check(config, self.corpus)
            except ValueError as error:
                raise ValueError(f"model {cell.model}: {error}") from None


def make(
    models: Mapping[str, config_lib.Config],
    base: config_lib.Config,
    *,
    runs_by_size: Mapping[int | None, int],
    new_tasks: Sequence[str] = (),
) -> Plan:
    """Makes the plan of a comparison.

    Args:
      models: settings by name; the first is the baseline.
      base: `data_dir`, `run_dir` (the directory of the study), `tasks`, the
        first `seed`, and `threads`.
      runs_by_size: numbers of seeds by maximum number of training examples,
        None for no maximum, in ascending order.
      new_tasks: tasks that play the new task; `each`: every task.

    Raises:
      ValueError: if there are no models, or no such corpus or task.
    """
    if not models:
        raise ValueError("models: expected at least one")
    corpus = tasks_lib.Corpus.read(base.data_dir)
    tasks = corpus.select(base.tasks)
    names = [task.name for task in tasks]
    if tuple(new_tasks) == (EACH,):
        new_tasks = names
    for name in new_tasks:
        if name not in names:
            raise ValueError(
                f"new_tasks: there is no task {name!r}"
                f"{suggestions.nearest(name, names)}; expected some of "
                f"{', '.join(names)}, or {EACH}"
            )
    return Plan(
        models={
            name: dataclasses.replace(model, tasks=base.tasks)
            for name, model in models.items()
        },
        study_dir=base.run_dir,
        corpus=corpus,
        tasks=tasks,
        runs_by_size=dict(runs_by_size),
        new_tasks=tuple(new_tasks),
        first_seed=base.seed,
        threads=base.threads,
    )
