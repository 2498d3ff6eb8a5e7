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
def without_drawing(monkeypatch):
    """Skips drawing, which takes most of the time."""
    monkeypatch.setattr(page.charts.inline_svg, "embed", lambda *_: "")


@pytest.fixture(scope="module")
def plain(root):
    """The page of a run with single-task models as its baseline."""
    path = page.write(
        str(root / "adversarial"), baseline_run=str(root / "single")
    )
    assert path == str(root / "adversarial" / "report.html")
    return page_reader.ParsedPage(path)


def test_sections_of_the_page(plain):
    assert plain.headings == [
        "Adversarial shared-private model on made_up",
        "Test scores",
        "Training",
        "Labels",
        "Calibration",
        "Input texts",
        "Most confident errors",
        "Features",
        "Settings and data",
    ]
    assert "Left out" not in plain.text


def test_the_page_is_self_contained(plain):
    plain.check_is_self_contained()


def test_links_of_the_page_have_targets(plain):
    plain.check_links()


def test_texts_labels_and_settings_are_escaped(plain):
    for escaped in (
        f"of stance {ESCAPED}",
        f"topic 3 {ESCAPED}",
        f"<span>{ESCAPED}</span></th>",
        f'<td class="value">{ESCAPED}</td>',
        f"CC0 {ESCAPED}",
        f"<li>stance: 3 of 40 rows {ESCAPED}</li>",
        "stance-test-3&lt;b&gt;",
    ):
        pattern = re.escape(escaped).replace("3", r"\d+")
        assert re.search(pattern, plain.source), escaped
    assert SCRIPT not in plain.source


def test_warnings_of_other_tasks_are_left_out(plain):
    assert "Warnings from data preparation" in plain.text
    assert "not here" not in plain.text


def test_the_table_of_scores(plain):
    table = plain.table("task", "metric", "test texts")
    assert list(table) == ["reviews", "stance", "average accuracy"]
    gold, ours = run_artifacts.predictions(run_artifacts.TASKS[1], "test", 0)
    _, single = run_artifacts.predictions(run_artifacts.TASKS[1], "test", 3)
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


def test_the_headline_has_the_interval_of_the_average(plain):
    row = plain.table("task", "metric", "test texts")["average accuracy"]
    value, interval = row[4], row[5]
    headline = plain.text[: plain.text.index("majority label")]
    assert value in headline
    assert f"95 % interval {interval} over test texts" in headline


def test_confusions_of_more_than_two_labels_are_in_words(plain):
    gold, probabilities = run_artifacts.predictions(
        run_artifacts.TASKS[0], "test", 0
    )
    predicted = probabilities.argmax(axis=1)
    of_second = gold == 1
    count = (of_second & (predicted == 0)).sum()
    assert count > 1
    assert (
        f"{count} texts of {SCRIPT} predicted as bad "
        f"({100 * count / of_second.sum():.1f} % of {of_second.sum()})"
        in plain.text
    )
    assert "of against predicted as" not in plain.text


def test_the_row_of_averages_is_marked_in_all_tables(plain):
    # Scores, and tests against the baseline.
    for table in re.findall(r"<tbody>(.*?)</tbody>", plain.source, re.DOTALL):
        rows = re.findall(r'<tr( class="average")?><td>([^<]*)', table)
        for mark, name in rows:
            assert bool(mark) == (name == "average accuracy")
    assert plain.source.count('<tr class="average"><td>average acc') == 2


def test_the_note_names_the_score_of_early_stopping(plain):
    assert (
        "Early stopping and the best checkpoint are decided on dev, by the "
        f"score of {SCRIPT} (--main_task)." in plain.text
    )


def test_accuracy_by_length(plain):
    # Texts of both tasks have 10 to 49 tokens.
    cells = plain.table("task", "from the shortest to the longest texts")
    assert [cell.split(" ", 1)[1] for cell in cells["reviews"]] == [
        "10–19 tokens, 10 texts",
        "20–29 tokens, 10 texts",
        "30–39 tokens, 10 texts",
        "40–49 tokens, 10 texts",
    ]
    gold, probabilities = run_artifacts.predictions(
        run_artifacts.TASKS[1], "test", 0
    )
    correct = (probabilities.argmax(axis=1) == gold).reshape(4, 10).mean(axis=1)
    assert [cell.split()[0] for cell in cells["stance"]] == [
        f"{100 * share:.1f}" for share in correct
    ]


def test_curves_calibration_and_feature_map_are_charts(plain):
    # Five panels of curves, and features by task and by label.
    assert plain.tags.count("svg") == 5 + 1 + 2


@pytest.mark.usefixtures("without_drawing")
def test_a_run_without_a_baseline(root):
    parsed = page_reader.ParsedPage(page.write(str(root / "adversarial")))
    table = parsed.table("task", "metric", "test texts")
    assert len(table["stance"]) == 6
    assert "difference" not in parsed.tables[0][0]
    assert "single-task" not in parsed.text
    assert "McNemar" not in parsed.text


def test_other_corpora_have_no_published_scores(plain):
    assert "ACL" not in plain.text


@pytest.mark.usefixtures("without_drawing")
def test_published_scores_of_the_paper_s_corpus(root, tmp_path):
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
    # The corpus has no records of a task of this name.
    parsed = page_reader.ParsedPage(page.write(str(folder)))
    assert "no records of task books" in parsed.text
    table = parsed.table("task", "metric", "test texts")
    # SP-MTL's error on books is 18.8 %.
    assert table["books"][-1] == table["average"][-1] == "81.2"
    assert "ACL 2017, Table 2" in parsed.text


@pytest.mark.usefixtures("without_drawing")
def test_without_texts(root):
    parsed = page_reader.ParsedPage(
        page.write(str(root / "adversarial"), texts=False)
    )
    assert "Most confident errors" not in parsed.headings
    assert "text 3 of" not in parsed.text
    assert "reviews-test-" not in parsed.text


@pytest.mark.usefixtures("without_drawing")
def test_without_the_corpus_only_ids_are_shown(root, tmp_path):
    moved = tmp_path / "corpus"
    shutil.move(root / "corpus", moved)
    try:
        parsed = page_reader.ParsedPage(page.write(str(root / "adversarial")))
    finally:
        shutil.move(moved, root / "corpus")
    assert "Only ids are shown" in parsed.text
    assert "holds no prepared corpus" in parsed.text
    assert "reviews-test-" in parsed.text
    assert "of stance" not in parsed.text


@pytest.mark.usefixtures("without_drawing")
def test_missing_files_are_named(root, tmp_path):
    shutil.copytree(root / "adversarial", tmp_path / "run")
    os.remove(tmp_path / "run" / "features.npz")
    os.remove(tmp_path / "run" / "history.jsonl")
    shutil.rmtree(tmp_path / "run" / "predictions")
    parsed = page_reader.ParsedPage(page.write(str(tmp_path / "run")))
    assert parsed.headings[1:] == ["Test scores", "Settings and data"]
    for name in ("features.npz", "history.jsonl", "reviews-dev.jsonl"):
        assert name in parsed.text
    assert "--mode=evaluate" in parsed.text


@pytest.mark.usefixtures("without_drawing")
def test_probes_are_shown_with_the_features(root, tmp_path):
    shutil.copytree(root / "adversarial", tmp_path / "run")
    probe = {"linear": 0.29, "mlp": 0.3, "majority": 0.06}
    run_directory.write_json(
        str(tmp_path / "run" / "analysis.json"),
        checksums.sign({"probes": {"shared": probe}}),
    )
    parsed = page_reader.ParsedPage(page.write(str(tmp_path / "run")))
    assert parsed.table("features")["shared"] == ["29.0", "30.0", "6.0"]


@pytest.mark.usefixtures("without_drawing")
def test_single_task_models_are_shown_together(root):
    parsed = page_reader.ParsedPage(page.write(str(root / "single")))
    assert parsed.headings[0] == "Single-task models on made_up"
    for heading in (
        "Training",
        "Labels",
        "Calibration",
        "Most confident errors",
    ):
        assert heading in parsed.headings
    assert "Left out" not in parsed.text


@pytest.mark.usefixtures("without_drawing")
def test_a_run_of_seeds(root):
    parsed = page_reader.ParsedPage(
        page.write(str(root / "seeds"), baseline_run=str(root / "single"))
    )
    by_seed = parsed.table("task", "seed 5", "seed 6", "mean", "ensemble")
    scores, sums = [], 0
    for seed in (5, 6):
        gold, p = run_artifacts.predictions(
            run_artifacts.TASKS[1], "test", seed
        )
        scores.append(100 * (p.argmax(axis=1) == gold).mean())
        sums += p
    ensemble = 100 * (sums.argmax(axis=1) == gold).mean()
    # The deviation of two scores is their difference over √2.
    deviation = abs(scores[0] - scores[1]) / 2**0.5
    assert by_seed["stance"] == [
        *(f"{score:.1f}" for score in scores),
        f"{sum(scores) / 2:.1f} ± {deviation:.1f}",
        f"{ensemble:.1f}",
    ]
    assert "mean over 2 seeds from 5" in parsed.text
    assert "--mode=report" in parsed.text


@pytest.mark.usefixtures("without_drawing")
def test_a_run_of_seeds_links_to_their_pages(root, tmp_path):
    shutil.copytree(root / "seeds", tmp_path / "run")
    page.write(str(tmp_path / "run" / "seeds" / "6"))
    parsed = page_reader.ParsedPage(page.write(str(tmp_path / "run")))
    links = [value for _, _, value in parsed.references]
    assert "seeds/6/report.html" in links
    assert "seeds/5/report.html" not in links


@pytest.mark.usefixtures("without_drawing")
def test_a_baseline_that_does_not_exist_is_left_out(root, tmp_path):
    path = page.write(
        str(root / "adversarial"), baseline_run=str(tmp_path / "nowhere")
    )
    parsed = page_reader.ParsedPage(path)
    assert "No baseline." in parsed.text
    assert "nowhere holds no run" in parsed.text
    assert "difference" not in parsed.tables[0][0]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
