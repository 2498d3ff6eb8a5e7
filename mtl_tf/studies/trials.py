"""The trials of a sweep: which settings are tried.

The trials depend on the search space and, for TPE, on the scores of earlier
trials, but not on the number of processes or on interruptions.
"""

import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.config import distribution
from mtl_tf.data import task_settings
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.studies import search_space as search_space_lib
from mtl_tf.studies import study_directory

KIND = "sweep"
TRIALS_DIR = "trials"
# After so many draws without a new trial, the space holds no more.
_MAX_DRAWS = 1_000
# TPE proposes this many trials from the same scores: they can be trained at the
# same time, whatever the number of processes.
TPE_BATCH = 4
# Settings that do not change a trial.
_IRRELEVANT = (
    *("data_dir", "run_dir", "threads", "keep_checkpoints", "log_every"),
    *("pictures", "progress", "distribution"),
)


@dataclasses.dataclass(frozen=True)
class Trial:
    """A combination of settings, and its run.

    Attributes:
      index: number of the trial, from 0.
      settings: its values of the searched settings.
      config: all settings of its run.
    """

    index: int
    settings: dict
    config: config_lib.Config


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A combination of settings that no run can have.

    Attributes:
      settings: values of the searched settings.
      reason: what is wrong.
    """

    settings: dict
    reason: str


class Plan:
    """The trials so far, in order, and the combinations that were refused.

    Args:
      space: the search space.
      config: settings of all trials; `run_dir` is that of the sweep.
      corpus: the corpus.

    Attributes:
      trials: the trials.
      refusals: the combinations that were refused.

    Raises:
      ValueError: if the settings cannot be used with successive halving.
    """

    def __init__(
        self,
        space: search_space_lib.SearchSpace,
        config: config_lib.Config,
        corpus: tasks_lib.Corpus,
    ):
        self.trials: list[Trial] = []
        self.refusals: list[Refusal] = []
        self._space = space
        self._config = config
        self._corpus = corpus
        self._draws = 0
        self._seen: set[tuple] = set()
        _check_tasks(space, config)
        if space.successive_halving:
            _check_halving(space, config)

    def fill(self) -> None:
        """Adds all trials of a method that does not learn from scores.

        Raises:
          ValueError: if all combinations are refused.
        """
        if self._space.method == search_space_lib.GRID:
            for settings in _grid(self._space):
                self._add(settings)
        else:
            generator = np.random.default_rng(self._space.seed)
            self._draw(
                self._space.trials,
                lambda number: {
                    name: _draw(values, generator)
                    for name, values in self._space.settings.items()
                },
            )
        self._check_not_empty()

    def propose(self, scores: Mapping[int, float | None]) -> list[Trial]:
        """Adds the next trials of TPE.

        Args:
          scores: dev scores of all trials so far by their index; None: the
            trial diverged.

        Returns:
          The new trials; empty at the end.

        Raises:
          ValueError: if Optuna is missing, or all combinations are refused.
        """
        # Optuna takes a while to load.
        from mtl_tf.studies import tpe

        start = len(self.trials)
        sampler = tpe.Sampler(
            self._space,
            [(self.trials[index].settings, x) for index, x in scores.items()],
        )
        self._draw(min(start + TPE_BATCH, self._space.trials), sampler.draw)
        self._check_not_empty()
        return self.trials[start:]

    def _draw(self, trials, draw):
        """Draws settings until there are `trials` trials, or no new ones."""
        unused = 0
        while len(self.trials) < trials and unused < _MAX_DRAWS:
            is_new = self._add(draw(self._draws))
            self._draws += 1
            unused = 0 if is_new else unused + 1

    def _add(self, settings) -> bool:
        """Adds a trial, or a refusal; returns whether it is a new trial."""
        key = tuple(settings.values())
        if key in self._seen:
            return False
        self._seen.add(key)
        index = len(self.trials)
        try:
            config = dataclasses.replace(
                self._config,
                **settings,
                pictures=False,
                run_dir=os.path.join(
                    self._config.run_dir, TRIALS_DIR, str(index)
                ),
            )
            distribution.check_study(config)
            tasks = self._corpus.select(config.tasks)
            task_settings.check(config, self._corpus, tasks)
        except ValueError as error:
            self.refusals.append(Refusal(settings, str(error)))
            return False
        self.trials.append(Trial(index, settings, config))
        return True

    def _check_not_empty(self):
        if not self.trials:
            first = self.refusals[0]
            raise ValueError(
                f"{self._space.source}: all combinations are refused, such as "
                f"{describe(first.settings)}: {first.reason}"
            )


def check(
    space: search_space_lib.SearchSpace,
    config: config_lib.Config,
    corpus: tasks_lib.Corpus,
) -> None:
    """Checks the settings and the directory of a sweep.

    Args:
      space: the search space.
      config: settings of all trials.
      corpus: the corpus.

    Raises:
      ValueError: as in `Plan`, or if the directory holds another study.
    """
    study_directory.check(
        config.run_dir, KIND, study_settings(space, config), corpus
    )
    plan = Plan(space, config, corpus)
    if space.method == search_space_lib.TPE:
        # Fails if Optuna is missing.
        plan.propose({})
    else:
        plan.fill()


def study_settings(
    space: search_space_lib.SearchSpace, config: config_lib.Config
) -> dict:
    """Returns the settings by which sweeps differ, by name."""
    settings = {
        name: value
        for name, value in config.to_dict().items()
        if name not in _IRRELEVANT
    }
    of_space = space.to_dict()
    # The first trials do not depend on the number of trials.
    if not space.successive_halving:
        del of_space["trials"]
    return settings | {f"search_space.{k}": x for k, x in of_space.items()}


def describe(settings: Mapping) -> str:
    """Formats settings in a line: `encoder=cnn, hidden_size=64`."""
    return ", ".join(f"{name}={show(x)}" for name, x in settings.items())


def show(value: object) -> object:
    """Returns a value as in tables and flags: lists are joined by commas."""
    return ",".join(value) if isinstance(value, tuple) else value


def _grid(space) -> Iterator[dict]:
    """Yields all combinations; the last setting changes first."""
    values = [
        [x.at(index) for index in range(x.num_steps + 1)]
        if isinstance(x, search_space_lib.Range)
        else x
        for x in space.settings.values()
    ]
    for combination in itertools.product(*values):
        yield dict(zip(space.settings, combination, strict=True))


def _draw(values, generator):
    """Draws one value of a setting."""
    if isinstance(values, search_space_lib.Range):
        return values.draw(generator)
    return values[int(generator.integers(len(values)))]


def _check_tasks(space, config):
    """Checks that the scores of all trials are of the same tasks."""
    if "tasks" in space.settings and not config.main_task:
        raise ValueError(
            f"{space.source}: settings.tasks: averages over different tasks "
            "cannot be compared: set --main_task, whose dev score then decides"
        )


def _check_halving(space, config):
    """Checks that runs can be continued with more epochs."""
    if "epochs" in space.settings:
        raise ValueError(
            f"{space.source}: settings.epochs: successive halving chooses the "
            "epochs of a trial, up to --epochs"
        )
    min_epochs = space.successive_halving.min_epochs
    if min_epochs >= config.epochs:
        raise ValueError(
            f"{space.source}: successive_halving.min_epochs: {min_epochs} is "
            f"not below epochs={config.epochs}: no trial would stop early"
        )
    transfers = space.settings.get("label_transfer", (config.label_transfer,))
    if set(transfers) != {"none"}:
        raise ValueError(
            f"{space.source}: successive_halving: a run with label transfer "
            "has phases, each of up to --epochs epochs: it cannot be continued "
            "from a lower number; leave out [successive_halving]"
        )
