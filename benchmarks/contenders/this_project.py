"""This project: its input pipeline and training step."""

import keras
import numpy as np

from benchmarks import corpora
from benchmarks import groups as groups_lib
from mtl_tf.config import config as config_lib
from mtl_tf.models import multitask_model
from mtl_tf.training import trainer
from mtl_tf.utils import devices


class Contender:
    """Contender of this project, see `contenders`; it has one variant.

    It makes its batches itself while the clock runs, in `epoch`.
    """

    def __init__(self, problem: dict, variant: str):
        del variant
        config = config_lib.Config.from_dict(problem["config"])
        devices.configure(config.threads)
        keras.utils.set_random_seed(config.seed)
        corpus = corpora.Training(config)
        tasks, most = len(corpus.task_names), max(corpus.num_classes)
        self.model = multitask_model.build(
            config, tuple(corpus.num_classes), corpus.vocabulary_size
        )
        self.trainer = trainer.Trainer(
            config,
            self.model,
            corpus.batches.signature,
            corpus.task_names,
            np.ones((tasks, most), np.float32),
            corpus.batches.steps_per_epoch,
        )
        self._batches = corpus.batches.generate(0)

    def epoch(self, steps: int) -> tuple[float, int]:
        """Trains for some steps; returns the mean total loss and the tokens."""
        logs = [
            self.trainer.train_step(next(self._batches)) for _ in range(steps)
        ]
        loss, tokens = (
            sum(float(of_step[name]) for of_step in logs)
            for name in ("loss/total", "training/tokens")
        )
        return loss / steps, int(tokens)

    def computed(self, groups: list[dict]) -> int:
        """Counts the tokens that the LSTMs read, with padding by group."""
        return groups_lib.padded_tokens(groups)
