"""Files of a run directory, read for a page."""

import dataclasses
import itertools
import os
from collections.abc import Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.runs import affinity_file
from mtl_tf.runs import analysis_file
from mtl_tf.runs import checksum_file
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.runs import output_agreement as agreement_lib
from mtl_tf.runs import prediction_files
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.runs import run_parts

SPLITS = ("dev", "test")


@dataclasses.dataclass(frozen=True)
class Features:
    """Features of a sample of test texts.

    Attributes:
      kind: `shared` or `private`.
      features: float32 [texts, hidden_size].
      task: str [texts].
      label: str [texts].
    """

    kind: str
    features: np.ndarray
    task: np.ndarray
    label: np.ndarray


@dataclasses.dataclass(frozen=True)
class Artifacts:
    """Files of a run and of its parts.

    A run of several seeds, and a run of single-task models, consists of parts,
    which are runs themselves.

    Attributes:
      run: the run.
      results: content of `results.json`.
      history: lines of `history.jsonl`; empty for a run with parts.
      predictions: predictions by task and split, as far as they exist.
      features: the sample of features, or None.
      analysis: content of `analysis.json`, or None.
      label_vectors: vectors of the labels, or None.
      affinity: inter-task affinities, or None.
      agreement: agreement of the main model and the label transfer network by
        split; empty without predictions of both.
      parts: parts of the run, by seed or by task.
    """

    run: run_directory.Run
    results: dict
    history: list[dict]
    predictions: dict[tuple[str, str], prediction_files.SavedPredictions]
    features: Features | None
    analysis: dict | None
    label_vectors: label_vectors_lib.LabelVectors | None
    affinity: affinity_file.Affinity | None
    agreement: dict[str, agreement_lib.Agreement]
    parts: dict[str, "Artifacts"]

    @property
    def of_seeds(self) -> bool:
        """Returns whether the parts of the run are seeds."""
        return self.run.config.num_runs > 1

    @property
    def seeds(self) -> list["Artifacts"]:
        """The run of each seed; the run itself if it has one seed."""
        return list(self.parts.values()) if self.of_seeds else [self]

    @property
    def transfer_task(self) -> tasks_lib.Task | None:
        """The main task of a label transfer network; None without one."""
        return _transfer_task(self.run)

    def missing_predictions(self) -> list[str]:
        """Lists missing files of predictions, relative to the run directory.

        For a run with parts, these are files of the parts.
        """
        if self.parts:
            return self._missing_in_parts(Artifacts.missing_predictions)
        expected = [
            prediction_files.path_of(self.run.run_dir, task.name, split)
            for task in self.run.tasks
            for split in SPLITS
        ]
        if self.transfer_task:
            expected += _transfer_paths(self.run, self.transfer_task)
        return [
            os.path.relpath(path, self.run.run_dir)
            for path in expected
            if not os.path.exists(path)
        ]

    def missing(self) -> list[str]:
        """Lists missing files of a page, relative to the run directory."""
        if self.parts:
            return self._missing_in_parts(Artifacts.missing)
        missing = [] if self.history else [history_lib.HISTORY_FILE]
        missing += self.missing_predictions()
        if self.features is None:
            missing.append(results_lib.FEATURES_FILE)
        has_embedding = self.run.config.output_layer == "label_embedding"
        if has_embedding and self.label_vectors is None:
            missing.append(label_vectors_lib.LABEL_EMBEDDING_FILE)
        if self.run.config.affinity_every and self.affinity is None:
            missing.append(affinity_file.AFFINITY_FILE)
        return missing

    def _missing_in_parts(self, list_missing):
        """Lists missing files of all parts with the folders of the parts."""
        return [
            f"{os.path.relpath(part.run.run_dir, self.run.run_dir)}/{path}"
            for part in self.parts.values()
            for path in list_missing(part)
        ]


def read(run_dir: str) -> Artifacts:
    """Reads the files of a run and of its parts.

    Args:
      run_dir: directory of the run.

    Raises:
      ValueError: if there is no run, the run has not ended, or a file is
        broken.
    """
    run = run_directory.Run.read(run_dir)
    run_parts.check(run)
    parts = {name: read(part_dir) for name, part_dir in run.parts.items()}
    if os.path.exists(os.path.join(run_dir, history_lib.HISTORY_FILE)):
        checksum_file.check(run_dir, history_lib.HISTORY_FILE)
    predictions = _read_predictions(run)
    # Single-task models have predictions of different tasks, which can be
    # merged; seeds have different predictions of the same tasks.
    if run.config.num_runs == 1:
        for part in parts.values():
            predictions |= part.predictions
    analysis_path = os.path.join(run_dir, analysis_file.ANALYSIS_FILE)
    return Artifacts(
        run=run,
        results=run_directory.read_results(run_dir),
        history=history_lib.read_history(run_dir),
        predictions=predictions,
        features=_read_features(run_dir),
        analysis=analysis_file.read(run_dir)
        if os.path.exists(analysis_path)
        else None,
        label_vectors=label_vectors_lib.read(run_dir)
        if label_vectors_lib.exists(run_dir)
        else None,
        affinity=affinity_file.read(run) if affinity_file.exists(run) else None,
        agreement=_read_agreement(run),
        parts=parts,
    )


def _read_predictions(run):
    """Reads the existing predictions of a run, by task and split."""
    predictions = {}
    for task in run.tasks:
        for split in SPLITS:
            path = prediction_files.path_of(run.run_dir, task.name, split)
            if os.path.exists(path):
                predictions[task.name, split] = prediction_files.read(
                    run.run_dir, task, split
                )
    return predictions


def _transfer_task(run):
    """Returns the main task of a label transfer network; None without one."""
    if run.config.label_transfer == "none":
        return None
    return next(t for t in run.tasks if t.name == run.config.main_task)


def _transfer_paths(run, task):
    """Returns the paths of the label transfer network's predictions."""
    return [
        prediction_files.path_of(
            run.run_dir, task.name, split, predictions_lib.LABEL_TRANSFER
        )
        for split in SPLITS
    ]


def _read_agreement(run):
    """Reads the agreement of the two outputs; empty without predictions.

    A run of several seeds has predictions in its parts only.
    """
    task = _transfer_task(run)
    if not task:
        return {}
    paths = _transfer_paths(run, task) + [
        prediction_files.path_of(run.run_dir, task.name, split)
        for split in SPLITS
    ]
    if not all(map(os.path.exists, paths)):
        return {}
    return agreement_lib.read(run.run_dir, task)


def _read_features(run_dir):
    """Reads the sample of features; None without one."""
    path = os.path.join(run_dir, results_lib.FEATURES_FILE)
    if not os.path.exists(path):
        return None
    checksum_file.check(run_dir, results_lib.FEATURES_FILE)
    with np.load(path, allow_pickle=False) as file:
        return Features(
            str(file["kind"]), file["features"], file["task"], file["label"]
        )


def align(
    runs: Sequence[prediction_files.SavedPredictions], name: str
) -> list[prediction_files.SavedPredictions]:
    """Reorders predictions to the row order of the first run.

    Args:
      runs: predictions of several runs for a split.
      name: name of the predictions in the error message.

    Returns:
      The predictions of each run, in the same order of rows.

    Raises:
      ValueError: if the runs predict different rows.
    """
    first = runs[0]
    aligned = [first]
    for other in runs[1:]:
        row_of_id = {key: row for row, key in enumerate(other.ids)}
        unmatched = [key for key in first.ids if key not in row_of_id]
        if unmatched or len(other) != len(first):
            example = f", such as {unmatched[0]}" if unmatched else ""
            raise ValueError(
                f"{name}: the runs predict different rows ({len(first)} and "
                f"{len(other)}; {len(unmatched)} rows of the first run are "
                f"missing in the second{example})"
            )
        rows = np.array([row_of_id[key] for key in first.ids])
        aligned.append(other.take(rows))
    return aligned


def align_seeds(
    runs: Sequence[Sequence[prediction_files.SavedPredictions]], name: str
) -> list[list[prediction_files.SavedPredictions]]:
    """Reorders the predictions of all seeds of several runs, as `align` does.

    Args:
      runs: predictions by run and seed, none for a run without predictions.
      name: name of the predictions in the error message.

    Returns:
      Predictions by run and seed, in the same order of rows.

    Raises:
      ValueError: if the seeds predict different rows.
    """
    seeds = [of_seed for of_run in runs for of_seed in of_run]
    aligned = iter(align(seeds, name) if seeds else ())
    return [list(itertools.islice(aligned, len(of_run))) for of_run in runs]


def check_comparable(runs: Sequence[Artifacts]) -> None:
    """Checks that runs use the same corpus and predict the same rows.

    Raises:
      ValueError: if they do not.
    """
    first = runs[0].run
    for other in runs[1:]:
        difference = _corpus_difference(first, other.run)
        if difference:
            raise ValueError(
                f"{first.run_dir} and {other.run.run_dir} use different "
                f"corpora: {difference}"
            )
    seeds = [seed for run in runs for seed in run.seeds]
    for key in dict.fromkeys(key for seed in seeds for key in seed.predictions):
        align(
            [
                seed.predictions[key]
                for seed in seeds
                if key in seed.predictions
            ],
            f"task {key[0]}, {key[1]}",
        )


def _corpus_difference(first, second):
    """Describes the difference of the corpora of two runs, if there is one."""
    fingerprints = [run.record["fingerprint"] for run in (first, second)]
    if fingerprints[0] == fingerprints[1]:
        return ""
    if first.corpus.name != second.corpus.name:
        return f"{first.corpus.name} and {second.corpus.name}"
    return (
        f"{first.corpus.name}, but prepared differently (fingerprints "
        f"{fingerprints[0][:12]} and {fingerprints[1][:12]})"
    )
