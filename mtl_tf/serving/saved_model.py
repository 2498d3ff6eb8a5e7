"""The SavedModel of a run: strings in, labels and probabilities out.

`export/` in the run directory holds it, with `labels.json`, which says what its
signatures read and answer, and `MODEL_CARD.md`. Loading it takes TensorFlow and
tensorflow_text, and nothing of this package.
"""

import fnmatch
import json
import os
import shutil

import tensorflow as tf
from absl import logging

from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictions as predictions_lib
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
# All files of an export.
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
    """Writes `export/` of a run that has ended; one from before is replaced.

    Signatures: `serve_TASK` of each task, `serve_TASK_label_transfer` of the
    main task where there is a label transfer network, `serving_default`, which
    is one of them, and `encode`, the shared encoder; `labels.json` says more.

    Args:
      run_dir: directory of the run.
      default_task: task of `serving_default`; if empty, the one that training
        stopped on, or else the first.
      head: its output that `serving_default` answers by.
      calibrated: as in `trained_model.load`.

    Returns:
      Path of the export.

    Raises:
      ValueError: if there is no run, it has not ended, it is several runs of
        different seeds, it has no such task or output, two signatures would
        have one name, or `export/` holds anything else.
    """
    check_replaceable(run_dir)
    trained = trained_model.load(run_dir, calibrated=calibrated)
    results = run_directory.read_results(run_dir)
    default = default_task or _usual_default(trained)
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
    # Where a link leads, so that a rename can put it in its place.
    place = files.resolve(path)
    partial = files.sibling(place, "partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _save(trained, default, partial)
        run_directory.write_json(
            os.path.join(partial, LABELS_FILE), description
        )
        card_path = os.path.join(partial, CARD_FILE)
        with open(card_path, "w", encoding="utf-8") as file:
            file.write(card)
        files.replace_folder(place, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return path


def check_replaceable(run_dir: str) -> None:
    """Checks that `export/` of a run holds an export or nothing at all.

    Raises:
      ValueError: if it holds a file that no export has.
    """
    path = os.path.join(run_dir, EXPORT_DIR)
    place = files.resolve(path)
    if os.path.lexists(place) and not os.path.isdir(place):
        raise ValueError(f"{path} is a file: an export would replace it")
    # Whoever has put a model of their own there does not have this file.
    known = _FILES if _is_export(place) else ()
    for folder, _, names in os.walk(place):
        for name in sorted(names):
            file = os.path.relpath(os.path.join(folder, name), place)
            if not any(fnmatch.fnmatchcase(file, x) for x in known):
                raise ValueError(
                    f"{path} holds {file}, which is no part of an export; the "
                    "directory would be replaced: move the file"
                )


def _is_export(path):
    """Checks if a directory holds the description that `write` makes."""
    try:
        with open(os.path.join(path, LABELS_FILE), encoding="utf-8") as file:
            described = json.load(file)
    except (OSError, ValueError):
        return False
    return isinstance(described, dict) and "signatures" in described


def _usual_default(trained):
    names = [task.name for task in trained.tasks]
    main_task = trained.run.config.main_task
    return main_task if main_task in names else names[0]


def _text_models(trained):
    """Those that there are, each once."""
    return list(dict.fromkeys(m for m, _ in trained.text_models.values()))


def _serve_name(task: str, output: str) -> str:
    """Name of the signature that answers for a task."""
    of_output = "" if output == predictions_lib.MAIN else f"_{output}"
    return f"{_SERVE}{task}{of_output}"


def _served(trained):
    """Each output of each task."""
    for task in trained.tasks:
        for output in trained.outputs(task.name):
            yield task, output


def _inputs(task):
    return ["seq1", "seq2"] if task.pair else ["text"]


def _describe(trained: trained_model.TrainedModel, default: str) -> dict:
    """What `labels.json` says.

    Args:
      trained: the model.
      default: name of the signature that `serving_default` is.
    """
    signatures = {}
    for task, output in _served(trained):
        name = _serve_name(task.name, output)
        if name in signatures:
            raise ValueError(
                f"{name} would be two signatures, of the task "
                f"{name.removeprefix(_SERVE)} and of a label transfer network: "
                "give the task another name"
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
    width = _text_models(trained)[0].encoder_width
    if width is not None:
        signatures[ENCODE] = {"inputs": ["text"], "width": width}
        if any(task.pair for task in trained.tasks):
            signatures[ENCODE_PAIRS] = {
                "inputs": ["seq1", "seq2"],
                "width": width,
            }
    return {
        "schema": _SCHEMA,
        "serving_default": default,
        "signatures": signatures,
    }


def _save(trained: trained_model.TrainedModel, default: str, path: str) -> None:
    """Writes the SavedModel itself."""
    text_models = _text_models(trained)
    signatures = {
        _serve_name(task.name, output): _classify(trained, task, output)
        for task, output in _served(trained)
    }
    signatures["serving_default"] = signatures[default]
    if text_models[0].encoder_width is not None:
        signatures[ENCODE] = _encode(text_models[0], pairs=False)
        if any(task.pair for task in trained.tasks):
            signatures[ENCODE_PAIRS] = _encode(text_models[0], pairs=True)
    # It holds the variables and tables that are attributes of the module. Not
    # the Keras models: their seeds and training functions are not for serving.
    module = tf.Module()
    module.weights = [text_model.weights for text_model in text_models]
    module.tables = [text_model.tables for text_model in text_models]
    tf.saved_model.save(module, path, signatures)


def _classify(trained, task, output):
    """The signature of a task's output; what it answers has a row a text."""
    labels = tf.constant(task.labels)

    def answer(seq1, seq2):
        probabilities = trained.classify(task.name, output, seq1, seq2)
        texts = tf.shape(probabilities)[0]
        return {
            "label": tf.gather(labels, tf.argmax(probabilities, axis=1)),
            "labels": tf.tile(labels[tf.newaxis], [texts, 1]),
            "probabilities": probabilities,
        }

    return _of_texts(answer, task.pair)


def _encode(text_model, pairs):
    """The shared encoder on its own."""
    return _of_texts(
        lambda seq1, seq2: {"features": text_model.encode(seq1, seq2)}, pairs
    )


def _of_texts(function, pairs):
    """A function of seq1 and seq2 as one of its signature's inputs."""
    names = ["seq1", "seq2"] if pairs else ["text"]
    return tf.function(
        function if pairs else lambda text: function(tf.zeros_like(text), text),
        input_signature=[tf.TensorSpec([None], tf.string, x) for x in names],
        autograph=False,
    )
