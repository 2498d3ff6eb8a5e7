"""TensorBoard's projector: texts by their features, words and labels.

The vectors are text files rather than a checkpoint: the projector wants the
path of a checkpoint as seen from where TensorBoard is started, and names its
points after variables.
"""

import os
from collections.abc import Sequence

import numpy as np
from tensorboard.plugins import projector

from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.reporting.plots import scatter
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.runs import results
from mtl_tf.utils import display_names as names_lib

# Beside the projector's config, which names files as seen from itself.
_FOLDER = "projector"
# The most frequent ones.
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
    """Writes what the projector shows, in the place of what was there.

    Args:
      log_dir: directory of the run's event file.
      run_dir: directory of the run, with its `features.npz`, and with its
        `label_embedding.npz` if it has one.
      data_dir: directory of the corpus, whose texts are shown.
      tasks: the tasks.
      tokens: the vocabulary, special tokens in front, then by frequency.
      word_vectors: float32 [tokens, width].
    """
    os.makedirs(os.path.join(log_dir, _FOLDER), exist_ok=True)
    config = projector.ProjectorConfig()
    with np.load(os.path.join(run_dir, results.FEATURES_FILE)) as sample:
        shown = scatter.series(sample["label"])
        # Points are colored by a column of not too many values alone.
        most = {}
        if shown.note:
            most[f"label, {shown.note}"] = np.array(shown.names)[
                shown.of_points
            ]
        _add(
            config,
            log_dir,
            f"texts, {sample['kind']} features",
            "texts",
            sample["features"],
            # The first column is the label of a point.
            {
                "text": _texts(data_dir, tasks, sample["id"]),
                "task": sample["task"],
                "label": sample["label"],
                **most,
                "predicted": sample["predicted"],
                "answer": np.where(
                    sample["label"] == sample["predicted"], "right", "wrong"
                ),
                "id": sample["id"],
            },
        )
    first = len(vocabulary_lib.SPECIAL_TOKENS)
    words = slice(first, first + WORDS)
    _add(
        config,
        log_dir,
        "words",
        "words",
        word_vectors[words],
        {"word": tokens[words]},
    )
    if label_vectors_lib.exists(run_dir):
        found = label_vectors_lib.read(run_dir)
        _add(
            config,
            log_dir,
            "labels",
            "labels",
            found.vectors,
            {"label": found.labels, "task": found.tasks},
        )
    projector.visualize_embeddings(log_dir, config)


def _add(config, log_dir, name, stem, vectors, columns):
    """Writes the files of one set of points, and enters it in the config.

    Args:
      config: the projector's config.
      log_dir: its directory.
      name: how the projector calls the points.
      stem: beginning of the names of its files.
      vectors: float32 [points, width].
      columns: what is said of the points, by name: strings [points].
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
    # A single column stands without a name.
    lines = list(zip(*columns.values(), strict=True))
    lines = [tuple(columns), *lines] if len(columns) > 1 else lines
    with open(
        os.path.join(log_dir, labels_path), "w", encoding="utf-8", newline="\n"
    ) as file:
        # No cell holds a tab or a line end.
        file.writelines(
            "\t".join(map(names_lib.visible, line)) + "\n" for line in lines
        )
    config.embeddings.add(
        tensor_name=name, tensor_path=vectors_path, metadata_path=labels_path
    )


def _texts(data_dir, tasks, ids):
    """The beginnings of the texts with these ids, each on one line."""
    found = {}
    for task in tasks:
        columns = records.read_columns(
            data_dir, task.name, results.TEST, ("id", "seq2")
        )
        found |= zip(columns["id"], columns["seq2"], strict=True)
    return [_shorten(found[key.encode("utf-8")].decode("utf-8")) for key in ids]


def _shorten(whole):
    # Blanks of every kind: the projector's lines end where JavaScript's do.
    line = " ".join(whole.split())
    if len(line) <= _TEXT_CHARACTERS:
        return line
    return line[: _TEXT_CHARACTERS - 1] + "…"
