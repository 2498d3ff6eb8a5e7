"""The results of a new task are the same on all pages."""

import pytest

from tools import marked_pages
from tools import new_task_results

_TEXTS = {x: x.read_text("utf-8") for x in new_task_results.PAGES}


@pytest.mark.parametrize("page", new_task_results.PAGES, ids=lambda x: x.name)
def test_each_page_has_the_same_table(page):
    table = marked_pages.between(_TEXTS[page], *new_task_results.MARKS)
    assert table == marked_pages.between(
        _TEXTS[new_task_results.PAGE], *new_task_results.MARKS
    )
    head, _, *lines = [line.split("|") for line in table.splitlines()]
    assert [x.strip() for x in head[1:4]] == ["labels", "seeds", "alone"]
    assert [line[1].strip() for line in lines] == [
        *("50", "100", "200", "400", "all")
    ]
    for line in lines:
        alone, together, gain = (float(x.replace("−", "-")) for x in line[3:6])
        # Rounded numbers.
        assert gain == pytest.approx(together - alone, abs=0.101)


def test_the_page_has_a_table_for_each_task():
    tables = marked_pages.between(
        _TEXTS[new_task_results.PAGE],
        *new_task_results.MARKS_OF_TASKS,
    )
    for task in ("amazon", "movies", "nyt", "tweets"):
        assert f"{task}:\n\n| labels | seeds |" in tables


def test_a_table_of_scores():
    row = {"task": "books", "train_size": "100", "seeds": "5"}
    rows = [
        {**row, "test": "0.5"},
        {
            **row,
            "test": "0.4375",
            "gain": "-0.0625",
            "gain_low": "-0.125",
            "gain_high": "0.03",
        },
    ]
    assert new_task_results.make_table(rows, "books").splitlines()[2:] == [
        "| 100 | 5 | 50.0 | 43.8 | −6.2 | −12.5 to 3.0 |"
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
