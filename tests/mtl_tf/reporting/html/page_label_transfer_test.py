"""Pages of runs with a label embedding and a label transfer network."""

import os
import shutil

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.html import page
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
def undrawn(monkeypatch):
    """For tests that look at no pictures: drawing takes most of the time."""
    monkeypatch.setattr(page.charts, "data_uri", lambda _: "data:,")


@pytest.fixture(scope="module")
def found(root):
    return page_reader.Reader(page.write(str(root / "run")))


def correct(split, answer):
    gold, probabilities = answer(STANCE, split, 0)
    return probabilities.argmax(axis=1) == gold


def test_the_page_has_both_sections(found):
    assert "Left out" not in found.text
    place = found.headings.index("Labels")
    assert found.headings[place : place + 4] == [
        "Labels",
        "Label embedding",
        "Label transfer",
        "Calibration",
    ]
    links = {value for tag, _, value in found.references if tag == "a"}
    assert {"#label-embedding", "#label-transfer"} <= links
    assert {link.removeprefix("#") for link in links} <= set(found.targets)
    # Curves, the maps of labels and texts, label transfer, calibration.
    assert found.tags.count("img") == 5
    assert "script" not in found.tags
    assert run_artifacts.SCRIPT not in found.source


@pytest.mark.usefixtures("undrawn")
def test_other_runs_have_neither(root):
    plain = page_reader.Reader(page.write(str(root / "plain")))
    assert "Label embedding" not in plain.headings
    assert "Label transfer" not in plain.headings
    assert "label transfer" not in plain.tables[0][0]
    assert "a second output" not in plain.text


def test_the_score_table_has_a_column_of_the_main_task(found):
    (table,) = (x for x in found.tables if x[0][:2] == ["task", "metric"])
    column = table[0].index("label transfer")
    score = correct("test", run_artifacts.transfer_answers).mean()
    assert [line[column] for line in table[1:]] == [
        "–",
        f"{100 * score:.1f}",
        "–",
    ]
    assert "a second output for stance" in found.text


def test_nearest_labels(found):
    vectors = run_artifacts.label_embedding(TASKS)
    cosines = sklearn_metrics.pairwise.cosine_similarity(vectors)
    (table,) = (x for x in found.tables if x[0][:2] == ["task", "label"])
    assert [line[:2] for line in table[1:]] == [
        [task.name, label] for task in TASKS for label in task.labels
    ]
    # The third label of reviews, and the two of stance. Those have three labels
    # of reviews near them: each row has as many cells.
    order = [3, 4] if cosines[2, 3] > cosines[2, 4] else [4, 3]
    assert table[3][2:] == [
        *(f"{STANCE.labels[x - 3]} stance, {cosines[2, x]:.2f}" for x in order),
        "",
    ]
    assert {len(line) for line in table[1:]} == {5}


def test_scores_by_phase(found):
    base, transfer, last = found.table("phase", "best epoch").items()
    assert (base[0], transfer[0], last[0]) == (
        "base",
        "label transfer",
        "semi supervised",
    )
    gold, probabilities = run_artifacts.answers(STANCE, "dev", 1)
    dev = (probabilities.argmax(axis=1) == gold).mean()
    assert base[1][:2] == ["3", f"{100 * dev:.1f}"]
    assert base[1][3:] == ["–", "–"]
    assert last[1] == [
        "9",
        *(
            f"{100 * correct(split, answer).mean():.1f}"
            for answer in (
                run_artifacts.answers,
                run_artifacts.transfer_answers,
            )
            for split in ("dev", "test")
        ),
    ]


def test_who_is_right(found):
    table = found.table("split", "texts")
    assert list(table) == ["dev", "test"]
    for split, cells in table.items():
        main = correct(split, run_artifacts.answers)
        transfer = correct(split, run_artifacts.transfer_answers)
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


def test_the_page_says_what_the_network_reads(found):
    assert "reads what the model says of the text as if it" in found.text
    assert "one of reviews: the label vectors that are expected" in found.text
    assert "pseudo-labels, which the main model learns from" in found.text


@pytest.mark.usefixtures("undrawn")
def test_a_task_alone_has_no_nearest_labels(root):
    alone = page_reader.Reader(page.write(str(root / "alone")))
    assert "Label embedding" in alone.headings
    assert "no nearest labels of other tasks: reviews is alone" in alone.text


@pytest.mark.usefixtures("undrawn")
def test_a_run_of_seeds_has_the_scores_by_phase(root):
    seeds = page_reader.Reader(page.write(str(root / "seeds")))
    scores = [
        (p.argmax(axis=1) == gold).mean()
        for gold, p in (
            run_artifacts.transfer_answers(STANCE, "test", seed)
            for seed in (5, 6)
        )
    ]
    line = seeds.table("phase", "best epoch")["label transfer"]
    assert line[-1] == f"{100 * np.mean(scores):.1f}"
    assert "on the pages of the seeds" in seeds.text
    assert "Left out" not in seeds.text


@pytest.mark.usefixtures("undrawn")
def test_what_is_missing_is_left_out_and_named(root, tmp_path):
    shutil.copytree(root / "run", tmp_path / "run")
    os.remove(tmp_path / "run" / "label_embedding.npz")
    os.remove(
        tmp_path / "run" / "predictions" / "stance-dev-label_transfer.jsonl"
    )
    (tmp_path / "run" / "history.jsonl").unlink()
    found = page_reader.Reader(page.write(str(tmp_path / "run")))
    assert "Label embedding" not in found.headings
    assert "Label transfer" in found.headings
    assert "Who is right" not in found.text
    for name in (
        "label_embedding.npz",
        "predictions/stance-dev-label_transfer.jsonl",
        "history.jsonl",
    ):
        assert name in found.text
    assert "stance-test-label_transfer" not in found.text


@pytest.mark.usefixtures("undrawn")
def test_the_second_paper_s_scores(tmp_path):
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
    found = page_reader.Reader(page.write(run_dir))
    table = found.table("task", "metric", "test texts")
    assert table["stance"][-1] == "46.3"
    assert table["topic5"][-1] == "0.803"
    assert table["reviews"][-1] == table["average accuracy"][-1] == "–"
    assert "best of the paper's models" in found.text
    assert "NAACL 2018" in found.text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
