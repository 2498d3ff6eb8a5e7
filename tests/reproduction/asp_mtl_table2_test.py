"""Table 2 of Liu, Qiu & Huang (ACL 2017)."""

import numpy as np
import pytest

from mtl_tf.reporting.html import published
from reproduction import asp_mtl_table2
from tests.reproduction import made_up_records

TABLE = asp_mtl_table2.table("table2")


def _records():
    return {
        "table2/asp_mtl/0": made_up_records.of_run({"books": 10.0, "MR": 20.0}),
        "table2/asp_mtl/1": made_up_records.of_run({"books": 12.0, "MR": 22.0}),
        "table2/lstm/0": made_up_records.of_run(
            {"books": 30.0, "MR": 40.0}, deduplicated=36.0
        ),
    }


def test_errors_are_means_over_seeds():
    errors, differences = TABLE.markdown(_records()).split("\n\n")
    assert errors.splitlines() == [
        "| task | LSTM | ASP-MTL |",
        "|---|---:|---:|",
        "| books | 30.0 | 11.0 |",
        "| MR | 40.0 | 21.0 |",
        # The standard deviation of 15 and 17 is the square root of 2.
        "| **average** | 35.0 | 16.0 ± 1.4 |",
        "| de-duplicated | 36.0 | 16.0 ± 1.4 |",
        "| dev | 36.0 | 17.0 ± 1.4 |",
        "| average in the paper | 18.2 | 13.9 |",
        "| seeds | 1 | 2 |",
    ]
    # Only the seed that both models have: 15 - 35 points.
    assert differences.splitlines()[2].startswith("| LSTM | −20.0 | −2")
    assert differences.endswith(" | 1 |")


def test_averages_of_the_paper_are_those_of_its_tasks():
    paper = published.read_papers()["fdu_mtl"]
    by_task = np.array(list(paper["error_rates"].values()))
    printed = [paper["averages"][model] for model in paper["models"]]
    # The paper rounds to a tenth.
    np.testing.assert_allclose(by_task.mean(axis=0), printed, atol=0.051)


def test_models_without_records_are_left_out():
    records = {
        name: record for name, record in _records().items() if "lstm" in name
    }
    text = TABLE.markdown(records)
    assert text.startswith("| task | LSTM |\n")
    assert "minus" not in text


def test_first_all_models_with_one_seed_then_the_compared_ones():
    jobs = TABLE.jobs(2)
    assert len({job.name for job in jobs}) == 8 + 3
    assert {job.flags[-1] for job in jobs[:8]} == {"--seed=0"}
    assert [job.name for job in jobs[8:]] == [
        f"table2/{model}/1" for model in ("asp_mtl", "fs_mtl", "sp_mtl")
    ]


@pytest.mark.parametrize("tuned", [False, True])
def test_only_asp_mtl_is_adversarial(tuned):
    for job in asp_mtl_table2.table("table2", tuned=tuned).jobs(1):
        is_asp_mtl = "/asp_mtl/" in job.name
        assert ("--adversarial_weight=0" in job.flags) != is_asp_mtl


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
