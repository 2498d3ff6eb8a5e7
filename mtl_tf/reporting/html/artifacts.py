"""What a run left in its directory, read for a page."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
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
class Artifacts:
    """What a run left; of a run that is made of runs, theirs as well.

    Attributes:
      run: the run itself.
      results: what `results.json` says.
      history: the lines of `history.jsonl`, none for a run made of runs.
      predictions: by task and split, those that there are.
      features: the sample of features, if it is there.
      analysis: what the probes say, if it is there.
      label_vectors: vectors of the labels, if they are there.
      agreement: of the main model and the label transfer network, by split;
        nothing where there are not the predictions of both.
      parts: runs that it is made of, by seed or by task.
    """

    run: run_directory.Run
    results: dict
    history: list[dict]
    predictions: dict[tuple[str, str], prediction_files.SavedPredictions]
    features: Features | None
    analysis: dict | None
    label_vectors: label_vectors_lib.LabelVectors | None
    agreement: dict[str, agreement_lib.Agreement]
    parts: dict[str, "Artifacts"]

    @property
    def of_seeds(self) -> bool:
        """Whether its parts are seeds."""
        return self.run.config.num_runs > 1

    @property
    def seeds(self) -> list["Artifacts"]:
        """The runs of its seeds; itself where it has one."""
        return list(self.parts.values()) if self.of_seeds else [self]

    @property
    def transfer_task(self) -> tasks_lib.Task | None:
        """The task whose labels a label transfer network predicts, if any."""
        return _transfer_task(self.run)

    def missing_predictions(self) -> list[str]:
        """Files of predictions, relative to the directory, that are not there.

        Those of the parts, for a run that is made of runs.
        """
        if self.parts:
            return self._of_parts(Artifacts.missing_predictions)
        wanted = [
            prediction_files.path_of(self.run.run_dir, task.name, split)
            for task in self.run.tasks
            for split in SPLITS
        ]
        if self.transfer_task:
            wanted += _transfer_paths(self.run, self.transfer_task)
        return [
            os.path.relpath(path, self.run.run_dir)
            for path in wanted
            if not os.path.exists(path)
        ]

    def missing(self) -> list[str]:
        """All that a page would like to have, and is not there."""
        if self.parts:
            return self._of_parts(Artifacts.missing)
        missing = [] if self.history else [history_lib.HISTORY_FILE]
        missing += self.missing_predictions()
        if self.features is None:
            missing.append(results_lib.FEATURES_FILE)
        embedding = self.run.config.output_layer == "label_embedding"
        if embedding and self.label_vectors is None:
            missing.append(label_vectors_lib.LABEL_EMBEDDING_FILE)
        return missing

    def _of_parts(self, function):
        return [
            f"{os.path.relpath(part.run.run_dir, self.run.run_dir)}/{path}"
            for part in self.parts.values()
            for path in function(part)
        ]


def read(run_dir: str) -> Artifacts:
    """Reads what a run left.

    Raises:
      ValueError: if there is no run, it has not ended, or a file is broken.
    """
    run = run_directory.Run.read(run_dir)
    run_parts.check(run)
    parts = {name: read(part_dir) for name, part_dir in run.parts.items()}
    if os.path.exists(os.path.join(run_dir, history_lib.HISTORY_FILE)):
        checksum_file.check(run_dir, history_lib.HISTORY_FILE)
    predictions = {}
    for task in run.tasks:
        for split in SPLITS:
            path = prediction_files.path_of(run_dir, task.name, split)
            if os.path.exists(path):
                predictions[task.name, split] = prediction_files.read(
                    run_dir, task, split
                )
    # A run of single tasks has them in its parts; a run of seeds has several.
    if not run.config.num_runs > 1:
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
        agreement=_read_agreement(run),
        parts=parts,
    )


def _transfer_task(run):
    if run.config.label_transfer == "none":
        return None
    return next(t for t in run.tasks if t.name == run.config.main_task)


def _transfer_paths(run, task):
    """Files of the label transfer network's predictions."""
    return [
        prediction_files.path_of(
            run.run_dir, task.name, split, predictions_lib.LABEL_TRANSFER
        )
        for split in SPLITS
    ]


def _read_agreement(run):
    """Nothing where predictions are missing, as in a run of seeds."""
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


def check_comparable(runs: Sequence[Artifacts]) -> None:
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
