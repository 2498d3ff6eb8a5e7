import json
import os

import pytest

from benchmarks import data_prep
from benchmarks import generated_corpus
from benchmarks import own_process
from data_prep.pipeline import source


@pytest.fixture(scope="module")
def raw_dir(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("raw"))
    generated_corpus.write(folder, tasks=2, rows=30, tokens=10)
    return folder


def _words(raw_dir):
    """Words of each text, counted in the raw files."""
    counts = []
    for name in os.listdir(raw_dir):
        if name.endswith(".tsv"):
            with open(os.path.join(raw_dir, name), encoding="utf-8") as file:
                lines = file.read().splitlines()[1:]
            counts += [len(line.split("\t")[0].split()) for line in lines]
    return counts


def test_phases_add_up_to_the_total(raw_dir):
    sha256 = source.sha256
    actual = data_prep.measure_preparation(data_prep.GENERATED, raw_dir)
    words = _words(raw_dir)
    # 2 tasks of 30 + 8 + 8; an absent seq1 is stored as one token.
    assert actual["rows"] == len(words) == 92
    assert actual["tokens"] == sum(words) + 92
    phases = actual["seconds_by_phase"]
    assert list(phases) == [
        "checksums",
        "reading",
        "tokenizing",
        "diversity features",
        "writing",
        data_prep.OTHER,
    ]
    assert min(phases.values()) > 0
    assert sum(phases.values()) == pytest.approx(actual["seconds"])
    # Texts are cut by a graph, which has to be traced.
    assert phases["tokenizing"] > phases["checksums"]
    assert actual["peak_mb"] > 0
    # Nothing is left of the clocks.
    assert source.sha256 is sha256


def test_the_tokenizer_is_measured_by_its_tokens(raw_dir):
    actual = own_process.call(
        data_prep.measure_tokenizer, data_prep.GENERATED, raw_dir, 2
    )
    words = _words(raw_dir)
    tokens_of_a_text = actual["tokens_per_second"] / actual["texts_per_second"]
    assert tokens_of_a_text == pytest.approx(sum(words) / len(words))


def _round(seconds, peak):
    return {
        "rows": 60,
        "tokens": 600,
        "seconds": seconds,
        "seconds_by_phase": {"reading": seconds / 4, "writing": 0.0},
        "peak_mb": peak,
    }


def test_summary_has_medians():
    rounds = [_round(4.0, 10), _round(2.0, 30), _round(9.0, 20)]
    actual = data_prep.summarize(rounds)
    assert actual["seconds"] == 4
    assert actual["rows_per_second"] == 15
    assert actual["tokens_per_second"] == 150
    assert actual["seconds_by_phase"] == {"reading": 1.0, "writing": 0.0}
    assert actual["peak_mb"] == 20


def test_the_command_prints_rates_and_writes_them(
    tmp_path, monkeypatch, capsys
):
    calls = []

    def call(function, *arguments):
        calls.append((function, os.listdir(arguments[1]), *arguments[2:]))
        if function is data_prep.measure_tokenizer:
            return {"texts_per_second": 1234.0, "tokens_per_second": 98765.0}
        return _round(2.0, 512)

    monkeypatch.setattr(own_process, "call", call)
    path = str(tmp_path / "results.json")
    sizes = "--tasks=1 --rows=5 --tokens=4 --rounds=2"
    data_prep.main([*sizes.split(), f"--json={path}"])
    functions = [function for function, *_ in calls]
    assert functions == [data_prep.measure_preparation] * 2 + [
        data_prep.measure_tokenizer
    ]
    assert all("tasks.toml" in files for _, files, *_ in calls)
    output = capsys.readouterr().out
    # 60 rows and 600 tokens in 2 seconds, of which reading took half a one.
    assert "total                    2.00         30          300" in output
    assert "reading                  0.50        120        1,200" in output
    assert "1,234 texts/s, 98,765 tokens/s" in output
    with open(path, encoding="utf-8") as file:
        assert json.load(file)["preparation"]["rows_per_second"] == 30


@pytest.mark.parametrize("wrong", ["--raw_dir=there", "--corpus=vader"])
def test_raw_dir_is_refused_for_a_generated_corpus(wrong, capsys):
    with pytest.raises(SystemExit):
        data_prep.main([wrong])
    assert "--raw_dir is required by" in capsys.readouterr().err


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
