import re

import pytest

from mtl_tf.reporting.html import page
from tests.helpers import page_reader
from tests.helpers import run_artifacts


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a corpus and runs."""
    root = tmp_path_factory.mktemp("root")
    data_dir = run_artifacts.write_corpus(str(root / "corpus"))
    for name, settings in {
        "adversarial": {"adversarial_weight": 0.05},
        "single": {"sharing": "single_task", "seed": 3},
        "seeds": {"num_runs": 2, "seed": 5},
        "stance": {"tasks": run_artifacts.TASKS[1:]},
    }.items():
        run_artifacts.write_run(str(root / name), data_dir, **settings)
    return root


@pytest.fixture
def without_drawing(monkeypatch):
    """Skips drawing, which takes most of the time."""
    monkeypatch.setattr(page.charts.inline_svg, "embed", lambda *_: "")


@pytest.fixture(scope="module")
def compared(root):
    return page_reader.ParsedPage(
        page.compare(
            [str(root / name) for name in ("single", "adversarial", "seeds")],
            str(root / "new folder" / "comparison.html"),
        )
    )


def test_runs_on_different_corpora_are_an_error(root, tmp_path):
    data_dir = run_artifacts.write_corpus(str(tmp_path / "corpus"), "beef")
    other = run_artifacts.write_run(str(tmp_path / "run"), data_dir)
    with pytest.raises(ValueError, match="use different corpora"):
        page.compare([str(root / "single"), other], str(tmp_path / "x.html"))


def test_sections_of_the_comparison(compared):
    assert compared.headings == [
        "3 runs on made_up",
        "Test scores",
        "Significance tests against A: single-task",
        "Training",
        "Disagreements",
        "Settings",
    ]
    assert "B (adversarial shared-private) against A" in compared.text
    assert "C (shared-private) against A" in compared.text


def test_runs_are_named_by_what_differs(compared):
    names = ["single-task", "adversarial shared-private", "shared-private"]
    table = compared.table("run", "name")
    assert [row[0] for row in table.values()] == names
    scores = compared.tables[1][0][-3:]
    assert scores == [
        f"{letter}{name}" for letter, name in zip("ABC", names, strict=True)
    ]
    # Above the table, and in both charts, shortened.
    assert compared.text.count("A: single-task") >= 3


def test_settings_that_differ(compared):
    table = compared.table("setting", "A", "B", "C")
    assert table["sharing"][:3] == [
        "single_task",
        "shared_private",
        "shared_private",
    ]
    assert table["num_runs"][:3] == ["1", "1", "2"]
    assert "hidden_size" not in table


def test_the_best_score_is_marked(compared):
    table = compared.table("task", "metric", "test texts", "majority")
    # Cells are a score, a deviation and an interval, without spaces.
    values = [
        re.match(r"\d+\.\d", cell).group() for cell in table["stance"][3:]
    ]
    assert len(values) == 3
    best = max(values, key=float)
    assert f'<td class="best">{best}' in compared.source.replace("\n", "")


def test_examples_of_the_comparison(compared):
    assert re.search(r"A: .* with [\d.]+ %; B: .*; C: ", compared.text)
    assert "of stance" in compared.text


@pytest.mark.usefixtures("without_drawing")
def test_the_comparison_without_texts(root, tmp_path):
    parsed = page_reader.ParsedPage(
        page.compare(
            [str(root / "single"), str(root / "adversarial")],
            str(tmp_path / "comparison.html"),
            texts=False,
        )
    )
    assert "Disagreements" not in parsed.headings
    assert "of stance" not in parsed.text


@pytest.mark.usefixtures("without_drawing")
def test_tasks_that_some_runs_lack_are_left_out(root, tmp_path):
    parsed = page_reader.ParsedPage(
        page.compare(
            [str(root / "adversarial"), str(root / "stance")],
            str(tmp_path / "comparison.html"),
        )
    )
    assert "Left out, because not all runs have them: reviews." in parsed.text
    table = parsed.table("task", "metric", "test texts", "majority")
    assert list(table) == ["stance", "average"]
    assert table["average"][3:] == table["stance"][3:]


def test_runs_without_a_common_task_are_an_error(root, tmp_path):
    part = str(root / "single" / "tasks" / "reviews")
    with pytest.raises(ValueError, match=r"no task in common: .* has reviews"):
        page.compare([part, str(root / "stance")], str(tmp_path / "x.html"))


def test_a_single_run_is_an_error(root, tmp_path):
    with pytest.raises(ValueError, match="expected at least 2 runs"):
        page.compare([str(root / "single")], str(tmp_path / "x.html"))


def test_letters_of_many_runs_are_distinct():
    letters = [page.letter(index) for index in range(60)]
    assert letters[:2] == ["A", "B"]
    assert len(set(letters)) == 60


def test_the_comparison_is_self_contained(compared):
    compared.check_is_self_contained()


def test_links_of_the_comparison_have_targets(compared):
    compared.check_links()


def test_directories_may_break_after_their_slashes(compared, root):
    path = str(root / "single").replace("/", "/<wbr>")
    assert f'<code class="path">{path}</code>' in compared.source
    assert compared.table("run", "name", "model")["A"][-1] == str(
        root / "single"
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
