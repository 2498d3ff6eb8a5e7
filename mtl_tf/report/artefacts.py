"""What a run left in its directory, read for a page."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from mtl_tf import analysis
from mtl_tf import prediction_files
from mtl_tf import results as results_lib
from mtl_tf import run_directory
from mtl_tf import summaries

SPLITS = ("dev", "test")


@dataclasses.dataclass(frozen=True)
class Features:
    """A sample of test texts in the space of features.

    Attributes:
      kind: `shared` or `private`.
      features: float32 [texts, width].
      task: str [texts].
      label: str [texts].
    """

    kind: str
    features: np.ndarray
    task: np.ndarray
    label: np.ndarray


@dataclasses.dataclass(frozen=True)
class Artefacts:
    """What a run left; of a run that is made of runs, theirs as well.

    Attributes:
      run: the run itself.
      results: what `results.json` says.
      history: the lines of `history.jsonl`, none for a run made of runs.
      predictions: by task and split, those that there are.
      features: the sample of features, if it is there.
      analysis: what the probes say, if it is there.
      parts: runs that it is made of, by seed or by task.
    """

    run: run_directory.Run
    results: dict
    history: list[dict]
    predictions: dict[tuple[str, str], prediction_files.Predictions]
    features: Features | None
    analysis: dict | None
    parts: dict[str, "Artefacts"]

    @property
    def of_seeds(self) -> bool:
        """Whether its parts are seeds."""
        return self.run.config.seeds > 1

    @property
    def seeds(self) -> list["Artefacts"]:
        """The runs of its seeds; itself where it has one."""
        return list(self.parts.values()) if self.of_seeds else [self]

    def missing_predictions(self) -> list[str]:
        """Files of predictions, relative to the directory, that are not there.

        Those of the parts, for a run that is made of runs.
        """
        if self.parts:
            return self._of_parts(Artefacts.missing_predictions)
        return [
            os.path.relpath(
                prediction_files.path_of(self.run.run_dir, task.name, split),
                self.run.run_dir,
            )
            for task in self.run.tasks
            for split in SPLITS
            if (task.name, split) not in self.predictions
        ]

    def missing(self) -> list[str]:
        """All that a page would like to have, and is not there."""
        if self.parts:
            return self._of_parts(Artefacts.missing)
        missing = [] if self.history else [summaries.HISTORY_FILE]
        missing += self.missing_predictions()
        if self.features is None:
            missing.append(results_lib.FEATURES_FILE)
        return missing

    def _of_parts(self, function):
        return [
            f"{os.path.relpath(part.run.run_dir, self.run.run_dir)}/{path}"
            for part in self.parts.values()
            for path in function(part)
        ]


def read(run_dir: str) -> Artefacts:
    """Reads what a run left.

    Raises:
      ValueError: if there is no run, it has not ended, or a file is broken.
    """
    run = run_directory.Run.read(run_dir)
    parts = {name: read(part_dir) for name, part_dir in run.parts.items()}
    predictions = {}
    for task in run.tasks:
        for split in SPLITS:
            path = prediction_files.path_of(run_dir, task.name, split)
            if os.path.exists(path):
                predictions[task.name, split] = prediction_files.read(
                    run_dir, task, split
                )
    # A run of single tasks has them in its parts; a run of seeds has several.
    if not run.config.seeds > 1:
        for part in parts.values():
            predictions |= part.predictions
    analysis_path = os.path.join(run_dir, analysis.ANALYSIS_FILE)
    return Artefacts(
        run=run,
        results=run_directory.read_results(run_dir),
        history=summaries.read_history(run_dir),
        predictions=predictions,
        features=_read_features(run_dir),
        analysis=analysis.read(run_dir)
        if os.path.exists(analysis_path)
        else None,
        parts=parts,
    )


def _read_features(run_dir):
    path = os.path.join(run_dir, results_lib.FEATURES_FILE)
    if not os.path.exists(path):
        return None
    with np.load(path, allow_pickle=False) as file:
        return Features(
            str(file["kind"]), file["features"], file["task"], file["label"]
        )


def align(
    runs: Sequence[prediction_files.Predictions], name: str
) -> list[prediction_files.Predictions]:
    """The same rows in the same order, those of the first.

    Args:
      runs: predictions of several runs for a split.
      name: what to call it in an error.

    Raises:
      ValueError: if they are of other rows.
    """
    first = runs[0]
    aligned = [first]
    for other in runs[1:]:
        place = {key: row for row, key in enumerate(other.ids)}
        alone = [key for key in first.ids if key not in place]
        if alone or len(other) != len(first):
            example = f", such as {alone[0]}" if alone else ""
            raise ValueError(
                f"{name}: the runs predict other rows ({len(first)} and "
                f"{len(other)}; {len(alone)} of the first are not in the "
                f"second{example})"
            )
        aligned.append(other.take(np.array([place[key] for key in first.ids])))
    return aligned


def check_comparable(runs: Sequence[Artefacts]) -> None:
    """Checks that runs are of the same corpus, and predict the same rows.

    Raises:
      ValueError: if they are not, with the difference.
    """
    first = runs[0].run
    for other in runs[1:]:
        difference = _corpus_difference(first, other.run)
        if difference:
            raise ValueError(
                f"{first.run_dir} and {other.run.run_dir} are of different "
                f"corpora: {difference}"
            )
    seeds = [seed for run in runs for seed in run.seeds]
    for key in dict.fromkeys(key for seed in seeds for key in seed.predictions):
        align(
            [s.predictions[key] for s in seeds if key in s.predictions],
            f"task {key[0]}, {key[1]}",
        )


def _corpus_difference(first, second):
    prints = [run.record["fingerprint"] for run in (first, second)]
    if prints[0] == prints[1]:
        return ""
    if first.corpus.name != second.corpus.name:
        return f"{first.corpus.name} and {second.corpus.name}"
    return (
        f"{first.corpus.name}, but prepared otherwise (fingerprints "
        f"{prints[0][:12]} and {prints[1][:12]})"
    )
