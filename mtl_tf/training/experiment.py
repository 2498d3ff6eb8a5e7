"""A run: from the corpus to the results."""

import os

import keras
from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.data import data_service
from mtl_tf.data import dev_subset
from mtl_tf.data import task_settings
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictor as predictor_lib
from mtl_tf.models import label_transfer
from mtl_tf.models import multitask_model
from mtl_tf.runs import affinity_file
from mtl_tf.runs import checkpoints
from mtl_tf.runs import descriptions
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import prediction_files
from mtl_tf.runs import results
from mtl_tf.runs import resumption
from mtl_tf.runs import run_directory
from mtl_tf.training import callbacks
from mtl_tf.training import dev_scores
from mtl_tf.training import divergence
from mtl_tf.training import frozen_weights
from mtl_tf.training import initial_weights
from mtl_tf.training import loop_state
from mtl_tf.training import phases as phases_lib
from mtl_tf.training import replicas as replicas_lib
from mtl_tf.training import result_files
from mtl_tf.training import task_splits
from mtl_tf.training import teachers
from mtl_tf.training import tensorboard_callback
from mtl_tf.training import trainer
from mtl_tf.training import training_loop
from mtl_tf.utils import display_names as names_lib


class Experiment:
    """One model on one corpus, in one run directory.

    Args:
      config: the settings; `data_dir` and `run_dir` must be set.
      replicas: the replicas that share a training step; None: one.

    Raises:
      ValueError: if the corpus is missing or does not fit the settings, the run
        directory holds another run, or the replicas cannot share a step.
    """

    def __init__(
        self,
        config: config_lib.Config,
        replicas: replicas_lib.Replicas | None = None,
    ):
        self._replicas = replicas = replicas or replicas_lib.Replicas()
        self.config = config
        self.corpus = tasks_lib.Corpus.read(config.data_dir)
        self.tasks = self.corpus.select(config.tasks)
        task_settings.check(config, self.corpus, self.tasks)
        self.corpus.check_files()
        keras.utils.set_random_seed(config.seed)
        self.vocabulary = vocabulary_lib.Vocabulary.read(
            os.path.join(config.data_dir, vocabulary_lib.VOCABULARY_FILE)
        )
        self.splits = task_splits.read(self.corpus, self.tasks, config)
        self._pseudo_labels = teachers.add_pseudo_labels(
            config, self.corpus, self.tasks, self.splits
        )
        self.corpus.check_unchanged()
        self.batches = data_service.make_batches(
            [split["train"] for split in self.splits],
            [s["unlabeled"] for s in self.splits if "unlabeled" in s],
            config,
            replicas.worker,
            replicas.num_workers,
        )
        replicas.check(self.batches.num_task_batches)
        self._main_task = label_transfer.main_task_index(
            config, [task.name for task in self.tasks]
        )
        with replicas.scope():
            self.model = multitask_model.build(
                config,
                tuple(len(task.labels) for task in self.tasks),
                len(self.vocabulary),
                self._main_task,
                tasks_lib.label_ids(self.tasks),
            )
            self.trainer = trainer.Trainer(
                config,
                self.model,
                self.batches.signature,
                [task.name for task in self.tasks],
                task_splits.class_weights(
                    self.tasks, self.splits, config.class_weights
                ),
                self.batches.steps_per_epoch,
                replicas,
            )
        self.predictor = predictor_lib.Predictor(
            self.model, self.tasks, self._main_task
        )
        self.state = loop_state.LoopState()
        self.checkpoints = checkpoints.Checkpoints(
            config.run_dir,
            {**self.trainer.parts, "loop": self.state.variables},
            self.tasks,
            self._checkpoint_names,
            config.keep_checkpoints,
        )

    def run(self) -> dict:
        """Trains, evaluates the best checkpoint, and writes the results.

        Of several workers, the chief evaluates and writes.

        Returns:
          The content of `results.json`.

        Raises:
          ValueError: if files of the run are missing or damaged.
          FloatingPointError: if training diverges.
        """
        # Everything is read before anything is written: files may be damaged.
        resume_point = None
        if self._replicas.is_chief:
            resume_point = resumption.find(
                self.config.run_dir, self.config.phases
            )
        last = self._replicas.from_chief(
            lambda: resume_point and resume_point.saved[checkpoints.LAST].stem
        )
        loaded = {}
        if last:
            self._resume(last)
        else:
            loaded = initial_weights.load(
                self.config, self.tasks, self.vocabulary, self.trainer
            )
        if self._replicas.is_chief:
            self._start(resume_point, loaded)
        self._training_loop().run()
        return self._replicas.from_chief(self.evaluate)

    def _start(self, resume_point, loaded):
        """Writes the first files of a new or a resumed run."""
        for fault in resume_point.faults if resume_point else ():
            last = resume_point.saved[checkpoints.LAST]
            logging.warning("%s: resuming from %s", fault, last.path)
        run_directory.start(self.config, self.corpus, self.tasks)
        teachers.write(self.config.run_dir, self._pseudo_labels)
        initial_weights.write(self.config.run_dir, loaded)
        self.checkpoints.sweep(resume_point.saved if resume_point else {})
        logging.info(
            "%s, %s, %s, %s per epoch",
            names_lib.counted(len(self.tasks), "task"),
            names_lib.counted(len(self.vocabulary), "word"),
            names_lib.counted(self.model.count_params(), "weight"),
            names_lib.counted(self.batches.steps_per_epoch, "step"),
        )

    def _training_loop(self):
        config = self.config
        dev = dev_subset.choose(
            [splits["dev"] for splits in self.splits],
            self.tasks,
            config.main_task,
            self.batches.tokens_per_epoch,
            config.seed,
        )
        return training_loop.TrainingLoop(
            config,
            self.trainer,
            self.batches,
            dev_scores.DevScorer(
                self.tasks, dev, self.predictor, config.main_task
            ),
            phases_lib.Phases(
                config,
                self.state,
                self.trainer,
                self.checkpoints,
                self._replicas,
            ),
            self.state,
            self._callbacks() if self._replicas.is_chief else (),
            self._replicas,
        )

    def _callbacks(self):
        config = self.config
        return [
            callbacks.ProgressBar(config, self.batches.steps_per_epoch),
            tensorboard_callback.TensorBoardCallback(
                config,
                descriptions.summarize(
                    config,
                    self.corpus,
                    self.tasks,
                    self.model.count_params(),
                ),
                self.state,
            ),
            callbacks.CheckpointWriter(
                self.checkpoints, self.state, self.trainer.average
            ),
            callbacks.HistoryWriter(config.run_dir, self.state),
            callbacks.EpochLogger(),
        ]

    def evaluate(self, *, write: bool = True) -> dict:
        """Scores the best checkpoint on dev and test; writes the results.

        Args:
          write: whether to write files.

        Returns:
          The content of `results.json`.

        Raises:
          ValueError: if the run has not reached its last phase, or a checkpoint
            is missing or damaged.
          RuntimeError: if a frozen weight has changed.
        """
        # Only the last checkpoint knows the duration of the whole training.
        self.checkpoints.restore(checkpoints.LAST)
        history, best_epoch = self.state.history, self.state["best_epoch"]
        seconds, tokens = self.state["seconds"], self.state["tokens"]
        affinity = self.trainer.mean_affinity
        step = int(self.trainer.step.numpy())
        self.checkpoints.restore(checkpoints.BEST)
        self._check_phase()
        if not self.config.train_shared_encoder:
            frozen_weights.check(self.config.run_dir, self.model)
        if self.state["best_epoch"] != best_epoch:
            raise ValueError(
                f"the best checkpoint in {self.config.run_dir} is of epoch "
                f"{self.state['best_epoch']}, expected epoch {best_epoch} as "
                "in the last: put back a copy of checkpoints/"
            )
        # The checkpoints of all phases, before anything is written.
        self.checkpoints.check(self._checkpoint_names)
        if write:
            history_lib.History(self.config.run_dir, history)
            affinity_file.write(self.config.run_dir, self.tasks, affinity)
            result_files.log(
                self.config, "predictions for dev and test", "predictions"
            )
        by_task, on_test, warnings = self._score_tasks(write)
        scores = {
            "schema": run_directory.SCHEMA,
            "tasks": by_task,
            "average": results.averages(by_task),
            "best_epoch": self.state["best_epoch"],
            "steps": step,
            "seconds": seconds,
            "tokens_per_second": tokens / seconds if seconds else None,
        }
        if warnings:
            scores["warnings"] = warnings
        if len(self.config.phases) > 1:
            scores["phases"] = self._evaluate_phases(by_task)
        if write:
            result_files.write(
                self.config,
                int(self.trainer.step.numpy()),
                self.tasks,
                self.splits,
                self.vocabulary,
                self.model,
                scores,
                on_test,
            )
        return scores

    def _score_tasks(self, write):
        """Scores the tasks, and writes their predictions if `write`.

        Returns:
          Scores by task, predictions for test, and signs of divergence.
        """
        by_task, on_test, warnings = {}, [], []
        history = history_lib.read_history(self.config.run_dir)
        for task, splits in zip(self.tasks, self.splits, strict=True):
            predictions = self._predict(splits)
            for output, by_split in predictions.items():
                for split, predicted in by_split.items() if write else ():
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
                output: results.scores_by_split(by_split)
                for output, by_split in {
                    **predictions,
                    results.MAJORITY: majority,
                }.items()
            }
        return by_task, on_test, warnings

    def _predict(self, splits, outputs=(results.MAIN, results.LABEL_TRANSFER)):
        """Predicts dev and test of a task; returns them by output and split."""
        by_output = {}
        for split in ("dev", "test"):
            predictions = self.predictor.predict_all(splits[split])
            for output in outputs:
                if output in predictions:
                    by_output.setdefault(output, {})[split] = predictions[
                        output
                    ]
        return by_output

    def _check_phase(self):
        """Checks that the best checkpoint is of the last phase."""
        phases = self.config.phases
        phase = phases[self.state["phase"]]
        if phase != phases[-1]:
            raise ValueError(
                f"the run in {self.config.run_dir} has not ended: the best "
                f"checkpoint is of phase {phase}, and the last phase is "
                f"{phases[-1]}; continue training with the same settings"
            )

    def _evaluate_phases(self, last):
        """Scores the main task with the best checkpoint of each phase.

        Args:
          last: scores by task of the last phase, whose checkpoint is loaded
            before and after.

        Returns:
          Best epoch and scores by phase.
        """
        name = self.config.main_task
        by_phase = {}
        for phase in self.config.phases[:-1]:
            self.checkpoints.restore(checkpoints.best_of(phase))
            outputs = [results.MAIN]
            # The network is not trained before its phase.
            outputs += [results.LABEL_TRANSFER] if phase != "base" else []
            by_phase[phase] = {
                "best_epoch": self.state["best_epoch"],
                "tasks": {
                    name: {
                        output: results.scores_by_split(predictions)
                        for output, predictions in self._predict(
                            self.splits[self._main_task], outputs
                        ).items()
                    }
                },
            }
        self.checkpoints.restore(checkpoints.BEST)
        by_output = {
            output: scores
            for output, scores in last[name].items()
            if output != results.MAJORITY
        }
        by_phase[self.config.phases[-1]] = {
            "best_epoch": self.state["best_epoch"],
            "tasks": {name: by_output},
        }
        return by_phase

    @property
    def _checkpoint_names(self):
        phases = self.config.phases
        earlier = [checkpoints.best_of(phase) for phase in phases[:-1]]
        return [checkpoints.LAST, checkpoints.BEST, *earlier]

    def _resume(self, stem):
        """Restores a last checkpoint."""
        self.checkpoints.restore(checkpoints.LAST, stem)
        epochs = self.state["epoch"] - self.state["phase_start"]
        if epochs > self.config.epochs:
            raise ValueError(
                f"epochs={self.config.epochs}: the run in "
                f"{self.config.run_dir} has trained {epochs} already"
            )
        logging.info(
            "Resuming after epoch %d of the run in %s",
            self.state["epoch"],
            self.config.run_dir,
        )
