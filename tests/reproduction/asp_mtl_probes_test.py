"""Probes of the features of ASP-MTL."""

import pytest

from reproduction import asp_mtl_probes
from reproduction import jobs as jobs_lib
from tests.reproduction import made_up_records

TABLE = asp_mtl_probes.table()


def _probes(shared, private):
    return {
        "shared": {"linear": shared, "mlp": shared / 2, "majority": 0.1},
        "private": {"linear": private, "mlp": 1.0, "majority": 0.1},
    }


def test_accuracies_are_means_over_seeds():
    records = {
        "asp_mtl_probes/0/0": made_up_records.of_probes(_probes(0.4, 0.9), 14),
        "asp_mtl_probes/0/1": made_up_records.of_probes(_probes(0.6, 0.9), 16),
        "asp_mtl_probes/4/0": made_up_records.of_probes(_probes(0.2, 0.8), 20),
    }
    head, _, *rows = TABLE.markdown(records).splitlines()
    assert head.startswith("| model | shared: linear | shared: MLP | private")
    # The standard deviation of 40 and 60 is 10 times the square root of 2.
    assert rows == [
        "| neither (SP-MTL) | 50.0 ± 14.1 | 25.0 ± 7.1 | 90.0 ± 0.0 | "
        "100.0 ± 0.0 | 16.0 ± 1.4 | 15.0 ± 1.4 | 2 |",
        "| confusion, λ = 1, 5 discriminator steps | 20.0 | 10.0 | 80.0 | "
        "100.0 | 21.0 | 20.0 | 1 |",
    ]


def test_runs_are_analyzed_and_differ_in_adversary_and_orthogonality():
    jobs = TABLE.jobs(1)
    assert len({job.flags for job in jobs}) == len(jobs) == 6
    assert {job.outcome for job in jobs} == {jobs_lib.ANALYSIS}
    assert sum("--unlabeled=true" in job.flags for job in jobs) == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
