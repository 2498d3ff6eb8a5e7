"""Runs with a frozen shared encoder of another run."""

import dataclasses
import os
import shutil

import numpy as np
import pytest

from mtl_tf.config import choices
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.html import page
from mtl_tf.runs import run_directory
from mtl_tf.serving import saved_model
from mtl_tf.serving import trained_model
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.training import frozen_weights
from mtl_tf.training import launcher
from mtl_tf.training import warm_start
from tests.helpers import generated
from tests.helpers import trained_runs
from tests.helpers import trainers
from tests.helpers import warm_starts

_TABLE = "word_embedding/table"
_SHARED = "encoder/shared_encoder/"
_FROZEN = {
    "train_shared_encoder": False,
    "train_word_vectors": False,
    "adversarial_weight": 0.0,
}
BI_CHANNEL = {"sharing": "shared_private", **_FROZEN}
SINGLE_CHANNEL = {"sharing": "fully_shared", **_FROZEN}


@pytest.mark.parametrize("optimizer", choices.OPTIMIZERS)
def test_no_optimizer_changes_a_frozen_weight(optimizer):
    trainer = trainers.make_trainer(
        encoder="bag_of_words",
        pooling="mean",
        init_from="run",
        optimizer=optimizer,
        weight_decay=0.5 if optimizer == "adamw" else 0.0,
        clip_norm=0.5,
        orthogonality_weight=1.0,
        learning_rate=0.1,
        **BI_CHANNEL,
    )
    before = trainers.values(trainer)
    for seed in range(3):
        trainer.train_step(trainers.make_batch(seed=seed))
    changed = trainers.changed(before, trainers.values(trainer))
    weights = {
        path: variable.path.startswith((_SHARED, "word_embedding"))
        for variable in trainer.model.weights
        for path in [f"model/{variable.path}"]
    }
    assert sum(weights.values()) == 1 + 2  # table; kernel and bias
    for path, is_frozen in weights.items():
        assert (path in changed) != is_frozen, path
    # The optimizer has no slots for them.
    assert not any(
        path.startswith((_SHARED, "word_embedding"))
        for path in trainer.optimizer.state
    )


@pytest.mark.parametrize(
    ("settings", "loops"),
    [
        # Forward and backward; forward alone.
        ({"sharing": "fully_shared"}, 2),
        ({"init_from": "run", **SINGLE_CHANNEL}, 1),
        # A private encoder also has one for the weights of each task.
        ({"sharing": "shared_private"}, 2 + 3),
        ({"init_from": "run", **BI_CHANNEL}, 1 + 3),
    ],
    ids=["fully_shared", "single_channel", "shared_private", "bi_channel"],
)
def test_no_gradient_of_a_frozen_encoder_is_computed(settings, loops):
    trainer = trainers.make_trainer(encoder="lstm", **settings)
    assert _count_loops(trainer._traced_step("base").graph) == loops


def _count_loops(graph):
    """Counts the loops of a graph, and of the functions that it calls."""
    definition = graph.as_graph_def()
    functions = {x.signature.name: x for x in definition.library.function}

    def count(nodes):
        called = [
            functions[node.attr["f"].func.name].node_def
            for node in nodes
            if "PartitionedCall" in node.op
        ]
        loops = sum("While" in node.op for node in nodes)
        return loops + sum(map(count, called))

    return count(definition.node)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("frozen_encoder")


@pytest.fixture(scope="module")
def corpus(folder):
    rows = {"train": 32, "dev": 12, "test": 12}
    return generated.write_corpus(
        str(folder / "corpus"), rows=rows, task_names=("games",)
    )


@pytest.fixture(scope="module")
def source(folder):
    """An adversarial run on another corpus, with other words."""
    rows = {"train": 12, "dev": 4, "test": 4}
    other = generated.write_corpus(
        str(folder / "other"), rows=rows, task_names=("books", "films"), seed=5
    )
    return trained_runs.leave_run(other, folder / "source")


@pytest.fixture(scope="module")
def trained(folder, corpus, source):
    """A bi-channel run after training, and the vectors of two words."""
    vectors = folder / "vectors.txt"
    vectors.write_text("good1 1 2 3 4 5\ngames11 6 7 8 9 10\n")
    config = trained_runs.make_config(
        corpus,
        folder / "bi_channel",
        init_from=source,
        word_vectors=[str(vectors)],
        epochs=1,
        **BI_CHANNEL,
    )
    launcher.train(config)
    return config


def test_encoder_and_word_vectors_are_those_of_the_source(trained, source):
    experiment = experiment_lib.Experiment(trained)
    experiment.checkpoints.restore("best")
    weights = warm_starts.weights_of(experiment)
    shared = [path for path in weights if path.startswith(_SHARED)]
    assert len(shared) == 3
    for path in shared:
        np.testing.assert_array_equal(
            weights[path], warm_starts.read_weight(source, path), err_msg=path
        )
    words = run_directory.Run.read(source).vocabulary_path
    with open(words, encoding="utf-8") as file:
        rows = {word: row for row, word in enumerate(file.read().split("\n"))}
    table = warm_starts.read_weight(source, _TABLE)
    tokens = experiment.vocabulary.tokens
    common = [word for word in tokens if word in rows]
    # good1 also has a pretrained vector, which the trained one replaces.
    assert "good1" in common
    assert any(tokens.index(word) != rows[word] for word in common)
    for word in common:
        np.testing.assert_array_equal(
            weights[_TABLE][tokens.index(word)], table[rows[word]]
        )
    # A new word starts from its pretrained vector.
    assert "games11" not in rows
    np.testing.assert_array_equal(
        weights[_TABLE][tokens.index("games11")], [6, 7, 8, 9, 10]
    )


def test_all_other_weights_start_at_random(trained, source, tmp_path):
    # Same names, and labels, as in the trained run.
    settings = {"tasks": ("films",), "init_from": source, **BI_CHANNEL}
    corpus = run_directory.Run.read(source).config.data_dir
    config = trained_runs.make_config(corpus, tmp_path / "new", **settings)
    new = experiment_lib.Experiment(config)
    start = warm_starts.weights_of(new)
    summary = warm_start.load(config, new.tasks, new.vocabulary, new.trainer)
    fresh = {"private_encoder": ([], []), "softmax_head": ([], [])}
    warm_starts.assert_weights(new, start, source, fresh)
    assert summary["tasks"] == {
        "loaded": [],
        "fresh": ["films"],
        "left": ["books", "films"],
    }
    assert summary["labels"]["loaded"] == []
    assert summary["weights"][_TABLE]["loaded"] == start[_TABLE].size
    assert summary["weights"]["head/softmax_head/kernel"]["loaded"] == 0
    left = {path.split("/")[0] for path in summary["weights_left"]}
    assert left == {"encoder", "head", "task_discriminator"}
    assert not any(path.startswith(_SHARED) for path in summary["weights_left"])


def test_head_of_the_source_may_be_of_another_kind(corpus, folder, tmp_path):
    settings = {
        "output_layer": "label_embedding",
        "label_embedding_dim": 3,
        "task_layer_size": 3,
        "skip_connection": True,
        "sharing": "fully_shared",
    }
    other = str(folder / "other")
    embedded = trained_runs.leave_run(other, tmp_path / "lel", **settings)
    new, start, _ = warm_starts.start_from(
        embedded, corpus, tmp_path, **SINGLE_CHANNEL
    )
    weights = warm_starts.weights_of(new)
    for path, value in weights.items():
        if path.startswith(_SHARED):
            value = warm_starts.read_weight(embedded, path)
        elif path == _TABLE:
            continue
        else:
            value = start[path]
        np.testing.assert_array_equal(weights[path], value, err_msg=path)


def test_labels_of_a_task_of_the_same_name_may_differ(source, corpus, tmp_path):
    config = trained_runs.make_config(
        corpus, tmp_path / "new", init_from=source, **BI_CHANNEL
    )
    tasks = [tasks_lib.Task("books", ("left", "right"))]
    warm_start.check(config, tasks)
    trained = dataclasses.replace(config, train_shared_encoder=True)
    with pytest.raises(ValueError, match="labels of books were"):
        warm_start.check(trained, tasks)


def test_run_has_a_report_an_export_and_predictions(trained):
    path = page.write(trained.run_dir)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    sentence = f"The shared encoder comes from {trained.init_from} and was"
    assert sentence in text
    export = saved_model.write(trained.run_dir)
    card = os.path.join(export, saved_model.CARD_FILE)
    with open(card, encoding="utf-8") as file:
        assert sentence in file.read().replace("\\", "")
    model = trained_model.load(trained.run_dir)
    (label,) = model.predict("games", ["good1 games11"]).labels
    assert label in ("no", "yes")


def test_resumed_run_ends_as_an_unbroken_one(trained, tmp_path):
    shutil.copytree(trained.run_dir, tmp_path / "resumed")
    for name in ("resumed", "unbroken"):
        config = dataclasses.replace(
            trained, run_dir=str(tmp_path / name), epochs=2
        )
        launcher.train(config)
    trained_runs.assert_same_end(tmp_path / "resumed", tmp_path / "unbroken")


def test_changed_weight_is_an_error_that_names_it(trained, tmp_path):
    run_dir = shutil.copytree(trained.run_dir, str(tmp_path / "copy"))
    config = dataclasses.replace(trained, run_dir=run_dir)
    experiment = experiment_lib.Experiment(config)
    experiment.evaluate(write=False)
    bias = experiment.model.get_layer("encoder").shared_encoder.weights[2]
    value = bias.numpy()
    # The smallest change.
    value[0, 0] = np.nextafter(value[0, 0], np.float32(np.inf))
    bias.assign(value)
    experiment.checkpoints.save("best", int(experiment.trainer.step))
    with pytest.raises(
        RuntimeError, match=f"changed the frozen weights {bias.path}$"
    ):
        experiment.evaluate()
    record = os.path.join(run_dir, "assets", "frozen_weights.json")
    os.remove(record)
    with pytest.raises(ValueError, match=r"frozen_weights.json is missing"):
        frozen_weights.check(run_dir, experiment.model)


def test_each_seed_starts_from_the_same_seed_of_the_source(
    corpus, folder, tmp_path
):
    other = str(folder / "other")
    config = trained_runs.make_config(
        other, tmp_path / "several", seed=3, num_runs=2
    )
    declared = tasks_lib.Corpus.read(other)
    run_directory.start(config, declared, declared.tasks)
    for seed in (3, 4):
        trained_runs.leave_run(
            other, f"{config.run_dir}/seeds/{seed}", seed=seed
        )
    new = trained_runs.make_config(
        corpus,
        tmp_path / "new",
        seed=4,
        init_from=config.run_dir,
        **SINGLE_CHANNEL,
    )
    experiment = experiment_lib.Experiment(new)
    summary = warm_start.load(
        new, experiment.tasks, experiment.vocabulary, experiment.trainer
    )
    assert summary["checkpoint"].startswith(f"{config.run_dir}/seeds/4/")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
