import dataclasses
import itertools
import json
import types

import numpy as np
import pytest

from benchmarks import inference
from benchmarks import own_process
from mtl_tf.runs import run_directory
from mtl_tf.serving import saved_model
from tests.helpers import exported_run
from tests.helpers import trained_runs


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Of a run with an export, whose task books is of pairs."""
    folder = str(tmp_path_factory.mktemp("run"))
    corpus = exported_run.write_corpus(folder)
    exported_run.train(corpus, f"{folder}/run")
    saved_model.write(f"{folder}/run")
    return run_directory.Run.read(f"{folder}/run").config


def test_texts_are_those_of_the_test_split(config):
    texts = inference.read_texts(config, "films")
    assert (texts.task, texts.inputs) == ("films", ("text",))
    assert len({row for (row,) in texts.rows}) == 24
    assert all("uniquefilmstest" in row for (row,) in texts.rows)
    # Words are tokens, of which 10 are read at most.
    words = [min(10, len(row.split())) for (row,) in texts.rows]
    assert texts.tokens == pytest.approx(np.mean(words))
    assert texts.take(30) == texts.rows + texts.rows[:6]


def test_texts_of_pairs_have_both(config):
    # The first task, where none is named.
    texts = inference.read_texts(config, None)
    assert (texts.task, texts.inputs) == ("books", ("seq1", "seq2"))
    assert all("about" in seq1 for seq1, _ in texts.rows)
    assert all("uniquebookstest" in seq2 for _, seq2 in texts.rows)


def test_missing_task_corpus_or_export_is_named(config, tmp_path):
    with pytest.raises(ValueError, match=r"'film' \(did you mean films"):
        inference.read_texts(config, "film")
    other = trained_runs.leave_run(config.data_dir, str(tmp_path))
    without_export = dataclasses.replace(config, run_dir=other)
    with pytest.raises(ValueError, match=r"no export: .*labels\.json"):
        inference.read_texts(without_export, None)


@pytest.mark.parametrize("task", ["books", "films"])
def test_export_is_called_in_batches(config, task, monkeypatch):
    # Each look at the clock is a second after the one before.
    clock = types.SimpleNamespace(perf_counter=itertools.count().__next__)
    monkeypatch.setattr(inference, "time", clock)
    texts = inference.read_texts(config, task)
    actual = inference.measure_export(
        f"{config.run_dir}/export", texts, [1, 4], 10, 2
    )
    # 10 texts in 10 calls, and in 3 of at most 4 texts.
    assert actual["texts_per_second"] == {1: 1.0, 4: pytest.approx(10 / 3)}
    # Of each of two rounds; the one before them is not counted.
    assert actual["latency_ms"] == {
        "calls": 20,
        "median": 1000,
        "p90": 1000,
        "p99": 1000,
    }
    assert actual["load_seconds"] == 1
    assert actual["first_call_seconds"] == 1


def test_command_predicts_each_text_of_a_file(config):
    texts = inference.read_texts(config, "books")
    actual = inference.measure_command(config.run_dir, texts, 30)
    assert actual["texts"] == 30
    # The command starts Python and TensorFlow before it reads.
    assert actual["seconds"] > 30 / actual["texts_per_second"]


def test_the_predictor_counts_real_tokens(config):
    actual = own_process.call(inference.measure_predictor, config, 1)
    tokens = [
        inference.read_texts(config, t).tokens for t in ("books", "films")
    ]
    # Of the 24 texts of either task.
    assert actual["tokens_per_second"] / actual[
        "texts_per_second"
    ] == pytest.approx(np.mean(tokens))


def test_main_prints_and_writes_measurements(
    config, tmp_path, monkeypatch, capsys
):
    def call(function, *arguments):
        del arguments
        if function is inference.measure_export:
            return {
                "load_seconds": 0.5,
                "first_call_seconds": 0.25,
                "texts_per_second": {1: 200.0, 8: 1500.0},
                "latency_ms": {
                    "calls": 20,
                    "median": 5.0,
                    "p90": 6.5,
                    "p99": 7.25,
                },
                "peak_mb": 900.0,
            }
        return {
            "tokens_per_second": 120_000.0,
            "texts_per_second": 6000.0,
            "peak_mb": 800.0,
        }

    monkeypatch.setattr(own_process, "call", call)
    monkeypatch.setattr(
        inference,
        "measure_command",
        lambda run_dir, texts, count: {
            "texts": count,
            "seconds": 9.0,
            "texts_per_second": 2500.0,
        },
    )
    path = tmp_path / "results.json"
    run_dir = f"--run_dir={config.run_dir}"
    inference.main([run_dir, "--task=films", f"--json={path}"])
    output = capsys.readouterr().out
    assert "8 texts per call        1,500 texts/s" in output
    assert "median 5.00 ms, 90% within 6.50 ms, 99% within 7.25 ms" in output
    assert "2,500 texts/s; entire command 9.0 s" in output
    assert "120,000 tokens/s" in output
    actual = json.loads(path.read_text(encoding="utf-8"))
    assert actual["task"] == "films"
    assert actual["export"]["latency_ms"]["median"] == 5


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
