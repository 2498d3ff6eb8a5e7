"""A run from its corpus to its results."""

import os

import keras
import numpy as np
from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.data import dev_subset
from mtl_tf.data import input_pipeline
from mtl_tf.data import pretrained_embeddings
from mtl_tf.data import task_settings
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import training_batches
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictor as predictor_lib
from mtl_tf.models import label_transfer
from mtl_tf.models import multitask_model
from mtl_tf.reporting.plots import figures
from mtl_tf.reporting.plots import transfer_curves
from mtl_tf.reporting.tensorboard import evaluation_summaries
from mtl_tf.runs import checkpoints
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import label_embeddings
from mtl_tf.runs import prediction_files
from mtl_tf.runs import results
from mtl_tf.runs import resumption
from mtl_tf.runs import run_directory
from mtl_tf.training import divergence
from mtl_tf.training import trainer
from mtl_tf.training import training_loop
from mtl_tf.training import warm_start
from mtl_tf.utils import display_names as names_lib


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
        task_settings.check(config, self.corpus, self.tasks)
        self.corpus.check_files()
        keras.utils.set_random_seed(config.seed)
        self.vocabulary = vocabulary_lib.Vocabulary.read(
            os.path.join(config.data_dir, vocabulary_lib.VOCABULARY_FILE)
        )
        self.splits = self._read_splits()
        self.corpus.check_unchanged()
        self.batches = training_batches.TrainingBatches(
            [split["train"] for split in self.splits],
            [s["unlabeled"] for s in self.splits if "unlabeled" in s],
            config,
        )
        self._main_task = label_transfer.main_task_index(
            config, [task.name for task in self.tasks]
        )
        self.model = multitask_model.build(
            config,
            tuple(len(task.labels) for task in self.tasks),
            len(self.vocabulary),
            self._main_task,
        )
        self.trainer = trainer.Trainer(
            config,
            self.model,
            self.batches.signature,
            [task.name for task in self.tasks],
            self._class_weights(),
            self.batches.steps_per_epoch,
        )
        self.predictor = predictor_lib.Predictor(
            self.model, self.tasks, self._main_task
        )
        self.state = training_loop.LoopState()
        self.checkpoints = checkpoints.Checkpoints(
            config.run_dir,
            {**self.trainer.parts, "fit": self.state.variables},
            self.tasks,
            self._checkpoint_names,
            config.keep_checkpoints,
        )

    def run(self) -> dict:
        """Trains, evaluates the best checkpoint, and writes the results."""
        # Before anything is written: what is asked for may not be there, and
        # what is there may be damaged.
        start = resumption.find(self.config.run_dir, self.config.phases)
        if start:
            self._restore(start)
        loaded = {} if start else self._load_start()
        run_directory.start(self.config, self.corpus, self.tasks)
        for name, found in loaded.items():
            path = os.path.join(run_directory.ASSETS_DIR, f"{name}.json")
            run_directory.write_json(
                os.path.join(self.config.run_dir, path), found
            )
        self.checkpoints.sweep(start.kept if start else {})
        logging.info(
            "%s, %s, %s, %s an epoch",
            names_lib.counted(len(self.tasks), "task"),
            names_lib.counted(len(self.vocabulary), "word"),
            names_lib.counted(self.model.count_params(), "weight"),
            names_lib.counted(self.batches.steps_per_epoch, "step"),
        )
        training_loop.TrainingLoop(
            self.config,
            self.tasks,
            self.trainer,
            self.batches,
            self.predictor,
            dev_subset.choose(
                [splits["dev"] for splits in self.splits],
                self.tasks,
                self.config.main_task,
                self.batches.tokens_per_epoch,
                self.config.seed,
            ),
            self.checkpoints,
            self.state,
        ).run(self._describe())
        return self.evaluate()

    def evaluate(self, *, write: bool = True) -> dict:
        """Scores the best checkpoint on dev and test; writes the results.

        Args:
          write: whether to write anything.

        Raises:
          ValueError: if the run has not come to its last phase, or a
            checkpoint is missing or damaged.
        """
        # How long training took is in its last checkpoint.
        self.checkpoints.restore(checkpoints.LAST)
        history, best_epoch = self.state.history, self.state["best_epoch"]
        seconds, tokens = self.state["seconds"], self.state["tokens"]
        step = int(self.trainer.step)
        self.checkpoints.restore(checkpoints.BEST)
        self._check_phase()
        if self.state["best_epoch"] != best_epoch:
            raise ValueError(
                f"the best checkpoint in {self.config.run_dir} is of epoch "
                f"{self.state['best_epoch']}, the last one tells of epoch "
                f"{best_epoch}: put back a copy of checkpoints/"
            )
        # Those of the phases as well, before anything is written.
        self.checkpoints.check(self._checkpoint_names)
        if write:
            history_lib.History(self.config.run_dir, history)
            self._log_writing("predictions for dev and test", "predictions")
        by_task, on_test, warnings = self._score_tasks(write)
        found = {
            "schema": run_directory.SCHEMA,
            "tasks": by_task,
            "average": results.averages(by_task),
            "best_epoch": self.state["best_epoch"],
            "steps": step,
            "seconds": seconds,
            "tokens_per_second": tokens / seconds if seconds else None,
        }
        if warnings:
            found["warnings"] = warnings
        if len(self.config.phases) > 1:
            found["phases"] = self._evaluate_phases(by_task)
        if write:
            self._write(found, on_test)
        return found

    def _write(self, found, on_test):
        """Writes results, and what is drawn of them and the predictions."""
        self._log_writing("features of test texts", results.FEATURES_FILE)
        results.write_features(
            self.config.run_dir, self.tasks, on_test, self.config.seed
        )
        if self.config.output_layer == "label_embedding":
            self._log_writing(
                "label vectors", label_embeddings.LABEL_EMBEDDING_FILE
            )
            label_embeddings.write(
                self.config.run_dir,
                self.tasks,
                self.model.get_layer("head").output_layer.table.numpy(),
                [splits["train"].labels for splits in self.splits],
            )
        self._log_writing("scores", run_directory.RESULTS_FILE)
        results.write(self.config.run_dir, found)
        self._log_writing("curves by epoch", figures.CURVES_FILE)
        figures.draw_curves(self.config.run_dir)
        if self.config.label_transfer != "none":
            self._log_writing(
                "curves of label transfer", transfer_curves.TRANSFER_CURVES_FILE
            )
            transfer_curves.write(self.config.run_dir)
        evaluation_summaries.write(
            self.config,
            int(self.trainer.step),
            self.tasks,
            found,
            on_test,
            self.vocabulary.tokens,
            self.model.get_layer("word_embedding").table.numpy(),
        )

    def _log_writing(self, what, path):
        """Logs what is made, and where: with much data it takes a while."""
        logging.info(
            "Writing %s to %s", what, os.path.join(self.config.run_dir, path)
        )

    def _score_tasks(self, write):
        """Scores the tasks; may write their predictions.

        Returns:
          Scores by task, predictions for test, and signs of divergence.
        """
        by_task, on_test, warnings = {}, [], []
        history = history_lib.read_history(self.config.run_dir)
        for task, splits in zip(self.tasks, self.splits, strict=True):
            predictions = self._predict(splits)
            for output, of_splits in predictions.items():
                for split, predicted in of_splits.items() if write else ():
                    prediction_files.write(
                        self.config.run_dir, task, split, predicted, output
                    )
            on_test.append(predictions[results.MAIN]["test"])
            warnings += divergence.find(
                self.config,
                task,
                history,
                {output: x["dev"] for output, x in predictions.items()},
            )
            majority = {
                split: results.majority_predictions(
                    splits["train"].labels, predicted
                )
                for split, predicted in predictions[results.MAIN].items()
            }
            by_task[task.name] = {
                output: results.scores_by_split(of_splits)
                for output, of_splits in {
                    **predictions,
                    results.MAJORITY: majority,
                }.items()
            }
        return by_task, on_test, warnings

    def _predict(self, splits, outputs=(results.MAIN, results.LABEL_TRANSFER)):
        """Predictions for dev and test of a task, by output and split."""
        found = {}
        for split in ("dev", "test"):
            predictions = self.predictor.predict_all(splits[split])
            for output in outputs:
                if output in predictions:
                    found.setdefault(output, {})[split] = predictions[output]
        return found

    def _check_phase(self):
        """Refuses the best checkpoint of a phase that is not the last."""
        phases = self.config.phases
        phase = phases[self.state["phase"]]
        if phase != phases[-1]:
            raise ValueError(
                f"the run in {self.config.run_dir} has not come to its end: "
                f"the best checkpoint is of phase {phase}, and the last one is "
                f"{phases[-1]}; train on with the same settings"
            )

    def _evaluate_phases(self, last):
        """The main task's scores at the end of each phase.

        Args:
          last: scores by task, of the last phase, whose checkpoint is loaded,
            as it is afterwards.
        """
        number, name = self._main_task, self.config.main_task
        found = {}
        for phase in self.config.phases[:-1]:
            self.checkpoints.restore(checkpoints.best_of(phase))
            outputs = [results.MAIN]
            # Before its phase it is not trained.
            outputs += [results.LABEL_TRANSFER] if phase != "base" else []
            found[phase] = {
                "best_epoch": self.state["best_epoch"],
                "tasks": {
                    name: {
                        output: results.scores_by_split(predictions)
                        for output, predictions in self._predict(
                            self.splits[number], outputs
                        ).items()
                    }
                },
            }
        self.checkpoints.restore(checkpoints.BEST)
        of_main = {k: x for k, x in last[name].items() if k != results.MAJORITY}
        found[self.config.phases[-1]] = {
            "best_epoch": self.state["best_epoch"],
            "tasks": {name: of_main},
        }
        return found

    @property
    def _checkpoint_names(self):
        phases = self.config.phases
        of_phases = [checkpoints.best_of(phase) for phase in phases[:-1]]
        return [checkpoints.LAST, checkpoints.BEST, *of_phases]

    def _restore(self, start):
        """Goes back to the end of the last epoch that is whole."""
        self.checkpoints.restore(checkpoints.LAST, start.kept[checkpoints.LAST])
        epochs = self.state["epoch"] - self.state["phase_began"]
        if epochs > self.config.epochs:
            raise ValueError(
                f"epochs={self.config.epochs}: the run in "
                f"{self.config.run_dir} has had {epochs}"
            )
        for fault in start.faults:
            logging.warning(
                "%s: going on from %s", fault, start.kept[checkpoints.LAST].path
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
        vectors = pretrained_embeddings.load(source, self.vocabulary.tokens)
        multitask_model.set_word_vectors(self.model, vectors)
        return {
            "source": source,
            "words": len(self.vocabulary),
            "found": int(vectors.has_vector.sum()),
            "width": vectors.matrix.shape[1],
        }

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
            f"{names_lib.counted(len(self.tasks), 'task')} of "
            f"{names_lib.visible(self.corpus.name)}: "
            f"{', '.join(task.name for task in self.tasks)}; "
            f"{names_lib.counted(self.model.count_params(), 'weight')}"
        )
