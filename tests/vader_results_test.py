"""The results of the default corpus in the documentation."""

import pytest

from tools import marked_pages
from tools import vader_results


def test_the_page_has_a_table():
    text = vader_results.PAGE.read_text("utf-8")
    table = marked_pages.between(text, *vader_results.MARKS)
    assert table.startswith(vader_results.HEAD + "\n")
    lines = [line.split("|") for line in table.splitlines()[2:]]
    assert [line[1].strip() for line in lines] == [
        *("amazon", "movies", "nyt", "tweets", "average")
    ]
    for line in lines:
        assert len(line) == 8
        assert all(" ± " in cell for cell in line[4:7])


def _results(accuracy, deviation):
    def by_output(value, rest):
        return {"main": {"test": {"accuracy": value, **rest}}}

    rows = {"n": 200.0}
    majority = {"majority": {"test": {"accuracy": 0.25}}}
    return {
        "num_runs": 5,
        "tasks": {"books": by_output(accuracy, rows) | majority},
        "average": by_output(accuracy + 0.1, {}) | majority,
        "deviation": {
            "tasks": {"books": by_output(deviation, {"n": 0.0})},
            "average": by_output(deviation / 2, {}),
        },
    }


def test_a_table_of_results():
    runs = [_results(0.5, 0.02), _results(0.625, 0.01), _results(0.75, 0.006)]
    assert vader_results.make_table(runs).splitlines()[2:] == [
        "| books | 200 | 25.0 | 50.0 ± 2.0 | 62.5 ± 1.0 | 75.0 ± 0.6 |",
        "| average | | 25.0 | 60.0 ± 1.0 | 72.5 ± 0.5 | 85.0 ± 0.3 |",
    ]
    with pytest.raises(ValueError, match="5 seeds are expected"):
        vader_results.make_table([{**runs[0], "num_runs": 3}, *runs[1:]])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
