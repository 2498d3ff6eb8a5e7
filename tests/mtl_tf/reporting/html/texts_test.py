import shutil

import pytest

from mtl_tf.reporting.html import texts
from mtl_tf.runs import run_directory
from tests.helpers import run_artifacts


@pytest.fixture
def run(tmp_path):
    data_dir = run_artifacts.write_corpus(str(tmp_path / "corpus"))
    run_dir = run_artifacts.write_run(str(tmp_path / "run"), data_dir)
    return run_directory.Run.read(run_dir)


def test_texts_are_read_by_id(run):
    texts.check(run)
    actual = texts.read(run, "stance", ["stance-test-3<b>", "stance-test-0<b>"])
    script = run_artifacts.SCRIPT
    assert actual == {
        f"stance-test-{row}<b>": texts.Text(
            f"topic {row} {script}", f"text {row} of stance {script}"
        )
        for row in (0, 3)
    }
    (text,) = texts.read(run, "reviews", ["reviews-test-1<b>"]).values()
    assert text.seq1 == ""


def test_a_missing_corpus_is_an_error(run, tmp_path):
    shutil.rmtree(tmp_path / "corpus")
    with pytest.raises(ValueError, match="corpus holds no prepared corpus"):
        texts.check(run)


def test_a_different_corpus_is_an_error(run, tmp_path):
    run_artifacts.write_corpus(str(tmp_path / "corpus"), "beef")
    with pytest.raises(ValueError, match="its fingerprint differs"):
        texts.check(run)


def test_short_texts_are_unchanged():
    text = "a" * texts.LENGTH
    assert texts.shorten(text) == text


def test_long_texts_keep_whole_words_of_both_ends():
    words = [f"word{index}" for index in range(500)]
    actual = texts.shorten(" ".join(words))
    assert len(actual) <= texts.LENGTH
    assert len(actual) > texts.LENGTH - 20
    head, tail = actual.split(" [...] ")
    assert abs(len(head) - len(tail)) < 10
    head, tail = head.split(), tail.split()
    assert head == words[: len(head)]
    assert tail == words[-len(tail) :]


def test_long_texts_without_spaces_are_cut():
    actual = texts.shorten("語" * 1000, 101)
    assert actual == "語" * 47 + " [...] " + "語" * 47


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
