"""Pseudo-labels of unlabeled texts by trained runs."""

import dataclasses
import os
import shutil

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.serving import trained_model
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.training import launcher
from mtl_tf.training import teachers
from tests.helpers import generated
from tests.helpers import trained_runs
from tests.helpers import trainers

FILE = "assets/pseudo_labels.npz"
MODEL = {
    "encoder": "bag_of_words",
    "pooling": "mean",
    "sharing": "fully_shared",
    "embedding_dim": 8,
    "hidden_size": 8,
    "batch_size": 8,
    "learning_rate": 0.03,
    "pictures": False,
    "progress": False,
    "patience": 0,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    rows = {"train": 64, "dev": 32, "test": 64, "unlabeled": 128}
    return generated.write_corpus(str(folder / "corpus"), rows=rows)


@pytest.fixture(scope="module")
def teacher_dirs(corpus, tmp_path_factory):
    """Ended runs: one of all tasks, one of single-task models of two tasks."""
    folder = tmp_path_factory.mktemp("teachers")
    launcher.train(make_config(corpus, folder / "all", epochs=4))
    launcher.train(
        make_config(
            corpus,
            folder / "single",
            sharing="single_task",
            tasks=("games", "books"),
            max_tokens=7,
            epochs=2,
        )
    )
    return str(folder / "all"), str(folder / "single")


def make_config(corpus, run_dir, **settings):
    return config_lib.Config(
        data_dir=corpus, run_dir=str(run_dir), **MODEL | settings
    )


def make_student(corpus, run_dir, teacher_dirs, **settings):
    return make_config(
        corpus,
        run_dir,
        **{"teachers": teacher_dirs, "unlabeled": True} | settings,
    )


def unlabeled_texts(corpus, task):
    columns = records.read_columns(corpus, task, "unlabeled", ("seq2",))
    return [text.decode("utf-8") for text in columns["seq2"]]


def test_pseudo_labels_are_the_mean_of_the_teachers_that_know_a_task(
    corpus, teacher_dirs, tmp_path
):
    config = make_student(corpus, tmp_path / "student", teacher_dirs)
    experiment = experiment_lib.Experiment(config)
    models = [trained_model.load(x) for x in teacher_dirs]
    for task, splits in zip(experiment.tasks, experiment.splits, strict=True):
        texts = unlabeled_texts(corpus, task.name)
        assert len(texts) == 128
        predicted = [
            model.predict(task.name, texts).probabilities
            for model in models
            if task.name in {x.name for x in model.tasks}
        ]
        assert len(predicted) == (1 if task.name == "films" else 2)
        actual = splits["unlabeled"].pseudo_labels
        assert actual.shape == (128, 3)
        np.testing.assert_allclose(
            actual[:, : len(task.labels)],
            np.mean(predicted, axis=0),
            atol=1e-5,
        )
        assert not actual[:, len(task.labels) :].any()


def test_rows_keep_their_pseudo_labels_in_batches(
    corpus, teacher_dirs, tmp_path
):
    config = make_student(corpus, tmp_path / "student", teacher_dirs[:1])
    experiment = experiment_lib.Experiment(config)
    seen = 0
    batches = experiment.batches.generate(0)
    for _ in range(3):
        batch = next(batches)["unlabeled"]
        for index, task_id in enumerate(batch["task_ids"]):
            split = experiment.splits[task_id]["unlabeled"]
            longest = split.lengths.max()
            rows = split.pad(np.arange(len(split)), longest)
            for token_ids, pseudo_label in zip(
                batch["token_ids"][index],
                batch["pseudo_labels"][index],
                strict=True,
            ):
                # Padding is 0.
                padded = np.pad(token_ids, (0, longest - len(token_ids)))
                (equal,) = np.nonzero((rows == padded).all(axis=1))
                # Equal token ids have equal pseudo-labels.
                for row in equal:
                    np.testing.assert_allclose(
                        split.pseudo_labels[row], pseudo_label, atol=1e-6
                    )
                seen += len(equal) > 0
    assert seen == 3 * 3 * 8


def test_loss_is_that_of_equation_7():
    settings = {
        "sharing": "fully_shared",
        "optimizer": "sgd",
        "learning_rate": 1.0,
        "unlabeled": True,
        "teachers": ("run",),
        "task_weights": ("a:0", "b:0", "c:0"),
        "pseudo_label_weight": 0.7,
        "pseudo_label_threshold": 0.6,
    }
    trainer = trainers.make_trainer(**settings)
    batch = trainers.make_batch()
    unlabeled = trainers.make_batch((0, 1, 2), 4, seed=1, unlabeled=True)
    random = np.random.default_rng(0)
    z = random.dirichlet([0.5] * 3, (3, 4)).astype(np.float32)
    # Tasks a and c have two labels.
    z[[0, 2]] = np.stack(
        [z[[0, 2], :, 0], 1 - z[[0, 2], :, 0], 0 * z[[0, 2], :, 0]], -1
    )
    batch["unlabeled"] = {**unlabeled, "pseudo_labels": z}
    logits = trainer.model(trainers.inputs(unlabeled))["logits"].numpy()
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    accepted = z.max(axis=-1) >= 0.6
    assert 0 < accepted.sum() < accepted.size
    expected = (((p - z) ** 2).sum(axis=-1) * accepted).mean()
    before = trainers.values(trainer)
    logs = trainer.train_step(batch)
    assert float(logs["loss/pseudo_label"]) == pytest.approx(expected, rel=1e-5)
    assert float(logs["loss/total"]) == pytest.approx(0.7 * expected, rel=1e-5)
    assert float(logs["pseudo_label/accepted"]) == pytest.approx(
        accepted.mean()
    )
    changed = trainers.changed(before, trainers.values(trainer))
    assert "model/head/softmax_head/kernel" in changed


def test_student_with_few_labels_learns_from_teachers(
    corpus, teacher_dirs, tmp_path
):
    # A teacher has 64 labels of each task, and a student 4.
    few = {"max_train_examples": ("4",), "steps_per_epoch": 30, "epochs": 2}

    def accuracy(run_dir, **settings):
        results = launcher.train(
            dataclasses.replace(
                make_config(corpus, tmp_path / run_dir, **few), **settings
            )
        )
        return results["average"][results_lib.MAIN]["test"]["accuracy"]

    without = accuracy("without")
    taught = accuracy(
        "taught",
        teachers=teacher_dirs[:1],
        unlabeled=True,
        pseudo_label_weight=10.0,
    )
    teacher = run_directory.read_results(teacher_dirs[0])
    of_teacher = teacher["average"][results_lib.MAIN]["test"]["accuracy"]
    assert of_teacher > without + 0.1
    assert taught > without + 0.5 * (of_teacher - without)


def test_student_resumes_without_its_teachers(corpus, teacher_dirs, tmp_path):
    copy = shutil.copytree(teacher_dirs[0], tmp_path / "teacher")
    settings = {"epochs": 2, "pseudo_label_weight": 3.0, "word_dropout": 0.1}
    unbroken = make_student(
        corpus, tmp_path / "unbroken", teacher_dirs[:1], **settings
    )
    launcher.train(unbroken)
    broken = dataclasses.replace(
        unbroken, run_dir=str(tmp_path / "broken"), teachers=(str(copy),)
    )
    launcher.train(dataclasses.replace(broken, epochs=1))
    shutil.rmtree(copy)
    os.remove(tmp_path / "broken" / run_directory.RESULTS_FILE)
    launcher.train(broken)
    trained_runs.assert_same_end(unbroken.run_dir, broken.run_dir)
    # Nor does evaluation need them.
    scores = launcher.evaluate(broken)
    assert (
        scores["average"]
        == run_directory.read_results(broken.run_dir)["average"]
    )
    path = tmp_path / "broken" / FILE
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{FILE} is damaged: .*; put back"):
        launcher.evaluate(broken)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"teachers": ("{new}",)}, "a run can't be its own teacher"),
        ({"teachers": ("{corpus}",)}, "holds no run: config.json is missing"),
        (
            {"teachers": ("{single}",)},
            "none of them knows films, whose unlabeled texts need",
        ),
    ],
    ids=["itself", "no run", "unknown task"],
)
@pytest.mark.parametrize("num_runs", [1, 2])
def test_unsuitable_teacher_is_refused_before_anything_is_written(
    corpus, teacher_dirs, tmp_path, settings, message, num_runs
):
    paths = {
        "new": tmp_path / "new",
        "corpus": corpus,
        "single": teacher_dirs[1],
    }
    run_dirs = tuple(x.format(**paths) for x in settings["teachers"])
    config = make_student(corpus, paths["new"], run_dirs, num_runs=num_runs)
    with pytest.raises(ValueError, match=rf"^teachers.*{message}"):
        launcher.train(config)
    assert not os.path.exists(config.run_dir)


def test_unfinished_run_is_no_teacher(corpus, teacher_dirs, tmp_path):
    copy = shutil.copytree(teacher_dirs[0], tmp_path / "teacher")
    os.remove(copy / run_directory.RESULTS_FILE)
    config = make_student(corpus, tmp_path / "new", (str(copy),))
    tasks = tasks_lib.Corpus.read(corpus).tasks
    with pytest.raises(ValueError, match=r"^teachers=.* holds no results"):
        teachers.check(config, tasks)


def test_teacher_of_another_corpus_is_refused(corpus, teacher_dirs, tmp_path):
    tasks = tasks_lib.Corpus.read(corpus).tasks
    config = make_student(corpus, tmp_path / "new", teacher_dirs[:1])
    other = [
        dataclasses.replace(task, labels=("left", "right")) for task in tasks
    ]
    with pytest.raises(
        ValueError,
        match=r"labels of books were \['bad', 'good'\] and are \['left', 'ri",
    ):
        teachers.check(config, other)
    data_dir = shutil.copytree(corpus, tmp_path / "other")
    vocabulary_lib.Vocabulary(
        (*vocabulary_lib.SPECIAL_TOKENS, "foreign")
    ).write(str(data_dir / vocabulary_lib.VOCABULARY_FILE))
    config = dataclasses.replace(config, data_dir=str(data_dir))
    with pytest.raises(ValueError, match="another corpus, with another voc"):
        teachers.check(config, tasks)
