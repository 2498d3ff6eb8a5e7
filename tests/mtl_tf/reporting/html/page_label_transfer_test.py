"""Pages of runs with a label embedding and a label transfer network."""

import os
import shutil

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.html import page
from mtl_tf.runs import descriptions
from mtl_tf.runs import run_directory
from tests.helpers import page_reader
from tests.helpers import run_artifacts

TASKS = run_artifacts.TASKS
STANCE = TASKS[1]
SETTINGS = {
    "main_task": "stance",
    "label_transfer": "semi_supervised",
    "output_layer": "label_embedding",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    data_dir = run_artifacts.write_corpus(str(root / "corpus"))
    for name, settings in {
        "run": SETTINGS,
        "plain": {},
        "seeds": {**SETTINGS, "num_runs": 2, "seed": 5},
    }.items():
        run_artifacts.write_run(str(root / name), data_dir, **settings)
    run_artifacts.write_run(
        str(root / "alone"),
        data_dir,
        tasks=TASKS[:1],
        sharing="single_task",
        output_layer="label_embedding",
    )
    return root


@pytest.fixture
def without_drawing(monkeypatch):
    """Skips drawing, which takes most of the time."""
    monkeypatch.setattr(page.charts.inline_svg, "embed", lambda *_: "")


@pytest.fixture(scope="module")
def parsed(root):
    return page_reader.ParsedPage(page.write(str(root / "run")))


def correct(split, predict):
    gold, probabilities = predict(STANCE, split, 0)
    return probabilities.argmax(axis=1) == gold


def test_the_page_has_both_sections(parsed):
    assert "Left out" not in parsed.text
    index = parsed.headings.index("Labels")
    assert parsed.headings[index : index + 4] == [
        "Labels",
        "Label embedding",
        "Label transfer",
        "Calibration",
    ]
    links = {value for tag, _, value in parsed.references if tag == "a"}
    assert {"#label-embedding", "#label-transfer"} <= links
    assert {link.removeprefix("#") for link in links} <= set(parsed.targets)
    # Three panels of curves, maps of labels and of features by task and by
    # label, label transfer, calibration.
    assert parsed.tags.count("svg") == 3 + 1 + 2 + 1 + 1
    assert "script" not in parsed.tags
    assert run_artifacts.SCRIPT not in parsed.source


@pytest.mark.usefixtures("without_drawing")
def test_other_runs_have_no_such_sections(root):
    plain = page_reader.ParsedPage(page.write(str(root / "plain")))
    assert "Label embedding" not in plain.headings
    assert "Label transfer" not in plain.headings
    assert "label transfer" not in plain.tables[0][0]
    assert "a second output" not in plain.text


def test_the_score_table_has_a_column_of_the_main_task(parsed):
    (table,) = (x for x in parsed.tables if x[0][:2] == ["task", "metric"])
    column = table[0].index("label transfer")
    score = correct("test", run_artifacts.transfer_predictions).mean()
    assert [row[column] for row in table[1:]] == [
        "–",
        f"{100 * score:.1f}",
        "–",
    ]
    assert "a second output for stance" in parsed.text


def test_nearest_labels(parsed):
    vectors = run_artifacts.label_embedding(TASKS)
    cosines = sklearn_metrics.pairwise.cosine_similarity(vectors)
    (table,) = (x for x in parsed.tables if x[0][:2] == ["task", "label"])
    assert [row[:2] for row in table[1:]] == [
        [task.name, label] for task in TASKS for label in task.labels
    ]
    # The third label of reviews has only the two labels of stance as neighbors;
    # its row is padded.
    order = [3, 4] if cosines[2, 3] > cosines[2, 4] else [4, 3]
    assert table[3][2:] == [
        *(f"{STANCE.labels[x - 3]} stance, {cosines[2, x]:.2f}" for x in order),
        "",
    ]
    assert {len(row) for row in table[1:]} == {5}


def test_scores_by_phase(parsed):
    base, transfer, last = parsed.table("phase", "best epoch").items()
    assert (base[0], transfer[0], last[0]) == (
        "base",
        "label transfer",
        "semi supervised",
    )
    gold, probabilities = run_artifacts.predictions(STANCE, "dev", 1)
    dev = (probabilities.argmax(axis=1) == gold).mean()
    assert base[1][:2] == ["3", f"{100 * dev:.1f}"]
    assert base[1][3:] == ["–", "–"]
    assert last[1] == [
        "9",
        *(
            f"{100 * correct(split, predict).mean():.1f}"
            for predict in (
                run_artifacts.predictions,
                run_artifacts.transfer_predictions,
            )
            for split in ("dev", "test")
        ),
    ]


def test_agreement_of_the_two_outputs(parsed):
    table = parsed.table("split", "texts")
    assert list(table) == ["dev", "test"]
    for split, cells in table.items():
        main = correct(split, run_artifacts.predictions)
        transfer = correct(split, run_artifacts.transfer_predictions)
        counts = [(main > transfer).sum(), (main < transfer).sum()]
        p = stats.binomtest(counts[0], sum(counts)).pvalue
        shares = np.array(
            [(main & transfer).sum(), *counts, (~main & ~transfer).sum()]
        )
        assert cells == [
            "40",
            *(f"{share:.1f}" for share in shares * 2.5),
            f"{p:.3f}",
        ]


def test_the_network_is_described(parsed, root):
    run = run_directory.Run.read(str(root / "run"))
    description = descriptions.label_transfer(run.config, run.tasks)
    assert description in parsed.text


@pytest.mark.usefixtures("without_drawing")
def test_a_single_task_has_no_nearest_labels(root):
    alone = page_reader.ParsedPage(page.write(str(root / "alone")))
    assert "Label embedding" in alone.headings
    assert "no labels of other tasks: reviews is the only task" in alone.text


@pytest.mark.usefixtures("without_drawing")
def test_a_run_of_seeds_has_the_scores_by_phase(root):
    seeds = page_reader.ParsedPage(page.write(str(root / "seeds")))
    scores = [
        (p.argmax(axis=1) == gold).mean()
        for gold, p in (
            run_artifacts.transfer_predictions(STANCE, "test", seed)
            for seed in (5, 6)
        )
    ]
    row = seeds.table("phase", "best epoch")["label transfer"]
    assert row[-1] == f"{100 * np.mean(scores):.1f}"
    assert "on the pages of the seeds" in seeds.text
    assert "Left out" not in seeds.text


@pytest.mark.usefixtures("without_drawing")
def test_missing_files_are_named(root, tmp_path):
    shutil.copytree(root / "run", tmp_path / "run")
    os.remove(tmp_path / "run" / "label_embedding.npz")
    os.remove(
        tmp_path / "run" / "predictions" / "stance-dev-label_transfer.jsonl"
    )
    (tmp_path / "run" / "history.jsonl").unlink()
    parsed = page_reader.ParsedPage(page.write(str(tmp_path / "run")))
    assert "Label embedding" not in parsed.headings
    assert "Label transfer" in parsed.headings
    assert "Agreement of" not in parsed.text
    for name in (
        "label_embedding.npz",
        "predictions/stance-dev-label_transfer.jsonl",
        "history.jsonl",
    ):
        assert name in parsed.text
    assert "stance-test-label_transfer" not in parsed.text


@pytest.mark.usefixtures("without_drawing")
def test_published_scores_of_pairwise_tasks(tmp_path):
    tasks = (
        TASKS[0],
        tasks_lib.Task(
            "stance", ("against", "favor", "none"), "favor_against_f1", True
        ),
        tasks_lib.Task("topic5", ("-", "0", "+"), "macro_mae_by_topic", True),
    )
    data_dir = run_artifacts.write_corpus(
        str(tmp_path / "corpus"), tasks=tasks, name="pairwise"
    )
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"), data_dir, tasks=tasks, encoder="bilstm"
    )
    parsed = page_reader.ParsedPage(page.write(run_dir))
    table = parsed.table("task", "metric", "test texts")
    assert table["stance"][-1] == "46.3"
    assert table["topic5"][-1] == "0.803"
    assert table["reviews"][-1] == table["average accuracy"][-1] == "–"
    assert "best of the paper's models" in parsed.text
    assert "NAACL 2018" in parsed.text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
