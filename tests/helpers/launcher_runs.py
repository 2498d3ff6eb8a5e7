"""Settings of runs of several parts."""

import pathlib

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib


def make_config(
    corpus: tasks_lib.Corpus, folder: pathlib.Path
) -> config_lib.Config:
    """Makes the settings of a run `folder/run` of a tiny model."""
    return config_lib.Config(
        data_dir=corpus.data_dir,
        run_dir=str(folder / "run"),
        encoder="bag_of_words",
        pooling="mean",
        hidden_size=2,
        embedding_dim=2,
        pictures=False,
        batch_size=8,
        epochs=1,
        max_tokens=8,
    )
