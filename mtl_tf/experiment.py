"""A run from its corpus to its results."""

import math
import os
import time

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from mtl_tf import checkpoints
from mtl_tf import config as config_lib
from mtl_tf import evaluation
from mtl_tf import evaluation_summaries
from mtl_tf import figures
from mtl_tf import input_pipeline
from mtl_tf import models
from mtl_tf import prediction_files
from mtl_tf import progress
from mtl_tf import results
from mtl_tf import run_directory
from mtl_tf import summaries
from mtl_tf import tasks as tasks_lib
from mtl_tf import text
from mtl_tf import training
from mtl_tf import warm_start
from mtl_tf import word_vectors


class Experiment:
    """One model on one corpus, in one run directory.

    Args:
      config: the settings; `data_dir` and `run_dir` have to be set.

    Raises:
      ValueError: if the corpus is not there or does not fit the settings, or
        the run directory holds another run.
    """

    def __init__(self, config: config_lib.Config):
        self.config = config
        self.corpus = tasks_lib.Corpus.read(config.data_dir)
        self.tasks = self.corpus.select(config.tasks)
        self._check_tasks()
        keras.utils.set_random_seed(config.seed)
        self.vocabulary = text.Vocabulary.read(
            os.path.join(config.data_dir, text.VOCABULARY_FILE)
        )
        self.splits = self._read_splits()
        self.batches = input_pipeline.TrainingBatches(
            [split["train"] for split in self.splits],
            [split["unlabeled"] for split in self.splits]
            if config.unlabeled
            else [],
            config,
        )
        self.model = models.build(
            config,
            tuple(len(task.labels) for task in self.tasks),
            len(self.vocabulary),
        )
        self.trainer = training.Trainer(
            config,
            self.model,
            self.batches.signature,
            [task.name for task in self.tasks],
            self._class_weights(),
            self.batches.steps_per_epoch,
        )
        self.predictor = evaluation.Predictor(self.model, self.tasks)
        self.state = FitState()
        self.checkpoints = checkpoints.Checkpoints(
            config.run_dir,
            {**self.trainer.parts, "fit": self.state.variables},
            [task.name for task in self.tasks],
        )

    def run(self) -> dict:
        """Trains, evaluates the best checkpoint, and writes the results."""
        goes_on = self.checkpoints.exists(checkpoints.LAST)
        # Before anything is written: what is asked for may not be there.
        loaded = {} if goes_on else self._load_start()
        run_directory.start(self.config, self.corpus, self.tasks)
        for name, found in loaded.items():
            path = os.path.join(run_directory.ASSETS_DIR, f"{name}.json")
            run_directory.write_json(
                os.path.join(self.config.run_dir, path), found
            )
        if goes_on:
            self._restore()
        logging.info(
            "%d tasks, %d words, %d weights, %d steps an epoch",
            len(self.tasks),
            len(self.vocabulary),
            self.model.count_params(),
            self.batches.steps_per_epoch,
        )
        self._fit()
        return self.evaluate()

    def evaluate(self) -> dict:
        """Scores the best checkpoint on dev and test; writes the results."""
        # How long training took is in its last checkpoint.
        self.checkpoints.restore(checkpoints.LAST)
        seconds, tokens = self.state["seconds"], self.state["tokens"]
        step = int(self.trainer.step)
        self.checkpoints.restore(checkpoints.BEST)
        by_task, on_test = {}, []
        for task, splits in zip(self.tasks, self.splits, strict=True):
            predictions = {
                split: self.predictor.predict(splits[split])
                for split in ("dev", "test")
            }
            for split, predicted in predictions.items():
                prediction_files.write(
                    self.config.run_dir, task, split, predicted
                )
            on_test.append(predictions["test"])
            majority = {
                split: results.majority_predictions(
                    splits["train"].labels, predicted
                )
                for split, predicted in predictions.items()
            }
            by_task[task.name] = {
                results.MAIN: results.scores_by_split(predictions),
                results.MAJORITY: results.scores_by_split(majority),
            }
        found = {
            "schema": run_directory.SCHEMA,
            "tasks": by_task,
            "average": results.averages(by_task),
            "best_epoch": self.state["best_epoch"],
            "steps": step,
            "seconds": seconds,
            "tokens_per_second": tokens / seconds if seconds else None,
        }
        results.write_features(
            self.config.run_dir, self.tasks, on_test, self.config.seed
        )
        results.write(self.config.run_dir, found)
        figures.draw_curves(self.config.run_dir)
        evaluation_summaries.write(
            self.config,
            int(self.trainer.step),
            self.tasks,
            found,
            on_test,
            self.vocabulary.tokens,
            self.model.get_layer("word_embedding").table.numpy(),
        )
        return found

    def _restore(self):
        """Goes back to the end of the last epoch."""
        self.checkpoints.restore(checkpoints.LAST)
        if self.state["epoch"] > self.config.epochs:
            raise ValueError(
                f"epochs={self.config.epochs}: the run in "
                f"{self.config.run_dir} has had {self.state['epoch']}"
            )
        logging.info(
            "Going on after epoch %d of the run in %s",
            self.state["epoch"],
            self.config.run_dir,
        )

    def _load_start(self):
        """Loads what training starts from; by setting, what was loaded."""
        loaded = {}
        if self.config.word_vectors:
            loaded["word_vectors"] = self._load_word_vectors()
        # Second: vectors that the run has trained are the better ones.
        if self.config.init_from:
            loaded["init_from"] = warm_start.load(
                self.config, self.tasks, self.vocabulary, self.trainer
            )
        return loaded

    def _load_word_vectors(self):
        """Starts from pretrained vectors; how many words have one."""
        source = self.config.word_vectors
        vectors = word_vectors.load(source, self.vocabulary.tokens)
        models.set_word_vectors(self.model, vectors)
        return {
            "source": source,
            "words": len(self.vocabulary),
            "found": int(vectors.found.sum()),
            "width": vectors.matrix.shape[1],
        }

    def _fit(self):
        """Trains epoch by epoch, until dev or the number of epochs ends it."""
        config, state = self.config, self.state
        steps = self.batches.steps_per_epoch
        first_step = int(self.trainer.step)
        history = summaries.History(config.run_dir, first_step)
        board = summaries.TensorBoard(
            config.run_dir, [task.name for task in self.tasks]
        )
        board.settings(config, self._describe())
        batches = iter(self.batches.dataset(first_step))
        with progress.Progress(
            config.epochs * steps,
            first_step,
            steps,
            enabled=None if config.progress else False,
        ) as bar:
            while state["epoch"] < config.epochs and not self._stopped():
                line = self._epoch(batches, board, bar)
                score, by_task = self._dev()
                bar.dev(score)
                step = int(self.trainer.step)
                board.training(
                    step,
                    {"training/tokens_per_second": line["tokens_per_second"]},
                )
                board.dev(step, score, by_task)
                line |= {"dev": {"average": score, "tasks": by_task}}
                history.append(line)
                logging.info(
                    "epoch %3d  step %6d  loss %8.4f  dev %7.4f  %6d tokens/s",
                    state["epoch"],
                    step,
                    line["terms"]["loss/total"],
                    score,
                    line["tokens_per_second"],
                )
                if score > state["best_score"]:
                    state["best_score"], state["best_epoch"] = (
                        score,
                        state["epoch"],
                    )
                    self.checkpoints.save(checkpoints.BEST, step)
                self.checkpoints.save(checkpoints.LAST, step)
        board.best(
            int(self.trainer.step), state["best_epoch"], state["best_score"]
        )

    def _stopped(self):
        waited = self.state["epoch"] - self.state["best_epoch"]
        return 0 < self.config.patience <= waited

    def _epoch(self, batches, board, bar):
        """Trains one epoch; returns its line of the history without dev."""
        sums, since, logged = {}, {}, 0
        began = time.perf_counter()
        for number in range(1, self.batches.steps_per_epoch + 1):
            terms = self.trainer.train_step(next(batches))
            for total in (sums, since):
                for name, value in terms.items():
                    total[name] = total.get(name, 0.0) + value
            logged += 1
            last = number == self.batches.steps_per_epoch
            if logged == self.config.log_every or last:
                means = {k: float(v) / logged for k, v in since.items()}
                step = int(self.trainer.step)
                self._check_finite(step, means)
                board.training(step, means)
                bar.update(step, means["loss/total"])
                since, logged = {}, 0
        seconds = time.perf_counter() - began
        tokens = float(sums["training/tokens"])
        self.state["epoch"] += 1
        self.state["seconds"] += seconds
        self.state["tokens"] += tokens
        return {
            "phase": "base",
            "epoch": self.state["epoch"],
            "step": int(self.trainer.step),
            "terms": {
                name: float(value) / self.batches.steps_per_epoch
                for name, value in sums.items()
            },
            "seconds": seconds,
            "tokens_per_second": tokens / seconds,
        }

    def _dev(self):
        """What early stopping follows, and the dev scores by task."""
        by_task = {}
        for task, splits in zip(self.tasks, self.splits, strict=True):
            predictions = self.predictor.predict(splits["dev"])
            by_task[task.name] = {
                **predictions.scores(),
                "loss": predictions.loss,
            }
        deciding = [
            task
            for task in self.tasks
            if self.config.main_task in ("", task.name)
        ]
        return evaluation.average(deciding, by_task), by_task

    def _check_finite(self, step, means):
        for name, value in means.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{name} is {value} before step {step}. Most often the "
                    "learning rate is too high "
                    f"(now {self.config.learning_rate}), gradients need "
                    "clip_norm, or orthogonality_loss=frobenius is used with "
                    "a large batch."
                )

    def _check_tasks(self):
        names = [task.name for task in self.tasks]
        for name in self.config.task_weights_by_name():
            if name not in names:
                raise ValueError(
                    f"task_weights: there is no task {name!r}"
                    f"{tasks_lib.nearest(name, names)}"
                )
        main_task = self.config.main_task
        if main_task and main_task not in names:
            raise ValueError(
                f"main_task={main_task}: not one of the tasks "
                f"{', '.join(names)}{tasks_lib.nearest(main_task, names)}"
            )
        if len(names) < 2 and self.config.adversarial_weight:
            raise ValueError(
                "adversarial_weight needs at least 2 tasks, got "
                f"{', '.join(names)}"
            )
        lacking = [n for n in names if not self.corpus.rows[n].get("unlabeled")]
        if self.config.unlabeled and lacking:
            raise ValueError(
                f"unlabeled: these tasks have no unlabelled text: "
                f"{', '.join(lacking)}"
            )

    def _class_weights(self) -> np.ndarray:
        """float32 [tasks, most labels]."""
        most = max(len(task.labels) for task in self.tasks)
        weights = np.ones((len(self.tasks), most), np.float32)
        for row, task, splits in zip(
            weights, self.tasks, self.splits, strict=True
        ):
            labels = len(task.labels)
            row[:labels] = input_pipeline.class_weights(
                splits["train"], labels, self.config.class_weights
            )
        return weights

    def _read_splits(self) -> list[dict[str, input_pipeline.Split]]:
        """The splits of each task that have rows."""
        wanted = list(tasks_lib.LABELED_SPLITS)
        wanted += ["unlabeled"] if self.config.unlabeled else []
        return [
            {
                split: input_pipeline.read_split(
                    self.corpus, self.tasks, number, split, self.config
                )
                for split in wanted
                if self.corpus.rows[task.name].get(split)
            }
            for number, task in enumerate(self.tasks)
        ]

    def _describe(self):
        config = self.config
        return (
            f"{config.sharing}, {config.encoder}, pooling {config.pooling}; "
            f"{len(self.tasks)} tasks of {self.corpus.name}: "
            f"{', '.join(task.name for task in self.tasks)}; "
            f"{self.model.count_params()} weights"
        )


class FitState:
    """How far training is: numbers that live in the checkpoint."""

    def __init__(self):
        self.variables = {
            "epoch": tf.Variable(0, dtype=tf.int64),
            "best_epoch": tf.Variable(0, dtype=tf.int64),
            "best_score": tf.Variable(-math.inf, dtype=tf.float64),
            "seconds": tf.Variable(0.0, dtype=tf.float64),
            "tokens": tf.Variable(0.0, dtype=tf.float64),
        }

    def __getitem__(self, name: str) -> int | float:
        return self.variables[name].numpy().item()

    def __setitem__(self, name: str, value: int | float) -> None:
        self.variables[name].assign(value)
