import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.html import page
from tests.helpers import page_reader
from tests.helpers import run_artifacts


@pytest.fixture
def undrawn(monkeypatch):
    """For tests that look at no pictures: drawing takes most of the time."""
    monkeypatch.setattr(page.charts, "data_uri", lambda _: "data:,")


def test_nothing_hides_or_moves_the_page(tmp_path, undrawn):
    odd = tasks_lib.Task("odd", ("two\nlines", "\u202eevil", "tab\there"))
    data_dir = run_artifacts.write_corpus(
        str(tmp_path / "corpus"), tasks=(odd,), name="cor\u2066pus"
    )
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"),
        data_dir,
        tasks=(odd,),
        output_layer="label_embedding",
        word_vectors="vec\u202etors.txt",
    )
    found = page_reader.Reader(page.write(run_dir))
    hidden = {x for x in found.source if not x.isprintable()} - {"\n"}
    assert hidden == set()
    assert r"cor\u2066pus" in found.headings[0]
    assert r"vec\u202etors.txt" in found.text
    table = found.table("", r"two\nlines", r"\u202eevil", r"tab\there")
    assert list(table) == [r"two\nlines", r"\u202eevil", r"tab\there"]


def test_of_many_labels_the_page_has_the_most_frequent(tmp_path, undrawn):
    many = tasks_lib.Task("many", tuple(f"label {n}" for n in range(300)))
    data_dir = run_artifacts.write_corpus(
        str(tmp_path / "corpus"), tasks=(many,)
    )
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, tasks=(many,)
    )
    found = page_reader.Reader(page.write(run_dir))
    (table,) = [
        t for t in found.tables if t[0][-3:] == ["prec.", "recall", "F1"]
    ]
    assert len(table) == 22
    assert {len(line) for line in table} == {25}
    assert table[-1][0] == "other (280)"
    assert table[-1][-3:] == ["–", "–", "–"]
    assert sum(int(x) for line in table[1:] for x in line[1:-3]) == 40
    assert "The 20 labels most frequent in test, of 300; all others" in (
        found.text
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
