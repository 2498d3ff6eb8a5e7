"""Sections of an analysis on the page of a run."""

import pytest

from mtl_tf.reporting.html import analysis
from mtl_tf.reporting.html import page
from mtl_tf.runs import run_directory
from mtl_tf.utils import checksums
from tests.helpers import page_reader
from tests.helpers import run_artifacts

TEXT = {
    "task": "reviews",
    "labels": ["bad", "mixed", "good"],
    "seq1": "a <first> text",
    "words": ["not", "good"],
    "unknown": [False, True],
    "probabilities": [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]],
    "neurons": {
        "shared": {
            "indices": [4],
            "activations": [[0.5], [-0.5]],
            "num_neurons": 5,
            "is_given": False,
        }
    },
}


def words(*names):
    by_neuron = {str(neuron): list(names) for neuron in range(20)}
    return {"words": list(names), "by_neuron": by_neuron}


NEURON_WORDS = {
    "min_count": 5,
    "words_by_neuron": 10,
    "specific_ratio": 4.0,
    "shared": words("good", "<3"),
    "tasks": {
        "reviews": {
            "num_candidates": 1234,
            "specific": 0.25,
            "encoders": {"shared": words("x"), "private": words("plot")},
            "specific_by_encoder": {"shared": 0.125, "private": 0.5},
            "overlap": 0.0625,
            "random_overlap": 0.01,
        }
    },
    "overlap": 0.0625,
    "random_overlap": 0.01,
    "specific": 0.25,
    "specific_by_encoder": {"shared": 0.125, "private": 0.5},
}


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    data_dir = run_artifacts.write_corpus(str(folder / "corpus"))
    return run_artifacts.write_run(str(folder / "run"), data_dir)


@pytest.fixture
def write(run_dir, tmp_path):
    """Writes the page of the run with an analysis."""

    def write(sections, **kwargs):
        run_directory.write_json(
            f"{run_dir}/analysis.json",
            checksums.sign({"schema": 1, **sections}),
        )
        path = page.write(run_dir, path=str(tmp_path / "page.html"), **kwargs)
        return page_reader.ParsedPage(path)

    return write


def test_text_is_shown_word_by_word(write):
    parsed = write({"text": TEXT})
    assert "A text, word by word" in parsed.headings
    assert "Activations of neurons" in parsed.text
    assert "Words of neurons" not in parsed.headings
    assert "task reviews up to and including each word" in parsed.text
    assert "Prediction for the whole text: bad." in parsed.text
    assert "a <first> text" in parsed.text


def test_text_without_neurons(write):
    parsed = write({"text": TEXT | {"neurons": {}}})
    assert "A text, word by word" in parsed.headings
    assert "Activations of neurons" not in parsed.text


def test_notexts_hides_the_text(write):
    parsed = write({"text": TEXT, "neuron_words": NEURON_WORDS}, texts=False)
    assert "A text, word by word" not in parsed.headings
    assert "Words of neurons" in parsed.headings


def test_words_of_neurons(write):
    parsed = write({"neuron_words": NEURON_WORDS})
    assert "A text, word by word" not in parsed.headings
    table = parsed.table("encoder")
    assert table["shared"] == ["good <3"]
    assert table["reviews"] == ["plot"]
    numbers = ["25.0", "12.5", "50.0", "6.2", "1.0"]
    table = parsed.table("task", "words")
    assert table == {"reviews": ["1,234", *numbers], "average": ["", *numbers]}
    assert "more than 4 times as frequent" in parsed.text


def test_words_of_one_encoder_of_one_task(write):
    nothing = dict.fromkeys(("overlap", "random_overlap", "specific"))
    task = {
        **NEURON_WORDS["tasks"]["reviews"],
        **nothing,
        "encoders": {"private": words("plot")},
        "specific_by_encoder": None,
    }
    parsed = write(
        {
            "neuron_words": {
                **NEURON_WORDS,
                **nothing,
                "shared": None,
                "tasks": {"reviews": task},
                "specific_by_encoder": {"private": None},
            }
        }
    )
    assert parsed.table("encoder") == {"reviews": ["plot"]}
    assert "Overlap" not in parsed.text


def test_run_without_enough_words(write):
    assert "Words of neurons" not in write({"neuron_words": None}).headings


def test_first_neurons_are_listed():
    shared, private = analysis.encoder_words(NEURON_WORDS)
    assert (shared.name, private.name) == ("shared", "reviews")
    assert list(shared.by_neuron) == [str(index) for index in range(12)]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
