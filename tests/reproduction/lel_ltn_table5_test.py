"""Tables 3 and 5 of Augenstein et al. (NAACL 2018)."""

import dataclasses

import pytest

from reproduction import lel_ltn_table5
from tests.reproduction import made_up_records

TABLE = lel_ltn_table5.table()


def _splits(score, *, deduplicated=False):
    names = ["dev", "test"] + ["test_deduplicated"] * deduplicated
    metrics = ("accuracy", "macro_mae_by_topic", "macro_mae")
    return {
        split: dict.fromkeys(metrics, score + index / 100)
        for index, split in enumerate(names)
    }


def _run(task, main, network=None, phases=None):
    outputs = {"main": _splits(main), "majority": _splits(0.25)}
    if network is not None:
        outputs["label_transfer"] = _splits(network)
    results = {"tasks": {task: outputs}}
    if phases:
        results["phases"] = {
            phase: _run(task, *scores).results
            for phase, scores in phases.items()
        }
    return dataclasses.replace(made_up_records.of_study([]), results=results)


def _cells(text, task):
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith(f"| {task} ")
    ]


def test_the_phases_of_a_run_are_columns():
    phases = {"base": (0.5,), "label_transfer": (0.6, 0.7)}
    records = {
        "lel_ltn_table5/absa_laptops/mtl_lel_ltn_semi/0": _run(
            "absa_laptops", 0.8, 0.9, phases
        ),
        "lel_ltn_table5/absa_laptops/stl/0": _run("absa_laptops", 0.3),
        "lel_ltn_table5/absa_laptops/stl/1": _run("absa_laptops", 0.5),
    }
    test, dev = _cells(TABLE.markdown(records), "absa_laptops")
    assert test == [
        *("absa_laptops", "accuracy", "26.0", "41.0 ± 14.1", "–"),
        *("51.0", "61.0", "71.0", "–", "–", "81.0", "91.0", "0–2"),
        *("76.7", "75.7"),
    ]
    assert dev[2:5] == ["25.0", "40.0 ± 14.1", "–"]
    assert "de-duplicated" not in TABLE.markdown(records)


def test_topic5_has_errors_by_topic_and_over_all_texts():
    records = {"lel_ltn_table5/topic5/mtl/0": _run("topic5", 1.0)}
    by_topic, pooled, *_ = _cells(TABLE.markdown(records), "topic5")
    assert by_topic[1:5] == ["macro_mae_by_topic", "0.260", "–", "1.010"]
    assert by_topic[-2:] == ["0.919", "0.803"]
    assert pooled[1] == "macro_mae"
    assert pooled[-2:] == ["–", "–"]


def test_single_task_runs_have_the_main_task_only():
    jobs = TABLE.jobs(1)
    assert len(jobs) == 40
    for job in jobs:
        _, main_task, preset, _ = job.name.split("/")
        # The last flag of a name counts.
        is_stl = f"--tasks={main_task}" in job.flags
        assert is_stl == (preset == "stl")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
