import os

import numpy as np
import pytest
import tensorflow as tf
from absl import logging
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.backend.event_processing import plugin_event_multiplexer
from tensorboard.util import tensor_util

from mtl_tf.config import config as config_lib
from mtl_tf.reporting.tensorboard import evaluation_summaries
from mtl_tf.reporting.tensorboard import summaries
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory
from mtl_tf.runs import score_table
from mtl_tf.training import experiment as experiment_lib
from tests.helpers import generated
from tests.helpers import run_artifacts


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A finished run that was evaluated twice."""
    folder = tmp_path_factory.mktemp("folder")
    experiment = experiment_lib.Experiment(
        config_lib.Config(
            data_dir=generated.write_corpus(
                str(folder / "corpus"),
                metrics={"films": "macro_mae_by_topic"},
            ),
            run_dir=str(folder / "run"),
            encoder="bag_of_words",
            pooling="mean",
            embedding_dim=4,
            hidden_size=4,
            batch_size=16,
            adversarial_weight=0.1,
            orthogonality_weight=0.1,
            epochs=2,
        )
    )
    experiment.run()
    experiment.evaluate()
    return experiment


@pytest.fixture(scope="module")
def results(experiment):
    return experiment.evaluate()


@pytest.fixture(scope="module")
def events(experiment, results):
    """The events of the run."""
    del results
    accumulator = event_accumulator.EventAccumulator(
        summaries.log_dir(experiment.config.run_dir),
        size_guidance={event_accumulator.TENSORS: 0},
    )
    accumulator.Reload()
    return accumulator


def one(events, tag):
    """Returns the single point of a tag."""
    (event,) = events.Tensors(tag)
    return event.step, tensor_util.make_ndarray(event.tensor_proto)


def test_written_files_are_logged(experiment, caplog):
    with caplog.at_level("INFO", logger=logging.get_absl_logger().name):
        experiment.evaluate()
    run_dir = experiment.config.run_dir
    messages = [x for x in caplog.messages if x.startswith("Writing ")]
    assert messages == [
        f"Writing predictions for dev and test to {run_dir}/predictions",
        f"Writing features of test texts to {run_dir}/features.npz",
        f"Writing scores to {run_dir}/results.json",
        f"Writing curves by epoch to {run_dir}/figures/curves.png",
        f"Writing scores and pictures for TensorBoard to {run_dir}/tensorboard",
        f"Writing points for TensorBoard's projector to {run_dir}/tensorboard",
    ]


def best_step(experiment, results):
    history = history_lib.read_history(experiment.config.run_dir)
    return history[results["best_epoch"] - 1]["step"]


def test_an_evaluation_replaces_the_previous_one(experiment, events):
    log_dir = summaries.log_dir(experiment.config.run_dir)
    files = [name for name in os.listdir(log_dir) if "tfevents" in name]
    # One of training, and one of the last evaluation.
    assert len(files) == 2
    assert sum(name.endswith(".evaluation") for name in files) == 1
    # One point each, asserted by `one`.
    for tag in ("test/accuracy", "run/test_scores", "confusion/films"):
        one(events, tag)
    # Summaries of training are kept.
    assert "run/settings" in events.Tags()["tensors"]
    assert len(events.Tensors("dev/average")) == 2


def test_averages_on_test(experiment, results, events):
    for metric in ("accuracy", "macro_f1"):
        step, value = one(events, f"test/{metric}")
        expected = np.mean(
            [task["main"]["test"][metric] for task in results["tasks"].values()]
        )
        assert value == pytest.approx(expected, rel=1e-6)
        assert step == best_step(experiment, results)


def test_metrics_that_some_tasks_lack_are_not_averaged(results, events):
    films = results["tasks"]["films"]["main"]["test"]
    assert list(films) == [
        "accuracy",
        "macro_f1",
        "macro_mae",
        "macro_mae_by_topic",
        "n",
    ]
    tags = [tag for tag in events.Tags()["tensors"] if tag.startswith("test/")]
    assert sorted(tags) == ["test/accuracy", "test/macro_f1"]


def test_the_best_epoch_has_the_lowest_error(experiment, results):
    history = history_lib.read_history(experiment.config.run_dir)
    dev = [line["dev"]["tasks"] for line in history]
    selection_score = [
        tasks["books"]["accuracy"]
        + tasks["games"]["accuracy"]
        - tasks["films"]["macro_mae_by_topic"]
        for tasks in dev
    ]
    # Ties are broken by loss.
    losses = [sum(task["loss"] for task in tasks.values()) for tasks in dev]
    epochs = range(len(dev))
    best = max(
        epochs, key=lambda epoch: (selection_score[epoch], -losses[epoch])
    )
    assert results["best_epoch"] == 1 + best
    averages = [line["dev"]["average"] for line in history]
    assert averages == pytest.approx([value / 3 for value in selection_score])


def test_table_of_scores(experiment, results, events):
    _, value = one(events, "run/test_scores")
    caption, table = value.item().decode().split("\n\n")
    assert caption.startswith("Test scores in percent, macro_mae_by_topic in ")
    assert caption.endswith(f"of epoch {results['best_epoch']}.")
    assert table == score_table.markdown_table(
        results, experiment.tasks, "this run"
    )


def picture(events, tag):
    """Decodes an image, and checks its size."""
    _, (width, height, png) = one(events, tag)
    pixels = tf.io.decode_png(png).numpy()
    assert pixels.shape[:2] == (int(height), int(width))
    return pixels


def test_pictures(experiment, events):
    tags = [
        tag
        for tag in events.Tags()["tensors"]
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "images"
    ]
    assert sorted(tags) == [
        "confusion/books",
        "confusion/films",
        "confusion/games",
        "curves/by_epoch",
        "features/shared",
    ]
    for tag in tags:
        pixels = picture(events, tag)
        # There are dark pixels on white.
        assert (pixels[..., :3].min(axis=-1) < 100).any(), tag
        assert tuple(pixels[0, 0, :3]) == (255, 255, 255), tag
        assert events.SummaryMetadata(tag).summary_description, tag
    # Three labels need more space than two.
    films, books = (
        picture(events, "confusion/films"),
        picture(events, "confusion/books"),
    )
    assert films.shape[0] > books.shape[0]


def test_label_transfer_and_labels_have_pictures(tmp_path):
    data_dir = run_artifacts.write_corpus(str(tmp_path / "corpus"))
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"),
        data_dir,
        main_task="stance",
        label_transfer="supervised",
        output_layer="label_embedding",
    )
    run = run_directory.Run.read(run_dir)
    writer = tf.summary.create_file_writer(str(tmp_path / "board"))
    with writer.as_default(7):
        evaluation_summaries._write_curves(
            run.config, run.tasks, run_directory.read_results(run_dir)
        )
        evaluation_summaries._write_label_map(run_dir)
    writer.close()
    events = event_accumulator.EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    for tag in ("curves/by_epoch", "curves/label_transfer", "labels/map"):
        assert (picture(events, tag)[..., :3].min(axis=-1) < 100).any(), tag
        assert events.SummaryMetadata(tag).summary_description


def test_the_projector_has_its_files(experiment):
    log_dir = summaries.log_dir(experiment.config.run_dir)
    with open(
        os.path.join(log_dir, "projector", "words-vectors.tsv"),
        encoding="ascii",
    ) as file:
        vectors = np.loadtxt(file)
    table = experiment.model.get_layer("word_embedding").table.numpy()
    # The model has the weights of the best checkpoint.
    np.testing.assert_allclose(vectors, table[4:], rtol=1e-4)


def test_every_curve_of_a_run_is_described(experiment, events):
    tags = events.Tags()["tensors"]
    for task in experiment.tasks:
        assert f"dev_accuracy/{task.name}" in tags
    for tag in tags:
        metadata = events.SummaryMetadata(tag)
        if metadata.plugin_data.plugin_name == "scalars":
            assert metadata.summary_description, tag


def test_tensorboard_lists_a_run_once(experiment, events):
    run_dir = experiment.config.run_dir
    runs = plugin_event_multiplexer.EventMultiplexer()
    runs.AddRunsFromDirectory(os.path.dirname(run_dir))
    assert list(runs.Runs()) == [f"{os.path.basename(run_dir)}/tensorboard"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
