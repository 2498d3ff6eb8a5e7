"""Points of TensorBoard's projector: texts, words and labels.

Vectors are in text files, not in a checkpoint: the projector expects the path
of a checkpoint relative to the working directory of TensorBoard, and names
points after variables.
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np
from tensorboard.plugins import projector

from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.reporting.plots import scatter
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.runs import results
from mtl_tf.utils import display_names as names_lib

# In the folder of the projector's config, whose paths are relative to it.
_FOLDER = "projector"
# Number of words, the most frequent ones.
WORDS = 2000
_TEXT_CHARACTERS = 80


def write(
    log_dir: str,
    run_dir: str,
    data_dir: str,
    tasks: Sequence[tasks_lib.Task],
    tokens: Sequence[str],
    word_vectors: np.ndarray,
) -> None:
    """Writes the points of the projector, and replaces earlier ones.

    Args:
      log_dir: directory of the run's event file.
      run_dir: directory of the run, with `features.npz` and, if the model has
        label embeddings, `label_embedding.npz`.
      data_dir: directory of the corpus, whose texts are shown.
      tasks: the tasks.
      tokens: the vocabulary, special tokens first, then by frequency.
      word_vectors: float32 [tokens, embedding_dim].
    """
    os.makedirs(os.path.join(log_dir, _FOLDER), exist_ok=True)
    config = projector.ProjectorConfig()
    _add_texts(config, log_dir, run_dir, data_dir, tasks)
    start = len(vocabulary_lib.SPECIAL_TOKENS)
    words = slice(start, start + WORDS)
    _add_points(
        config,
        log_dir,
        name="words",
        stem="words",
        vectors=word_vectors[words],
        columns={"word": tokens[words]},
    )
    if label_vectors_lib.exists(run_dir):
        labels = label_vectors_lib.read(run_dir)
        _add_points(
            config,
            log_dir,
            name="labels",
            stem="labels",
            vectors=labels.vectors,
            columns={"label": labels.labels, "task": labels.tasks},
        )
    projector.visualize_embeddings(log_dir, config)


def _add_texts(config, log_dir, run_dir, data_dir, tasks):
    """Adds test texts by their features."""
    with np.load(os.path.join(run_dir, results.FEATURES_FILE)) as sample:
        series = scatter.make_series(sample["label"])
        # The projector only colors by columns with few distinct values.
        frequent = {}
        if series.note:
            names = np.array(series.names)
            frequent[f"label, {series.note}"] = names[series.of_points]
        is_correct = sample["label"] == sample["predicted"]
        _add_points(
            config,
            log_dir,
            name=f"texts, {sample['kind']} features",
            stem="texts",
            vectors=sample["features"],
            # The projector labels points with the first column.
            columns={
                "text": _read_texts(data_dir, tasks, sample["id"]),
                "task": sample["task"],
                "label": sample["label"],
                **frequent,
                "predicted": sample["predicted"],
                "outcome": np.where(is_correct, "correct", "wrong"),
                "id": sample["id"],
            },
        )


def _add_points(
    config: projector.ProjectorConfig,
    log_dir: str,
    *,
    name: str,
    stem: str,
    vectors: np.ndarray,
    columns: Mapping[str, np.ndarray | Sequence[str]],
) -> None:
    """Writes the files of a set of points, and adds them to the config.

    Args:
      config: the projector's config.
      log_dir: directory of the config.
      name: display name of the set.
      stem: prefix of the file names.
      vectors: float32 [points, size].
      columns: metadata of the points by name, str [points].
    """
    vectors_path, labels_path = (
        os.path.join(_FOLDER, f"{stem}-{kind}.tsv")
        for kind in ("vectors", "labels")
    )
    with open(
        os.path.join(log_dir, vectors_path), "w", encoding="ascii"
    ) as file:
        for vector in vectors.tolist():
            file.write("\t".join([f"{x:.5g}" for x in vector]) + "\n")
    rows = list(zip(*columns.values(), strict=True))
    # The projector expects a header only if there are several columns.
    rows = [tuple(columns), *rows] if len(columns) > 1 else rows
    with open(
        os.path.join(log_dir, labels_path), "w", encoding="utf-8", newline="\n"
    ) as file:
        # `visible` replaces tabs and line ends in cells.
        file.writelines(
            "\t".join(map(names_lib.visible, row)) + "\n" for row in rows
        )
    config.embeddings.add(
        tensor_name=name, tensor_path=vectors_path, metadata_path=labels_path
    )


def _read_texts(data_dir, tasks, ids):
    """Reads the beginnings of the texts with these ids, each on one line."""
    text_of_id = {}
    for task in tasks:
        columns = records.read_columns(
            data_dir, task.name, results.TEST, ("id", "seq2")
        )
        text_of_id |= zip(columns["id"], columns["seq2"], strict=True)
    return [
        _shorten(text_of_id[key.encode("utf-8")].decode("utf-8")) for key in ids
    ]


def _shorten(text):
    """Shortens a text to a line."""
    # All kinds of whitespace, as JavaScript has more line ends than Python.
    line = " ".join(text.split())
    if len(line) <= _TEXT_CHARACTERS:
        return line
    return line[: _TEXT_CHARACTERS - 1] + "…"
