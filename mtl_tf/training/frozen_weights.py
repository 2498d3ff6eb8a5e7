"""Checksums of frozen weights: training must leave them bit for bit equal."""

import hashlib
import os

import keras

from mtl_tf.models import multitask_model
from mtl_tf.runs import run_location
from mtl_tf.utils import checksums

# Name of the file in the assets, without its extension.
NAME = "frozen_weights"
_REMEDY = "put back a copy of the file, or train again in another run_dir"


def record(model: keras.Model) -> dict:
    """Returns the sha256 of each frozen weight by its path, signed for JSON."""
    return checksums.sign({"sha256": _digests(model)})


def check(run_dir: str, model: keras.Model) -> None:
    """Checks that a model's frozen weights are those of the record.

    Args:
      run_dir: directory of a run with a frozen shared encoder.
      model: its model, with the weights of a checkpoint.

    Raises:
      ValueError: if the record is missing or damaged.
      RuntimeError: if a weight differs, which is an error of this program.
    """
    path = os.path.join(run_dir, run_location.ASSETS_DIR, f"{NAME}.json")
    recorded = checksums.read(path, _REMEDY)["sha256"]
    digests = _digests(model)
    changed = sorted(
        name
        for name in recorded.keys() | digests.keys()
        if recorded.get(name) != digests.get(name)
    )
    if changed:
        raise RuntimeError(
            f"{run_dir}: training has changed the frozen weights "
            f"{', '.join(changed)}"
        )


def _digests(model):
    """Computes the sha256 of the values of each frozen weight, by path."""
    frozen = multitask_model.variables_by_path(model.non_trainable_weights)
    return {
        path: hashlib.sha256(variable.numpy().tobytes()).hexdigest()
        for path, variable in sorted(frozen.items())
    }
