"""`--mode=analyze --text`: what it prints and leaves."""

import functools
import json
import os
import shutil

import matplotlib.image
import numpy as np
import pytest

from mtl_tf.cli import text_analysis
from mtl_tf.config import command as command_lib
from mtl_tf.evaluation import text_analysis as text_analysis_lib
from mtl_tf.runs import analysis_file
from mtl_tf.runs import run_directory
from mtl_tf.serving import trained_model
from mtl_tf.utils import checksums
from tests.helpers import generated
from tests.helpers import trained_runs

pytestmark = pytest.mark.slow

TEXT = "Good1, but nowhere bad2"
WORDS = ("good1", ",", "but", "nowhere", "bad2")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Runs whose corpus is gone."""
    root = tmp_path_factory.mktemp("runs")
    corpus = generated.write_corpus(
        str(root / "corpus"),
        rows={"train": 24, "dev": 8, "test": 8},
        task_names=("books", "films"),
    )
    settings = {"embedding_dim": 3, "hidden_size": 3}
    trained_runs.leave_run(corpus, str(root / "lstm"), **settings)
    trained_runs.leave_run(
        corpus,
        str(root / "words"),
        encoder="bag_of_words",
        pooling="mean",
        max_tokens=3,
        adversarial_weight=0.0,
    )
    shutil.rmtree(corpus)
    return root


@pytest.fixture(scope="module")
def run_dir(root):
    return root / "lstm"


@pytest.fixture(scope="module", autouse=True)
def load():
    """Loads each model once."""
    with pytest.MonkeyPatch.context() as patch:
        load = functools.cache(trained_model.load)
        patch.setattr(trained_model, "load", load)
        yield


def make(**settings):
    return command_lib.Command(
        mode="analyze", **{"task": "films", "text": TEXT} | settings
    )


def predict(run_dir, task, end):
    """Predicts for the text up to a word."""
    model = trained_model.load(run_dir)
    text = " ".join(WORDS[:end])
    return model.predict(task, [text]).probabilities[0]


def test_run(run_dir):
    run_dir = str(run_dir)
    printed = text_analysis.run(make(neurons=("private:2",)), run_dir)
    lines = printed.splitlines()
    probabilities = predict(run_dir, "films", 4)
    assert lines[0].split() == ["text", "up", "to", "poor", "fair", "great"]
    assert lines[4].split() == [
        "nowhere",
        *(f"{x:.3f}" for x in probabilities),
        *("not", "in", "the", "vocabulary"),
    ]
    assert lines[6] == "private: 1 of 3 neurons: 2"
    pictures = [f"{run_dir}/figures/{x}.svg" for x in ("unfolding", "neurons")]
    assert lines[7:] == [f"picture: {path}" for path in pictures]
    for path in pictures:
        with open(path, encoding="utf-8") as file:
            assert "bad2" in file.read()
    section = analysis_file.read(run_dir)["text"]
    analysis = text_analysis_lib.TextAnalysis.from_dict(section)
    assert analysis.words == WORDS
    np.testing.assert_allclose(
        analysis.probabilities[3], probabilities, atol=1e-4
    )
    assert set(analysis.neurons) == {"private"}


def test_other_sections_are_kept(run_dir):
    path = run_dir / "analysis.json"
    # Each test writes it again.
    probes = {"shared": {"linear": 0.5, "mlp": 0.5, "majority": 0.5}}
    written = checksums.sign({"schema": 1, "probes": probes})
    run_directory.write_json(str(path), written)
    text_analysis.run(make(), str(run_dir))
    analysis = analysis_file.read(str(run_dir))
    assert set(analysis) == {"schema", "probes", "text"}
    assert analysis["probes"] == probes
    path.write_text(json.dumps({**analysis, "checksum": "0"}))
    before = os.listdir(run_dir / "figures")
    with pytest.raises(ValueError, match=r"analysis\.json was changed after"):
        text_analysis.run(make(), str(run_dir))
    assert os.listdir(run_dir / "figures") == before
    os.remove(path)


def test_bag_of_words_has_no_neurons(root):
    run_dir = str(root / "words")
    printed = text_analysis.run(make(), run_dir)
    assert "No neurons: " in printed
    assert "has encoder=bag_of_words, which has no states" in printed
    assert os.listdir(f"{run_dir}/figures") == ["unfolding.svg"]


@pytest.mark.parametrize("task", ["books", "films"])
def test_several_runs(root, tmp_path, task):
    runs = [str(root / name) for name in ("lstm", "words")]
    path = str(tmp_path / "picture.png")
    printed = text_analysis.compare(make(task=task, runs=runs, output=path))
    lines = printed.splitlines()
    last = predict(runs[0], task, 5)
    # Of two labels the last one, of three the one that the first run predicts.
    index = 1 if task == "books" else int(last.argmax())
    label = generated.LABELS[task][index]
    assert lines[0] == f"Probability of {label}:"
    assert "lstm (adversarial shared-private)" in lines[1]
    assert lines[1].strip().endswith("words (shared-private)")
    values = [predict(run, task, 3)[index] for run in runs]
    assert lines[4].split()[:3] == ["but", *(f"{x:.3f}" for x in values)]
    # The second run reads three words.
    value = predict(runs[0], task, 4)[index]
    assert lines[5].split()[:3] == ["nowhere", f"{value:.3f}", "–"]
    assert lines[-1] == f"picture: {path}"
    assert matplotlib.image.imread(path).ndim == 3
    assert not os.path.exists(f"{runs[0]}/analysis.json")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
