"""From jobs to the page of a table."""

import dataclasses
import json
import os
import pathlib
import re

import numpy as np
import pytest
from matplotlib import figure

from mtl_tf.runs import run_directory
from mtl_tf.utils import checksums
from reproduction import jobs as jobs_lib
from reproduction import records as records_lib
from reproduction import reproduction as reproduction_lib
from reproduction import tables
from tests.helpers import run_artifacts

SEEDS = ("made_up/model/0", "made_up/model/1")
PAGE = "before\n<!-- made_up -->\nold\n<!-- end of made_up -->\nafter\n"


def _markdown(records):
    runs = tables.by_seed(records, "made_up/model")
    return "\n".join(
        f"{seed}: {100 * run.correct['reviews'].mean():.1f}"
        for seed, run in runs.items()
    )


TABLE = tables.Table(
    "made_up",
    lambda seed: [jobs_lib.Job(SEEDS[seed], "made_up", ())],
    _markdown,
    num_seeds=2,
)


@pytest.fixture
def corpus(tmp_path):
    data_dir = tmp_path / "data" / "made_up"
    data_dir.mkdir(parents=True)
    return run_artifacts.write_corpus(str(data_dir))


def _reproduction(tmp_path, page=""):
    return reproduction_lib.Reproduction(
        TABLE,
        TABLE.jobs(2),
        str(tmp_path / "data"),
        str(tmp_path / "runs"),
        str(tmp_path / "records"),
        page,
    )


def _accuracy(seed):
    gold, probabilities = run_artifacts.predictions(
        run_artifacts.TASKS[0], "test", seed
    )
    return 100 * np.mean(probabilities.argmax(axis=1) == gold)


def test_a_page_grows_with_the_runs_that_have_ended(tmp_path, corpus):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    for index, name in enumerate(SEEDS):
        run_artifacts.write_run(
            str(tmp_path / "runs" / name), corpus, seed=index
        )
        reproduction = _reproduction(tmp_path, str(page))
        (command, *_) = reproduction.missing_commands()
        assert command.endswith(f"--run_dir={tmp_path}/runs/{name}")
        reproduction.record_ended()
        assert len(reproduction.missing_commands()) == 1 - index
        if index == 0:
            # The second job fails: the corpus has no training texts.
            with pytest.raises(ValueError, match=r"made_up/model/1 ended with"):
                reproduction.run()
        else:
            reproduction.run()
        expected = [f"{i}: {_accuracy(i):.1f}" for i in range(index + 1)]
        before, *lines, after = page.read_text().splitlines()
        assert (before, after) == ("before", "after")
        assert lines[2 : 3 + index] == expected
        assert ("1 is missing" in lines[-3]) == (index == 0)
    # The records are enough.
    assert _reproduction(tmp_path).missing_commands() == []


def test_a_picture_goes_into_the_folder_of_images(tmp_path, corpus):
    page = tmp_path / "docs" / "results" / "page.md"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE)
    run_artifacts.write_run(str(tmp_path / "runs" / SEEDS[0]), corpus)
    drawn = []

    def draw(records):
        drawn.append(list(records))
        return figure.Figure() if records else None

    table = dataclasses.replace(TABLE, draw=draw)
    arguments = [str(tmp_path / x) for x in ("data", "runs", "records")]
    reproduction = reproduction_lib.Reproduction(
        table, table.jobs(2), *arguments, str(page)
    )
    picture = tmp_path / "docs" / "images" / f"{TABLE.name}.png"
    reproduction.write()
    assert not picture.exists()
    reproduction.record_ended()
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert drawn == [[], [SEEDS[0]]]


def test_a_record_is_read_as_it_was_written(tmp_path, corpus):
    run_dir = str(tmp_path / "runs" / SEEDS[0])
    run_artifacts.write_run(run_dir, corpus)
    job = TABLE.jobs(1)[0]
    record = records_lib.of_job(job, str(tmp_path / "runs"))
    path = records_lib.path_of(str(tmp_path / "records"), job.name)
    records_lib.write(path, record)
    copy = records_lib.read(path)
    assert copy.correct.keys() == record.correct.keys()
    for task, correct in record.correct.items():
        assert len(correct) == run_artifacts.ROWS
        np.testing.assert_array_equal(copy.correct[task], correct)
    with open(os.path.join(run_dir, "results.json"), encoding="utf-8") as file:
        results = json.load(file)
    score = copy.results["tasks"]["reviews"]["main"]["test"]["macro_f1"]
    expected = results["tasks"]["reviews"]["main"]["test"]["macro_f1"]
    assert score == pytest.approx(expected, abs=1e-6)
    assert copy.command.startswith("python -m mtl_tf.main --threads=1 ")


def test_a_record_has_both_outputs_of_label_transfer(tmp_path, corpus):
    run_dir = str(tmp_path / "runs" / SEEDS[0])
    main_task = run_artifacts.TASKS[0]
    run_artifacts.write_run(
        run_dir,
        corpus,
        label_transfer="supervised",
        main_task=main_task.name,
    )
    record = records_lib.of_job(TABLE.jobs(1)[0], str(tmp_path / "runs"))
    assert list(record.transfer_correct) == [main_task.name]
    gold, probabilities = run_artifacts.transfer_predictions(
        main_task, "test", 0
    )
    np.testing.assert_array_equal(
        record.transfer_correct[main_task.name],
        probabilities.argmax(axis=1) == gold,
    )
    path = records_lib.path_of(str(tmp_path / "records"), "run")
    records_lib.write(path, record)
    np.testing.assert_array_equal(
        records_lib.read(path).transfer_correct[main_task.name],
        record.transfer_correct[main_task.name],
    )


def test_a_record_of_an_analyzed_run_has_its_probes(tmp_path, corpus):
    job = jobs_lib.Job("run", "made_up", (), outcome=jobs_lib.ANALYSIS)
    run_dir = tmp_path / "runs" / "run"
    run_artifacts.write_run(str(run_dir), corpus)
    assert not job.has_ended(str(tmp_path / "runs"))
    probes = {"shared": {"linear": 0.25}}
    run_directory.write_json(
        str(run_dir / "analysis.json"),
        checksums.sign({"schema": 1, "probes": probes, "neuron_words": []}),
    )
    assert job.has_ended(str(tmp_path / "runs"))
    record = records_lib.of_job(job, str(tmp_path / "runs"))
    assert record.probes == probes
    assert record.correct
    train, analyze = record.command.split(" && ")
    assert analyze == "python -m mtl_tf.main --mode=analyze --run_dir=runs/run"
    assert train.endswith(" --run_dir=runs/run")


def test_a_record_of_single_task_models_has_all_tasks(tmp_path, corpus):
    run_dir = str(tmp_path / "runs" / SEEDS[0])
    run_artifacts.write_run(run_dir, corpus, sharing="single_task")
    record = records_lib.of_job(TABLE.jobs(1)[0], str(tmp_path / "runs"))
    assert list(record.correct) == [x.name for x in run_artifacts.TASKS]


def test_a_record_of_a_study_has_the_rows_of_its_table(tmp_path, corpus):
    job = jobs_lib.Job("study", "made_up", (), outcome="table.csv")
    directory = tmp_path / "runs" / "study"
    for seed in range(2):
        run_artifacts.write_run(
            str(directory / "runs" / str(seed)), corpus, seed=seed
        )
    # A run's seconds contain those of its parts.
    run_artifacts.write_run(
        str(directory / "runs" / "parts"), corpus, sharing="single_task"
    )
    (directory / "table.csv").write_text("task,test\nreviews,0.5\n")
    record = records_lib.of_job(job, str(tmp_path / "runs"))
    assert record.rows == [{"task": "reviews", "test": "0.5"}]
    seconds = [
        json.loads((directory / f"runs/{x}/results.json").read_text())[
            "seconds"
        ]
        for x in ("0", "1", "parts")
    ]
    assert record.seconds == pytest.approx(sum(seconds), abs=0.1)


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"correct": {"a": "4:!"}}'], ids=str
)
def test_a_damaged_record_is_refused(tmp_path, content):
    path = records_lib.path_of(str(tmp_path / "records"), SEEDS[0])
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    with pytest.raises(ValueError, match=r"0\.json is not a record of a job"):
        _reproduction(tmp_path)


def test_a_page_without_the_marks_is_refused_before_the_first_job(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- end of made_up -->\n<!-- made_up -->\n")
    with pytest.raises(ValueError, match=r"page\.md lacks the lines <!-- made"):
        _reproduction(tmp_path, str(page))


def test_records_in_the_documentation_have_no_paths_of_a_machine():
    folder = pathlib.Path(__file__).parents[2] / "docs" / "results" / "records"
    found = list(folder.rglob("*.json"))
    assert found
    for path in found:
        record = path.read_text(encoding="utf-8")
        assert not re.search(r'"/\w+/', record), path


def test_the_origin_of_a_table(tmp_path):
    assert tables.write(TABLE, {}, 2) == "No job has ended yet."
    record = records_lib.Record(
        command="",
        date="2026-11-30",
        processor="Some(R)  CPU",
        revision="",
        seconds=5400.0,
        correct={"reviews": np.array([True, False])},
    )
    later = dataclasses.replace(record, date="2026-12-01", seconds=1800.0)
    records = dict(zip(SEEDS, (record, later), strict=True))
    assert tables.write(TABLE, records, 0).splitlines()[-1] == (
        "`python -m reproduction.main --table=made_up`: 2 jobs; 2.0 hours of "
        "training with one thread each, 2026-11-30 to 2026-12-01, Some CPU."
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
