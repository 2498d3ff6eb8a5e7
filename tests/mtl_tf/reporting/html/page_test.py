import json
import os
import re
import shutil

import pytest

from mtl_tf.reporting.html import page
from mtl_tf.runs import results
from mtl_tf.runs import run_directory
from mtl_tf.utils import checksums
from tests.helpers import page_reader
from tests.helpers import run_artifacts

SCRIPT = run_artifacts.SCRIPT
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a corpus and runs."""
    root = tmp_path_factory.mktemp("root")
    data_dir = run_artifacts.write_corpus(str(root / "corpus"))
    for name, settings in {
        "adversarial": {"adversarial_weight": 0.05, "main_task": SCRIPT},
        "single": {"sharing": "single_task", "seed": 3},
        "seeds": {"num_runs": 2, "seed": 5},
    }.items():
        run_artifacts.write_run(str(root / name), data_dir, **settings)
    run_artifacts.write_run(
        str(root / "stance"), data_dir, tasks=run_artifacts.TASKS[1:]
    )
    return root


@pytest.fixture
def undrawn(monkeypatch):
    """For tests that look at no pictures: drawing takes most of the time."""
    monkeypatch.setattr(page.charts, "data_uri", lambda _: "data:,")


@pytest.fixture(scope="module")
def plain(root):
    """The page of a run beside its single-task models."""
    path = page.write(
        str(root / "adversarial"), baseline_run=str(root / "single")
    )
    assert path == str(root / "adversarial" / "report.html")
    return page_reader.Reader(path)


@pytest.fixture(scope="module")
def compared(root):
    return page_reader.Reader(
        page.compare(
            [str(root / name) for name in ("single", "adversarial", "seeds")],
            str(root / "new folder" / "comparison.html"),
        )
    )


def test_the_page_has_its_sections(plain):
    assert plain.headings == [
        "Adversarial shared-private model on made_up",
        "Test scores",
        "Training",
        "Labels",
        "Calibration",
        "What was read",
        "Worst mistakes",
        "Features",
        "Settings and data",
    ]
    assert "Left out" not in plain.text


@pytest.mark.parametrize("name", ["plain", "compared"])
def test_the_page_needs_nothing_else(name, request):
    found = request.getfixturevalue(name)
    assert {"script", "link", "iframe", "object"}.isdisjoint(found.tags)
    for tag, attribute, address in found.references:
        if tag == "img":
            assert address.startswith("data:image/svg+xml;base64,")
        else:
            assert (tag, attribute) == ("a", "href")
            assert address.startswith("#")
    for forbidden in ("@import", "url(", "onload", "javascript:"):
        assert forbidden not in found.source


@pytest.mark.parametrize("name", ["plain", "compared"])
def test_links_of_the_page_lead_somewhere(name, request):
    found = request.getfixturevalue(name)
    links = [value for tag, _, value in found.references if tag == "a"]
    assert len(links) >= 5
    assert {link.removeprefix("#") for link in links} <= set(found.targets)
    assert len(found.targets) == len(set(found.targets))


def test_all_that_others_wrote_is_escaped(plain):
    """Texts, labels, settings and the license of the made-up run hold one."""
    for place in (
        f"of stance {ESCAPED}",
        f"topic 3 {ESCAPED}",
        f"<th>{ESCAPED}</th>",
        f'<td class="value">{ESCAPED}</td>',
        f"CC0 {ESCAPED}",
        f"<li>stance: 3 of 40 rows {ESCAPED}</li>",
        "stance-test-3&lt;b&gt;",
    ):
        assert re.search(re.escape(place).replace("3", r"\d+"), plain.source), (
            place
        )
    assert SCRIPT not in plain.source


def test_warnings_are_of_the_tasks_of_the_run(plain):
    assert "Warnings of its preparation" in plain.text
    assert "not here" not in plain.text


def test_the_table_of_scores(plain):
    table = plain.table("task", "metric", "test texts")
    assert list(table) == ["reviews", "stance", "average accuracy"]
    gold, ours = run_artifacts.answers(run_artifacts.TASKS[1], "test", 0)
    _, single = run_artifacts.answers(run_artifacts.TASKS[1], "test", 3)
    ours, single = ((p.argmax(axis=1) == gold) * 100 for p in (ours, single))
    assert "difference" in plain.tables[0][0]
    difference = ours.mean() - single.mean()
    assert difference
    metric, rows, majority, baseline, score, _, points, dedup = table["stance"]
    assert metric == "accuracy"
    assert rows == "40"
    assert majority == f"{100 * (gold == 0).mean():.1f}"
    assert baseline == f"{single.mean():.1f}"
    assert score == f"{ours.mean():.1f}"
    assert points == f"{difference:+.1f}".replace("-", "−")
    assert dedup == f"{ours[4:].mean():.1f}"
    best = max(ours.mean(), single.mean())
    assert f'<td class="best">{best:.1f}</td>' in plain.source


def test_the_row_of_averages_is_set_off_in_all_tables(plain):
    # Scores, and tests against the baseline.
    for table in re.findall(r"<tbody>(.*?)</tbody>", plain.source, re.DOTALL):
        lines = re.findall(r'<tr( class="average")?><td>([^<]*)', table)
        for mark, name in lines:
            assert bool(mark) == (name == "average accuracy")
    assert plain.source.count('<tr class="average"><td>average acc') == 2


def test_the_note_says_what_early_stopping_followed(plain):
    assert (
        "Early stopping and the best checkpoint followed dev: the score of "
        f"{SCRIPT} (--main_task)." in plain.text
    )


def test_accuracy_by_length(plain):
    # Texts of 10 to 49 tokens; so are those of stance.
    cells = plain.table("task", "from the shortest texts to the longest")
    assert [cell.split(" ", 1)[1] for cell in cells["reviews"]] == [
        "10–19 tokens, 10 texts",
        "20–29 tokens, 10 texts",
        "30–39 tokens, 10 texts",
        "40–49 tokens, 10 texts",
    ]
    gold, answers = run_artifacts.answers(run_artifacts.TASKS[1], "test", 0)
    correct = (answers.argmax(axis=1) == gold).reshape(4, 10).mean(axis=1)
    assert [cell.split()[0] for cell in cells["stance"]] == [
        f"{100 * share:.1f}" for share in correct
    ]


def test_directories_break_behind_their_slashes(compared, root):
    broken = str(root / "single").replace("/", "/<wbr>")
    assert f'<code class="path">{broken}</code>' in compared.source
    assert compared.table("run", "model")["A"][-1] == str(root / "single")


def test_curves_calibration_and_map_are_pictures(plain):
    assert plain.tags.count("img") == 3


@pytest.mark.usefixtures("undrawn")
def test_a_run_by_itself(root):
    found = page_reader.Reader(page.write(str(root / "adversarial")))
    table = found.table("task", "metric", "test texts")
    assert len(table["stance"]) == 6
    assert "difference" not in found.tables[0][0]
    assert "single-task" not in found.text
    assert "McNemar" not in found.text


def test_the_paper_is_not_cited_for_another_corpus(plain):
    assert "ACL" not in plain.text


@pytest.mark.usefixtures("undrawn")
def test_the_paper_s_scores(root, tmp_path):
    """On a corpus and tasks of the paper's names."""
    folder = tmp_path / "run"
    shutil.copytree(root / "stance", folder)
    for path in folder.rglob("*"):
        if path.suffix in (".json", ".jsonl"):
            text = path.read_text()
            text = text.replace("made_up", "fdu_mtl").replace("stance", "books")
            if '"checksum"' in text:
                text = json.dumps(checksums.sign(json.loads(text)))
            path.write_text(text)
        if "stance" in path.name:
            path.rename(path.with_name(path.name.replace("stance", "books")))
    results.write(
        str(folder), json.loads((folder / "results.json").read_text())
    )
    # There are no records of a task of this name.
    found = page_reader.Reader(page.write(str(folder)))
    assert "no records of task books" in found.text
    table = found.table("task", "metric", "test texts")
    # SP-MTL's error on books is 18.8 %.
    assert table["books"][-1] == table["average"][-1] == "81.2"
    assert "ACL 2017, Table 2" in found.text


@pytest.mark.usefixtures("undrawn")
def test_without_texts(root):
    found = page_reader.Reader(
        page.write(str(root / "adversarial"), texts=False)
    )
    assert "Worst mistakes" not in found.headings
    assert "text 3 of" not in found.text
    assert "reviews-test-" not in found.text


@pytest.mark.usefixtures("undrawn")
def test_without_the_corpus_there_are_ids(root, tmp_path):
    moved = tmp_path / "corpus"
    shutil.move(root / "corpus", moved)
    try:
        found = page_reader.Reader(page.write(str(root / "adversarial")))
    finally:
        shutil.move(moved, root / "corpus")
    assert "Ids alone" in found.text
    assert "holds no prepared corpus" in found.text
    assert "reviews-test-" in found.text
    assert "of stance" not in found.text


@pytest.mark.usefixtures("undrawn")
def test_what_is_missing_is_left_out_and_named(root, tmp_path):
    shutil.copytree(root / "adversarial", tmp_path / "run")
    os.remove(tmp_path / "run" / "features.npz")
    os.remove(tmp_path / "run" / "history.jsonl")
    shutil.rmtree(tmp_path / "run" / "predictions")
    found = page_reader.Reader(page.write(str(tmp_path / "run")))
    assert found.headings[1:] == ["Test scores", "Settings and data"]
    for name in ("features.npz", "history.jsonl", "reviews-dev.jsonl"):
        assert name in found.text
    assert "--mode=evaluate" in found.text


@pytest.mark.usefixtures("undrawn")
def test_probes_stand_with_the_features(root, tmp_path):
    shutil.copytree(root / "adversarial", tmp_path / "run")
    probe = {"linear": 0.29, "mlp": 0.3, "majority": 0.06}
    run_directory.write_json(
        str(tmp_path / "run" / "analysis.json"),
        checksums.sign({"probes": {"shared": probe}}),
    )
    found = page_reader.Reader(page.write(str(tmp_path / "run")))
    assert found.table("features")["shared"] == ["29.0", "30.0", "6.0"]


@pytest.mark.usefixtures("undrawn")
def test_a_run_of_single_tasks_shows_its_parts_together(root):
    found = page_reader.Reader(page.write(str(root / "single")))
    assert found.headings[0] == "Single-task models on made_up"
    for heading in ("Training", "Labels", "Calibration", "Worst mistakes"):
        assert heading in found.headings
    assert "Left out" not in found.text


@pytest.mark.usefixtures("undrawn")
def test_a_run_of_seeds(root):
    found = page_reader.Reader(
        page.write(str(root / "seeds"), baseline_run=str(root / "single"))
    )
    by_seed = found.table("task", "seed 5", "seed 6", "mean")
    scores = []
    for seed in (5, 6):
        gold, p = run_artifacts.answers(run_artifacts.TASKS[1], "test", seed)
        scores.append(100 * (p.argmax(axis=1) == gold).mean())
    # Of two seeds, the deviation is their difference over √2.
    deviation = abs(scores[0] - scores[1]) / 2**0.5
    assert by_seed["stance"] == [
        *(f"{score:.1f}" for score in scores),
        f"{sum(scores) / 2:.1f} ± {deviation:.1f}",
    ]
    assert "means of 2 seeds from 5" in found.text
    assert "--mode=report" in found.text


@pytest.mark.usefixtures("undrawn")
def test_a_run_of_seeds_links_their_pages(root, tmp_path):
    shutil.copytree(root / "seeds", tmp_path / "run")
    page.write(str(tmp_path / "run" / "seeds" / "6"))
    found = page_reader.Reader(page.write(str(tmp_path / "run")))
    links = [value for _, _, value in found.references]
    assert "seeds/6/report.html" in links
    assert "seeds/5/report.html" not in links


@pytest.mark.usefixtures("undrawn")
def test_a_baseline_that_cannot_stand_beside_is_left_out(root, tmp_path):
    path = page.write(
        str(root / "adversarial"), baseline_run=str(tmp_path / "nowhere")
    )
    found = page_reader.Reader(path)
    assert "No baseline." in found.text
    assert "nowhere holds no run" in found.text
    assert "difference" not in found.tables[0][0]


def test_runs_of_other_corpora_are_refused(root, tmp_path):
    data_dir = run_artifacts.write_corpus(str(tmp_path / "corpus"), "beef")
    other = run_artifacts.write_run(str(tmp_path / "run"), data_dir)
    with pytest.raises(ValueError, match="of different corpora"):
        page.compare([str(root / "single"), other], str(tmp_path / "x.html"))


def test_the_comparison_has_its_sections(compared):
    assert compared.headings == [
        "3 runs on made_up",
        "Test scores",
        "Tests against A",
        "Training",
        "Where they disagree",
        "Settings",
    ]
    for letter in "BC":
        assert f"{letter} against A" in compared.text


def test_the_comparison_names_the_settings_that_differ(compared):
    table = compared.table("setting", "A", "B", "C")
    assert table["sharing"][:3] == [
        "single_task",
        "shared_private",
        "shared_private",
    ]
    assert table["seeds"][:3] == ["1", "1", "2"]
    assert "hidden_size" not in table


def test_the_comparison_s_table_marks_the_best(compared):
    table = compared.table("task", "metric", "test texts", "majority")
    # Score, deviation and interval follow each other without a space.
    values = [
        re.match(r"\d+\.\d", cell).group() for cell in table["stance"][3:]
    ]
    assert len(values) == 3
    best = max(values, key=float)
    assert f'<td class="best">{best}' in compared.source.replace("\n", "")


def test_examples_of_the_comparison(compared):
    assert re.search(r"A: .* with [\d.]+ %; B: .*; C: ", compared.text)
    assert "of stance" in compared.text


@pytest.mark.usefixtures("undrawn")
def test_the_comparison_without_texts(root, tmp_path):
    found = page_reader.Reader(
        page.compare(
            [str(root / "single"), str(root / "adversarial")],
            str(tmp_path / "comparison.html"),
            texts=False,
        )
    )
    assert "Where they disagree" not in found.headings
    assert "of stance" not in found.text


@pytest.mark.usefixtures("undrawn")
def test_tasks_that_not_all_runs_have_are_left_out(root, tmp_path):
    found = page_reader.Reader(
        page.compare(
            [str(root / "adversarial"), str(root / "stance")],
            str(tmp_path / "comparison.html"),
        )
    )
    assert "left out: reviews." in found.text
    table = found.table("task", "metric", "test texts", "majority")
    assert list(table) == ["stance", "average"]
    assert table["average"][3:] == table["stance"][3:]


def test_runs_without_a_task_in_common_are_refused(root, tmp_path):
    part = str(root / "single" / "tasks" / "reviews")
    with pytest.raises(ValueError, match=r"no task in common: .* has reviews"):
        page.compare([part, str(root / "stance")], str(tmp_path / "x.html"))


def test_one_run_is_no_comparison(root, tmp_path):
    with pytest.raises(ValueError, match="at least 2 runs"):
        page.compare([str(root / "single")], str(tmp_path / "x.html"))


def test_more_runs_than_letters():
    letters = [page.letter(number) for number in range(60)]
    assert letters[:2] == ["A", "B"]
    assert len(set(letters)) == 60


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
