import json

import pytest

from data_prep.pipeline import findings


def _finding(kind, task, count):
    return findings.Finding(kind, task, count, f"{count} of {kind}")


def test_findings_round_trip_as_json():
    finding = findings.Finding(
        "test_in_other_train", "a", 3, "said", ("a-1", "a-2"), {"b": 3}
    )
    value = json.loads(json.dumps(finding.to_json()))
    assert value["examples"] == ["a-1", "a-2"]
    assert value["by_task"] == {"b": 3}
    assert findings.Finding.from_json(value) == finding


def test_few_findings_have_one_line_each():
    many = [_finding("no_blanks", f"t{n}", n) for n in range(12)]
    lines = findings.summarize(many)
    assert len(lines) == 12
    assert lines[3] == "task t3: 3 of no_blanks"


def test_many_findings_have_one_line_per_kind():
    many = [_finding("no_blanks", f"t{n}", 1000 + n) for n in range(3)]
    many += [_finding("conflicts_in_train", f"t{n}", 12 - n) for n in range(9)]
    many += [_finding("unknown_words", "t5", 7)]
    assert findings.summarize(many) == [
        # In the order of kinds; 12 + 11 + ... + 4.
        "9 tasks: texts of train with several labels: 72, most of them in "
        "t0 (12)",
        "3 tasks: texts without blanks between words: 3,003, most of them in "
        "t2 (1,002)",
        "task t5: 7 of unknown_words",
    ]


def test_all_kinds_in_many_tasks_have_one_line_each():
    many = [
        _finding(kind, f"t{n}", n) for kind in findings.KINDS for n in range(64)
    ]
    assert len(findings.summarize(many)) == len(findings.KINDS) == 13


def test_listed_shortens_long_lists():
    assert findings.listed([]) == ""
    assert findings.listed(["a", "b", "c"]) == "a, b, c"
    assert findings.listed(["a", "b", "c", "d"]) == "a, b, c and 1 more"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
