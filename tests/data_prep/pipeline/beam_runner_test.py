"""Beam's runner has the files of the local one."""

import os
import subprocess
import sys

import pytest

from data_prep.corpora import synthetic
from data_prep.pipeline import blocks
from data_prep.pipeline import duplicates
from data_prep.pipeline import partitions
from data_prep.pipeline import prepare
from mtl_tf.data import records
from tests.helpers import leaky_corpus

pytest.importorskip(
    "apache_beam", reason="needs the extra beam: pip install -e '.[beam]'"
)

pytestmark = [
    # Apache Beam imports modules that warn.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.beam,
]
_DIRECT = ["--runner=DirectRunner"]


def _checksums(corpus):
    corpus.check_files()
    return corpus.declaration["files"]


@pytest.mark.parametrize("rows_per_block", [30, 8192])
def test_files_equal_those_of_the_local_runner(
    tmp_path, monkeypatch, rows_per_block
):
    local = prepare.prepare(
        leaky_corpus.make_source(), str(tmp_path / "local"), 3
    )
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", rows_per_block)
    beam = prepare.prepare(
        leaky_corpus.make_source(stream=leaky_corpus.stream),
        str(tmp_path / "beam"),
        3,
        beam_flags=_DIRECT,
    )
    assert _checksums(beam) == _checksums(local)
    # Also the findings, and all that is counted.
    assert beam.declaration == local.declaration
    assert len(beam.declaration["findings"]) > 5
    assert sorted(os.listdir(tmp_path)) == ["beam", "local"]


def test_several_shards_of_records_are_equal(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "ROWS_PER_SHARD", 50)
    corpora = [
        prepare.prepare(
            synthetic.make_source(200, 60),
            str(tmp_path / name),
            beam_flags=beam_flags,
        )
        for name, beam_flags in (("local", None), ("beam", _DIRECT))
    ]
    assert "records/moods-train-00003-of-00004.tfrecord" in (
        _checksums(corpora[0])
    )
    assert corpora[1].declaration == corpora[0].declaration


def test_an_invalid_row_is_an_error_that_names_it(tmp_path):
    rows = leaky_corpus.read()
    wrong = records.Row("films-x", "", "text", "nope")

    def stream(folder):
        del folder
        rows[1].splits["dev"].append(wrong)
        return [x.shards() for x in rows]

    with pytest.raises(ValueError, match="task films has no label 'nope'"):
        prepare.prepare(
            leaky_corpus.make_source(stream=stream),
            str(tmp_path / "out"),
            beam_flags=_DIRECT,
        )
    assert os.listdir(tmp_path) == []


def test_repeated_ids_are_an_error(tmp_path):
    rows = leaky_corpus.read()
    rows[1].splits["dev"].append(rows[1].splits["dev"][0])
    with pytest.raises(ValueError, match="ids repeat, such as films-dev-0"):
        prepare.prepare(
            leaky_corpus.make_source(
                stream=lambda folder: [x.shards() for x in rows]
            ),
            str(tmp_path / "out"),
            beam_flags=_DIRECT,
        )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([*_DIRECT, "--runers=x"], "unexpected argument '--runers=x'"),
        (["--runner=NoneRunner"], "NoneRunner"),
    ],
)
def test_flags_are_checked_before_the_corpus_is_read(tmp_path, flags, message):
    def fail(folder):
        raise AssertionError(folder)

    with pytest.raises(ValueError, match=message):
        prepare.prepare(
            leaky_corpus.make_source(stream=fail),
            str(tmp_path / "new" / "out"),
            beam_flags=flags,
        )
    assert os.listdir(tmp_path) == []


def test_a_large_corpus_has_more_partitions(tmp_path, monkeypatch):
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", 5)
    numbers, partition = set(), duplicates.RowTable.partition

    def remember(table, number):
        numbers.add(number)
        return partition(table, number)

    monkeypatch.setattr(duplicates.RowTable, "partition", remember)
    corpus = prepare.prepare(
        leaky_corpus.make_source(), str(tmp_path / "out"), beam_flags=_DIRECT
    )
    rows = sum(sum(x.values()) for x in corpus.rows.values())
    (number,) = numbers
    assert number > 64
    # Rows of train that are in dev are removed.
    assert rows // 5 <= number - 1 <= rows // 5 + 10


def test_the_command_passes_flags_to_beam(tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "data_prep.main", "--corpus=synthetic"),
            *("--rows=40", "--main_rows=8", f"--out_dir={tmp_path / 'out'}"),
            *("--runner=DirectRunner", "--", "--direct_num_workers=1"),
        ],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert "prepared corpus synthetic in" in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
