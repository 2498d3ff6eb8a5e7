import json
import os

import pytest
from absl import logging

from benchmarks import data_prep_memory
from benchmarks import own_process
from mtl_tf.utils import log_levels


def test_a_corpus_has_about_as_many_texts(tmp_path):
    actual = data_prep_memory.prepare_generated(330, 1, str(tmp_path))
    # 41 rows and 41 // 4 twice and 41 // 2, in 4 tasks.
    assert actual["texts"] == 4 * (41 + 2 * 10 + 20)
    assert actual["seconds"] > 0
    assert os.listdir(tmp_path) == []


def levels():
    return logging.get_verbosity(), logging.get_absl_logger().level


def test_warnings_are_logged_again_afterwards(tmp_path):
    # Other tests may call it before.
    with log_levels.at(logging.WARNING):
        before = levels()
        data_prep_memory.prepare_generated(330, 1, str(tmp_path))
        assert levels() == before


def _line(texts, processes, seconds=2.0, all_mb=2048.0):
    return {
        "size": texts,
        "processes": processes,
        "texts": texts,
        "seconds": seconds,
        "all_mb": all_mb,
        "one_mb": 700.0,
    }


def test_the_picture_has_a_line_for_each_number_of_processes():
    lines = [_line(10, 1), _line(100, 1, 9.0), _line(10, 2, all_mb=4096.0)]
    time, memory = data_prep_memory.draw(lines).axes
    assert [x.get_label() for x in time.lines] == ["1 process", "2 processes"]
    assert time.lines[0].get_xydata().tolist() == [[10, 2], [100, 9]]
    assert memory.lines[1].get_xydata().tolist() == [[10, 4]]
    assert memory.get_ylim()[0] == 0


def test_the_command_measures_what_is_missing(tmp_path, monkeypatch, capsys):
    calls = []

    def call(function, texts, processes, folder):
        assert function is data_prep_memory.prepare_generated
        calls.append((texts, processes, folder))
        line = _line(texts, processes)
        return (
            {x: line[x] for x in ("texts", "seconds")},
            {x: line[x] for x in ("all_mb", "one_mb")},
        )

    monkeypatch.setattr(own_process, "call_with_peaks", call)
    path, picture = str(tmp_path / "a.json"), str(tmp_path / "a.png")
    arguments = [f"--json={path}", "--processes", "2", f"--folder={tmp_path}"]
    data_prep_memory.main([*arguments, "--texts", "4000"])
    data_prep_memory.main(
        [*arguments, "--texts", "2000", "4000", f"--plot={picture}"]
    )
    assert calls == [(4000, 2, str(tmp_path)), (2000, 2, str(tmp_path))]
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert [line.split() for line in lines] == [
        ["2,000", "2", "2.0", "1,000", "2,048", "700"],
        ["4,000", "2", "2.0", "2,000", "2,048", "700"],
    ]
    with open(path, encoding="utf-8") as file:
        assert len(json.load(file)["measurements"]) == 2
    assert os.path.getsize(picture) > 1000


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
