"""SavedModel of a run, from strings to labels and probabilities.

It is in `export/` of the run directory, with `labels.json`, which describes its
signatures, and `MODEL_CARD.md`. It is loaded by TensorFlow and tensorflow_text,
without this package.
"""

import fnmatch
import json
import os
import shutil

import tensorflow as tf
from absl import logging

from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.layers import packed_rnn
from mtl_tf.runs import run_directory
from mtl_tf.serving import model_card
from mtl_tf.serving import trained_model
from mtl_tf.utils import files

EXPORT_DIR = "export"
LABELS_FILE = "labels.json"
CARD_FILE = "MODEL_CARD.md"
ENCODE = "encode"
ENCODE_PAIRS = "encode_pairs"
_SERVE = "serve_"
_SCHEMA = 1
# Patterns of the files of an export.
_FILES = (
    LABELS_FILE,
    CARD_FILE,
    "saved_model.pb",
    "fingerprint.pb",
    "variables/variables.*",
    f"assets/{vocabulary_lib.VOCABULARY_FILE}*",
)


def write(
    run_dir: str,
    *,
    default_task: str = "",
    head: str = predictions_lib.MAIN,
    calibrated: bool = False,
) -> str:
    """Writes `export/` of a run that has ended, or replaces it.

    Its signatures are `serve_TASK` for each task, `serve_TASK_label_transfer`
    for the main task of a label transfer network, `serving_default`, which is
    one of them, and `encode`, the shared encoder (see `labels.json`).

    Args:
      run_dir: directory of the run.
      default_task: task of `serving_default`; by default the main task, or else
        the first one.
      head: output of the task for `serving_default`.
      calibrated: as in `trained_model.load`.

    Returns:
      Path of the export.

    Raises:
      ValueError: if there is no run, it has not ended, it consists of runs with
        different seeds, it has no such task or output, two signatures would
        have the same name, or `export/` contains other files.
    """
    check_replaceable(run_dir)
    trained = trained_model.load(run_dir, calibrated=calibrated)
    results = run_directory.read_results(run_dir)
    default = default_task or _default_task(trained)
    trained.task(default, head)
    default = _serve_name(default, head)
    description = _describe(trained, default)
    weights = sum(
        weight.shape.num_elements()
        for text_model in _text_models(trained)
        for weight in text_model.weights
    )
    card = model_card.build(trained.run, results, description, weights)
    path = os.path.join(run_dir, EXPORT_DIR)
    logging.info("Writing the export to %s", path)
    # The target of a link, which a rename replaces.
    target = files.resolve(path)
    partial = files.sibling(target, "partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _save(trained, default, partial)
        run_directory.write_json(
            os.path.join(partial, LABELS_FILE), description
        )
        card_path = os.path.join(partial, CARD_FILE)
        with open(card_path, "w", encoding="utf-8") as file:
            file.write(card)
        files.replace_folder(target, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return path


def check_replaceable(run_dir: str) -> None:
    """Checks that `export/` of a run contains nothing but an export.

    Raises:
      ValueError: if it contains another file.
    """
    path = os.path.join(run_dir, EXPORT_DIR)
    target = files.resolve(path)
    if os.path.lexists(target) and not os.path.isdir(target):
        raise ValueError(f"{path} is a file: an export would replace it")
    # Only an export of this package has the file that `_is_export` reads.
    known = _FILES if _is_export(target) else ()
    for folder, _, names in os.walk(target):
        for name in sorted(names):
            file = os.path.relpath(os.path.join(folder, name), target)
            if not any(fnmatch.fnmatchcase(file, x) for x in known):
                raise ValueError(
                    f"{path} contains {file}, which is not part of an export: "
                    "move the file, as the directory is replaced"
                )


def _is_export(path):
    """Checks if a directory contains a description by `write`."""
    try:
        with open(os.path.join(path, LABELS_FILE), encoding="utf-8") as file:
            description = json.load(file)
    except (OSError, ValueError):
        return False
    return isinstance(description, dict) and "signatures" in description


def _default_task(trained):
    names = [task.name for task in trained.tasks]
    main_task = trained.run.config.main_task
    return main_task if main_task in names else names[0]


def _text_models(trained):
    """Lists the distinct text models."""
    return list(dict.fromkeys(m for m, _ in trained.text_models.values()))


def _serve_name(task: str, output: str) -> str:
    """Returns the name of the signature of an output of a task."""
    suffix = "" if output == predictions_lib.MAIN else f"_{output}"
    return f"{_SERVE}{task}{suffix}"


def _outputs(trained):
    """Yields each output of each task."""
    for task in trained.tasks:
        for output in trained.outputs(task.name):
            yield task, output


def _inputs(task):
    return ["seq1", "seq2"] if task.pair else ["text"]


def _describe(trained: trained_model.TrainedModel, default: str) -> dict:
    """Returns the content of `labels.json`.

    Args:
      trained: the model.
      default: name of the signature for `serving_default`.
    """
    signatures = {}
    for task, output in _outputs(trained):
        name = _serve_name(task.name, output)
        if name in signatures:
            raise ValueError(
                f"{name} would be the name of two signatures, for the task "
                f"{name.removeprefix(_SERVE)} and for a label transfer "
                "network: rename the task"
            )
        signatures[name] = {
            "task": task.name,
            "output": output,
            "inputs": _inputs(task),
            "labels": list(task.labels),
        }
        if trained.temperatures:
            temperature = trained.temperatures[task.name, output]
            signatures[name]["temperature"] = temperature
    features_dim = _text_models(trained)[0].features_dim
    if features_dim is not None:
        signatures[ENCODE] = {"inputs": ["text"], "width": features_dim}
        if any(task.pair for task in trained.tasks):
            signatures[ENCODE_PAIRS] = {
                "inputs": ["seq1", "seq2"],
                "width": features_dim,
            }
    return {
        "schema": _SCHEMA,
        "serving_default": default,
        "signatures": signatures,
    }


def _save(trained: trained_model.TrainedModel, default: str, path: str) -> None:
    """Writes the SavedModel itself."""
    packed_rnn.forget_traces()
    text_models = _text_models(trained)
    signatures = {
        _serve_name(task.name, output): _classify(trained, task, output)
        for task, output in _outputs(trained)
    }
    signatures["serving_default"] = signatures[default]
    if text_models[0].features_dim is not None:
        signatures[ENCODE] = _encode(text_models[0], pairs=False)
        if any(task.pair for task in trained.tasks):
            signatures[ENCODE_PAIRS] = _encode(text_models[0], pairs=True)
    # A SavedModel contains the variables and tables of this module. The Keras
    # models are left out: their seeds and training functions are not served.
    module = tf.Module()
    module.weights = [text_model.weights for text_model in text_models]
    module.tables = [text_model.tables for text_model in text_models]
    tf.saved_model.save(module, path, signatures)


def _classify(trained, task, output):
    """Makes the signature of an output of a task."""
    labels = tf.constant(task.labels)

    def classify(seq1, seq2):
        probabilities = trained.classify(task.name, output, seq1, seq2)
        texts = tf.shape(probabilities)[0]
        return {
            "label": tf.gather(labels, tf.argmax(probabilities, axis=1)),
            "labels": tf.tile(labels[tf.newaxis], [texts, 1]),
            "probabilities": probabilities,
        }

    return _signature(classify, task.pair)


def _encode(text_model, pairs):
    """Makes the signature of the shared encoder."""
    return _signature(
        lambda seq1, seq2: {"features": text_model.encode(seq1, seq2)}, pairs
    )


def _signature(function, pairs):
    """Makes a signature of a function of seq1 and seq2."""
    names = ["seq1", "seq2"] if pairs else ["text"]
    return tf.function(
        function if pairs else lambda text: function(tf.zeros_like(text), text),
        input_signature=[tf.TensorSpec([None], tf.string, x) for x in names],
        autograph=False,
    )
