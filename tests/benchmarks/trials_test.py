"""Trials of the variants of a contender."""

import types

import pytest

from benchmarks import contenders
from benchmarks import trials

BATCHES = trials.Batches("first", "start", "remainder")


@pytest.fixture
def trained(monkeypatch):
    """The batches of each variant, which is named by its speed."""
    trained = {}

    class Worker:
        def __init__(self, module, name):
            assert (module, name) == ("a.module", "peer")

        def build(self, problem, variant, first):
            assert (problem, first) == ({"model": "m"}, "first")
            self._variant = variant
            trained[variant] = []

        def epoch(self, batches):
            trained[self._variant].append(batches)
            speed = float(self._variant) * (1 + (batches == "remainder"))
            return types.SimpleNamespace(tokens_per_second=speed)

        def close(self):
            trained[self._variant].append("closed")

    monkeypatch.setattr(trials.worker, "Worker", Worker)
    return trained


def measure(*variants):
    entry = contenders.Entry("a.module", variants=variants)
    return trials.measure("peer", entry, {"model": "m"}, BATCHES)


def test_a_trial_that_is_clearly_behind_ends_early(trained, capsys):
    # At its start, 10 is far behind the 200 of the whole trial of 100.
    assert measure("100", "10", "150") == {"100": 200, "10": 10, "150": 300}
    whole = ["start", "start", "remainder", "remainder", "closed"]
    assert trained == {
        "100": whole,
        "10": ["start", "start", "closed"],
        "150": whole,
    }
    assert "trial of peer, 10: 10 tokens/s" in capsys.readouterr().out


def test_a_single_variant_has_no_trial(trained):
    assert measure("7") == {"7": None}
    assert not trained


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
