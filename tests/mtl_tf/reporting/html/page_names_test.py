import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.html import page
from tests.helpers import page_reader
from tests.helpers import run_artifacts


@pytest.fixture
def without_drawing(monkeypatch):
    """Skips drawing, which takes most of the time."""
    monkeypatch.setattr(page.charts.inline_svg, "embed", lambda *_: "")


def test_names_cannot_hide_or_reorder_text(tmp_path, without_drawing):
    odd = tasks_lib.Task("odd", ("two\nlines", "\u202eevil", "tab\there"))
    data_dir = run_artifacts.write_corpus(
        str(tmp_path / "corpus"), tasks=(odd,), name="cor\u2066pus"
    )
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"),
        data_dir,
        tasks=(odd,),
        output_layer="label_embedding",
        word_vectors=["vec\u202etors.txt"],
    )
    parsed = page_reader.ParsedPage(page.write(run_dir))
    hidden = {x for x in parsed.source if not x.isprintable()} - {"\n"}
    assert hidden == set()
    assert r"cor\u2066pus" in parsed.headings[0]
    assert r"vec\u202etors.txt" in parsed.text
    names = [r"two\nlines", r"\u202eevil", r"tab\there"]
    table = parsed.table("", "prec.", "recall", "F1", *names)
    assert list(table) == names


def test_the_page_shows_the_most_frequent_of_many_labels(
    tmp_path, without_drawing
):
    many = tasks_lib.Task("many", tuple(f"label {n}" for n in range(300)))
    data_dir = run_artifacts.write_corpus(
        str(tmp_path / "corpus"), tasks=(many,)
    )
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, tasks=(many,)
    )
    parsed = page_reader.ParsedPage(page.write(run_dir))
    (table,) = [
        t for t in parsed.tables if t[0][:4] == ["", "prec.", "recall", "F1"]
    ]
    assert len(table) == 42
    assert {len(row) for row in table} == {45}
    assert table[-1][:4] == ["other (260)", "–", "–", "–"]
    counts = [int(x) for row in table[1:] for x in row[4:] if x]
    assert sum(counts) == 40
    # Zeros are empty cells.
    assert min(counts) == 1
    assert "The 40 most frequent of 300 labels on test" in parsed.text


@pytest.mark.parametrize(("num_labels", "is_compact"), [(3, False), (30, True)])
def test_a_table_of_many_labels_is_compact_and_scrolls(
    tmp_path, without_drawing, num_labels, is_compact
):
    task = tasks_lib.Task("t", tuple(f"label {n}" for n in range(num_labels)))
    data_dir = run_artifacts.write_corpus(
        str(tmp_path / "corpus"), tasks=(task,)
    )
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, tasks=(task,)
    )
    source = page_reader.ParsedPage(page.write(run_dir)).source
    kind = " compact" if is_compact else ""
    assert f'<div class="wide"><table class="confusion{kind}">' in source
    assert ".wide { overflow-x: auto; }" in source


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
