"""`best.flags`, the flagfile of the best settings of a sweep."""

import dataclasses
import os
import time

from mtl_tf.config import config as config_lib
from mtl_tf.studies import sweep_record
from mtl_tf.studies import trials as trials_lib
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import files

FLAGS_FILE = "best.flags"


def write(
    config: config_lib.Config,
    trial: trials_lib.Trial,
    outcome: sweep_record.Outcome,
    score_name: str,
    command: str,
) -> str:
    """Writes the settings of a trial as a flagfile.

    It has all settings that are not their default, except those that a run may
    change, such as its directory; --epochs is included.

    Args:
      config: settings of the sweep.
      trial: the best trial.
      outcome: its outcome.
      score_name: description of the dev score.
      command: the command, for the header.

    Returns:
      The path of the file.
    """
    values = trial.config.to_dict()
    header = [
        command,
        f"Trial {trial.index} of the sweep: dev {outcome.dev:.4f} "
        f"({score_name}).",
        time.strftime("%Y-%m-%d"),
    ]
    path = os.path.join(config.run_dir, FLAGS_FILE)
    with files.atomic_write(path) as file:
        for line in header:
            # A name with a line break must not end the comment.
            file.write(f"# {names_lib.visible(line)}\n")
        for field in dataclasses.fields(config_lib.Config):
            is_part = not field.metadata["changeable"] or field.name == "epochs"
            value = values[field.name]
            if is_part and getattr(trial.config, field.name) != field.default:
                shown = ",".join(value) if isinstance(value, list) else value
                file.write(f"--{field.name}={shown}\n")
    return path
