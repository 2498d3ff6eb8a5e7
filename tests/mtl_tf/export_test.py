import json
import os
import pickle
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf import config as config_lib
from mtl_tf import evaluation
from mtl_tf import experiment as experiment_lib
from mtl_tf import export
from mtl_tf import input_pipeline
from mtl_tf import launcher
from mtl_tf import records
from mtl_tf import run_directory
from mtl_tf import trained_model
from tests import generated

_SETTINGS = {
    "encoder": "lstm",
    "pooling": "last",
    "units": 3,
    "word_width": 4,
    "init_range": 1.0,
    "batch_size": 8,
    "epochs": 1,
    "steps_per_epoch": 2,
    "max_tokens": 10,
    "stop_on": "films",
    # Which an export has to leave behind.
    "adversarial_weight": 0.1,
    "feature_dropout": 0.5,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def corpus(folder):
    return generated.write_corpus(
        str(folder / "corpus"),
        rows={"train": 24, "dev": 12, "test": 24},
        task_names=("books", "films"),
        pairs=("books",),
    )


@pytest.fixture(scope="module")
def expected(corpus, folder):
    """Trains, exports; what the evaluation says of test, by task.

    `run` is then the run, and `moved` its export, in a place of its own.
    """
    config = config_lib.Config(
        data_dir=corpus, run_dir=str(folder / "first"), **_SETTINGS
    )
    experiment = experiment_lib.Experiment(config)
    experiment.run()
    path = export.write(config.run_dir)
    assert path == os.path.join(config.run_dir, "export")
    shutil.move(path, folder / "moved")
    # Nothing is left where it was written.
    shutil.move(config.run_dir, folder / "run")
    return {
        task.name: evaluation.Predictor(
            experiment.model, experiment.tasks
        ).predict(
            input_pipeline.read_split(
                experiment.corpus, experiment.tasks, number, "test", config
            )
        )
        for number, task in enumerate(experiment.tasks)
    }


@pytest.fixture(scope="module")
def moved(expected, folder):
    return str(folder / "moved")


@pytest.fixture(scope="module")
def run_dir(expected, folder):
    return str(folder / "run")


@pytest.fixture
def copy(run_dir, tmp_path):
    return shutil.copytree(run_dir, str(tmp_path / "copy"))


@pytest.fixture(scope="module")
def loaded(moved):
    return tf.saved_model.load(moved)


@pytest.fixture
def unsaved(monkeypatch):
    """The signatures that would be saved: saving takes seconds."""
    saved = []

    def save(module, path, signatures):
        del module
        os.makedirs(path)
        saved.append(signatures)

    monkeypatch.setattr(export.tf.saved_model, "save", save)
    return saved


def read_texts(corpus, task):
    """The arguments of a task's signature for its test texts."""
    rows = list(records.read_rows(corpus, task, "test"))
    seq2 = np.array([row.seq2.encode() for row in rows], object)
    if task == "films":
        return {"text": seq2}
    return {
        "seq1": np.array([row.seq1.encode() for row in rows], object),
        "seq2": seq2,
    }


def call(signature, **arguments):
    return signature(
        **{name: tf.constant(x, tf.string) for name, x in arguments.items()}
    )


# What a stranger's program does.
_STRANGER = r"""
import pickle
import sys


class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in ("mtl_tf", "data_prep"):
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Hidden)
try:
    import mtl_tf
except ModuleNotFoundError:
    pass
else:
    sys.exit("the package can be imported")

import tensorflow as tf
import tensorflow_text

model = tf.saved_model.load(sys.argv[1])
with open(sys.argv[2], "rb") as file:
    calls = pickle.load(file)
answers = []
for name, arguments in calls:
    arguments = {k: tf.constant(v, tf.string) for k, v in arguments.items()}
    found = model.signatures[name](**arguments)
    answers.append({k: v.numpy() for k, v in found.items()})
with open(sys.argv[3], "wb") as file:
    pickle.dump(answers, file)
"""
_HOSTILE = [
    b"",
    b"good1 " * 170_000,
    b"\xff\xfe good1 \xc3",
    b"\x00 good1 \x00 bad1",
    " \u3000\n".encode(),
]


def ask_a_stranger(folder, path, calls):
    """What signatures answer in a process that knows TensorFlow alone."""
    questions, answers = folder / "questions", folder / "answers"
    questions.write_bytes(pickle.dumps(calls))
    done = subprocess.run(
        [sys.executable, "-I", "-c", _STRANGER, path, questions, answers],
        cwd=folder,
        env={"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return pickle.loads(answers.read_bytes())


def test_a_stranger_gets_the_answers_of_the_evaluation(
    corpus, expected, moved, tmp_path
):
    books, films = read_texts(corpus, "books"), read_texts(corpus, "films")
    many = np.tile(films["text"], 10_000 // 24 + 1)[:10_000]
    calls = [
        ("serve_books", books),
        ("serve_films", films),
        ("encode", films),
        ("encode_pairs", books),
        ("serve_films", {"text": _HOSTILE}),
        ("serve_books", {"seq1": _HOSTILE, "seq2": [b"good1"] * 5}),
        ("serve_films", {"text": []}),
        ("serve_films", {"text": many}),
        *(("serve_films", {"text": [text]}) for text in films["text"][:3]),
        ("serving_default", films),
    ]
    answers = ask_a_stranger(tmp_path, moved, calls)

    for task, answer in zip(("books", "films"), answers, strict=False):
        labels = generated.LABELS[task]
        probabilities = answer["probabilities"]
        assert probabilities.shape == (24, len(labels))
        assert np.ptp(probabilities[:, 0]) > 1e-3
        np.testing.assert_allclose(
            probabilities, expected[task].probabilities, atol=1e-6
        )
        names = np.array(labels, object).astype(bytes).astype(object)
        assert (answer["labels"] == names).all()
        assert answer["labels"].shape == probabilities.shape
        best = names[expected[task].predicted]
        assert answer["label"].tolist() == best.tolist()
    # In the order in which they were asked.
    for task, answer in (("films", answers[2]), ("books", answers[3])):
        np.testing.assert_allclose(
            answer["features"], expected[task].features["shared"], atol=1e-6
        )
    for answer in answers[4:6]:
        sums = answer["probabilities"].sum(axis=1)
        np.testing.assert_allclose(sums, np.ones(5), rtol=1e-6)
    none = answers[6]
    assert none["label"].shape == (0,)
    assert none["labels"].shape == none["probabilities"].shape == (0, 3)
    # Alone or among others.
    alone = answers[1]["probabilities"]
    np.testing.assert_allclose(
        answers[7]["probabilities"],
        np.tile(alone, (10_000 // 24 + 1, 1))[:10_000],
        atol=1e-6,
    )
    for row, answer in enumerate(answers[8:11]):
        np.testing.assert_allclose(
            answer["probabilities"][0], alone[row], atol=1e-6
        )
    # Of the task that training stopped on.
    np.testing.assert_array_equal(answers[11]["probabilities"], alone)


def test_a_session_gets_the_same_answers(corpus, expected, moved):
    """TensorFlow Serving runs graphs in sessions."""
    films = read_texts(corpus, "films")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], moved)
        signature = meta_graph.signature_def["serve_films"]
        probabilities = session.run(
            signature.outputs["probabilities"].name,
            {signature.inputs["text"].name: films["text"]},
        )
    np.testing.assert_allclose(
        probabilities, expected["films"].probabilities, atol=1e-6
    )


def test_signatures(loaded):
    texts, width = tf.TensorSpec([None], tf.string), 3
    inputs = {
        "serve_books": ["seq1", "seq2"],
        "serve_films": ["text"],
        "serving_default": ["text"],
        "encode": ["text"],
        "encode_pairs": ["seq1", "seq2"],
    }
    assert set(loaded.signatures) == set(inputs)
    for name, signature in loaded.signatures.items():
        positional, named = signature.structured_input_signature
        assert positional == ()
        assert sorted(named) == inputs[name]
        assert all(texts.is_compatible_with(x) for x in named.values())
        found = {
            key: (spec.dtype, spec.shape.as_list())
            for key, spec in signature.structured_outputs.items()
        }
        if name.startswith("encode"):
            assert found == {"features": (tf.float32, [None, width])}
            continue
        labels = 2 if name == "serve_books" else 3
        assert found == {
            "label": (tf.string, [None]),
            "labels": (tf.string, [None, labels]),
            "probabilities": (tf.float32, [None, labels]),
        }


def test_labels_file(moved):
    with open(os.path.join(moved, "labels.json"), encoding="utf-8") as file:
        found = json.load(file)
    assert found == {
        "schema": 1,
        "serving_default": "films",
        "signatures": {
            "serve_books": {
                "task": "books",
                "inputs": ["seq1", "seq2"],
                "labels": ["bad", "good"],
            },
            "serve_films": {
                "task": "films",
                "inputs": ["text"],
                "labels": ["poor", "fair", "great"],
            },
            "encode": {"inputs": ["text"], "width": 3},
            "encode_pairs": {"inputs": ["seq1", "seq2"], "width": 3},
        },
    }


def test_it_holds_the_model_and_nothing_else(moved, run_dir, folder):
    reader = tf.train.load_checkpoint(
        os.path.join(moved, "variables/variables")
    )
    held = {
        name: shape
        for name, shape in reader.get_variable_to_shape_map().items()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }
    best = tf.train.load_checkpoint(
        tf.train.latest_checkpoint(os.path.join(run_dir, "checkpoints/best"))
    )
    trained = {
        name: shape
        for name, shape in best.get_variable_to_shape_map().items()
        if name.startswith("model/") and "seed" not in name
    }
    assert sorted(held.values()) == sorted(trained.values())
    with open(os.path.join(moved, "saved_model.pb"), "rb") as file:
        graph = file.read()
    for word in (str(folder), "discriminator", "adam", "seed_generator"):
        assert word.encode() not in graph, word
    with open(os.path.join(moved, "assets/vocabulary.txt"), "rb") as file:
        vocabulary = file.read()
    with open(os.path.join(run_dir, "assets/vocabulary.txt"), "rb") as file:
        assert file.read() == vocabulary
    card = os.path.join(moved, "MODEL_CARD.md")
    with open(card, encoding="utf-8") as file:
        assert f"{sum(map(np.prod, held.values())):,} weights" in file.read()


def test_the_encoder_in_a_model_of_ones_own(moved):
    texts = keras.Input((), dtype="string")
    encoder = keras.layers.TFSMLayer(moved, call_endpoint="encode")
    features = encoder(texts)["features"]
    scores = keras.layers.Dense(2, activation="softmax")(features)
    model = keras.Model(texts, scores)
    assert model.output_shape == (None, 2)
    model.compile(
        keras.optimizers.Adam(0.05),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    before = [weight.numpy() for weight in encoder.weights]
    random = np.random.default_rng(0)
    labels = random.integers(2, size=32)
    words = [f"{('bad', 'good')[x]}{random.integers(4)}" for x in labels]
    history = model.fit(tf.constant(words), labels, epochs=40, verbose=0)
    loss = history.history["loss"]
    assert loss[-1] < 0.9 * loss[0]
    # The encoder is what it was.
    assert len(before) > 0
    for weight, value in zip(encoder.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    assert len(model.trainable_weights) == 2


def test_default_task(copy, unsaved):
    record = run_directory.read_config(copy)
    path = os.path.join(copy, run_directory.CONFIG_FILE)

    def default():
        signatures = unsaved[-1]
        (name,) = (
            name
            for name, function in signatures.items()
            if function is signatures["serving_default"]
            and name != "serving_default"
        )
        with open(os.path.join(copy, "export/labels.json")) as file:
            assert f"serve_{json.load(file)['serving_default']}" == name
        return name

    export.write(copy)
    assert default() == "serve_films"
    export.write(copy, default_task="books")
    assert default() == "serve_books"
    record["config"]["stop_on"] = "average"
    run_directory.write_json(path, record)
    export.write(copy)
    assert default() == "serve_books"
    with pytest.raises(ValueError, match=r"no task 'boks' .did you mean books"):
        export.write(copy, default_task="boks")


def test_an_export_is_replaced_as_a_whole_or_not_at_all(
    copy, unsaved, monkeypatch
):
    export.write(copy)
    stray = os.path.join(copy, "export", "stray")
    with open(stray, "w"):
        pass
    export.write(copy)
    kept = ["MODEL_CARD.md", "labels.json"]
    assert sorted(os.listdir(os.path.join(copy, "export"))) == kept
    before = sorted(os.listdir(copy))

    def full(path, value):
        raise OSError("no space left")

    monkeypatch.setattr(export.run_directory, "write_json", full)
    with pytest.raises(OSError, match="no space left"):
        export.write(copy)
    assert sorted(os.listdir(os.path.join(copy, "export"))) == kept
    assert sorted(os.listdir(copy)) == before


def test_a_calibrated_export(copy, corpus, loaded, tmp_path):
    path = export.write(copy, calibrated=True)
    with open(os.path.join(path, "labels.json"), encoding="utf-8") as file:
        temperatures = json.load(file)["calibrated"]
    model = trained_model.load(copy, calibrated=True)
    assert temperatures == model.temperatures
    assert list(temperatures) == ["books", "films"]
    texts = read_texts(corpus, "films")
    calibrated = tf.saved_model.load(path).signatures["serve_films"]
    found = call(calibrated, **texts)
    plain = call(loaded.signatures["serve_films"], **texts)
    assert found["label"].numpy().tolist() == plain["label"].numpy().tolist()
    # softmax(log p / T) = p ** (1 / T), normalised.
    scaled = plain["probabilities"].numpy() ** (1 / temperatures["films"])
    scaled /= scaled.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["probabilities"], scaled, atol=1e-5)


def test_a_model_for_each_task(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(
        launcher,
        "_run_all",
        lambda mode, configs, processes: [
            experiment_lib.Experiment(config).run() for config in configs
        ],
    )
    config = config_lib.Config(
        data_dir=corpus,
        run_dir=str(tmp_path / "run"),
        **_SETTINGS
        | {
            "sharing": "single_task",
            "adversarial_weight": 0.0,
            "encoder": "bag_of_words",
            "pooling": "mean",
        },
    )
    launcher.train(config)
    path = export.write(config.run_dir)
    # One vocabulary, though there are two models.
    assert os.listdir(os.path.join(path, "assets")) == ["vocabulary.txt"]
    shutil.move(path, tmp_path / "moved")
    model = trained_model.load(config.run_dir)
    expected = {}
    for task in ("books", "films"):
        texts = read_texts(corpus, task)
        first = texts.get("seq1", [b""] * 24)
        text_model, number = model.text_models[task]
        expected[task] = text_model.classify(
            number, first, texts.get("seq2", texts.get("text"))
        )
    shutil.rmtree(config.run_dir)
    served = tf.saved_model.load(str(tmp_path / "moved")).signatures
    assert set(served) == {"serve_books", "serve_films", "serving_default"}
    for task, probabilities in expected.items():
        found = call(served[f"serve_{task}"], **read_texts(corpus, task))
        np.testing.assert_allclose(
            found["probabilities"], probabilities, atol=1e-6
        )


def test_a_run_that_has_not_ended(copy):
    os.remove(os.path.join(copy, run_directory.RESULTS_FILE))
    with pytest.raises(ValueError, match=r"writes it when it has ended"):
        export.write(copy)
    assert not os.path.exists(os.path.join(copy, "export"))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
