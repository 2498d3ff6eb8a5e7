import pytest

from data_prep.pipeline import column_roles

_TEXTS = [f"this is the long text number {i} of {i * i}" for i in range(40)]
_NAMES = [f"Ann{i} Smith" for i in range(40)]


def _guess(**columns):
    return column_roles.guess(
        column_roles.Column.of(name, list(values))
        for name, values in columns.items()
    )


def _names(columns):
    return [column.name for column in columns]


@pytest.mark.parametrize(
    "labels",
    [
        ["no", "yes"] * 20,
        [0, 1, 2, 3] * 10,
        [1.0, 2.0] * 20,
        ["1", "2.0"] * 20,
        [True, False] * 20,
        ["very good", "not bad"] * 20,
        ["no", "yes", None, "no"] * 10,
    ],
    ids=str,
)
def test_values_that_repeat_are_labels(labels):
    roles = _guess(a=_TEXTS, b=labels)
    assert _names(roles.texts) == ["a"]
    assert _names(roles.labels) == ["b"]
    assert column_roles.obvious_text(roles).name == "a"
    assert column_roles.obvious_label(roles).name == "b"


@pytest.mark.parametrize(
    "values",
    [
        range(40),
        [i / 3 for i in range(40)],
        ["0.5", "1"] * 20,
        ["same"] * 40,
        [None] * 40,
        [[1, 2]] * 40,
        ["train", "dev"] * 20,
    ],
    ids=["indices", "numbers", "halves", "one", "none", "lists", "in"],
)
def test_values_that_are_no_labels(values):
    roles = _guess(a=_TEXTS, b=values)
    assert not roles.labels
    assert _names(roles.texts) == ["a"]


def test_names_decide_between_several_columns():
    labels = ["a", "b"] * 20
    roles = _guess(source=labels, note=_TEXTS, text=_TEXTS, intent=labels)
    assert _names(roles.labels) == ["intent", "source"]
    assert column_roles.obvious_label(roles).name == "intent"
    assert _names(roles.texts) == ["text", "note"]
    assert column_roles.obvious_text(roles).name == "text"
    roles = _guess(source=labels, note=_TEXTS, remark=_TEXTS, kind=labels)
    assert column_roles.obvious_label(roles) is None
    assert column_roles.obvious_text(roles) is None


def test_no_column_has_a_role():
    roles = _guess(a=range(40), b=[None] * 40)
    assert column_roles.obvious_label(roles) is None
    assert column_roles.obvious_text(roles) is None


@pytest.mark.parametrize(
    ("columns", "pair"),
    [
        ({"answer": _TEXTS, "question": _TEXTS}, ["question", "answer"]),
        ({"before": _TEXTS, "after": _TEXTS}, ["before", "after"]),
        ({"title": _TEXTS, "text": _TEXTS}, []),
        ({"text": _TEXTS}, []),
        # Topics are first texts if another column has the labels.
        (
            {"topic": ["art", "sport"] * 20, "text": _TEXTS},
            [],
        ),
        (
            {
                "topic": ["art", "sport"] * 20,
                "text": _TEXTS,
                "stance": ["for", "against"] * 20,
            },
            ["topic", "text"],
        ),
        (
            {"target": [0, 1] * 20, "text": _TEXTS, "more": [1, 2] * 20},
            [],
        ),
    ],
)
def test_pairs_of_texts(columns, pair):
    assert _names(_guess(**columns).pair) == pair


def test_groups_ids_and_splits():
    roles = _guess(
        id=range(40),
        text=_TEXTS,
        label=["no", "yes"] * 20,
        author=_NAMES[:10] * 4,
        subset=["train", "train", "val", "test"] * 10,
        fold=[1, 2] * 20,
    )
    assert _names(roles.row_id) == ["id"]
    assert _names(roles.group) == ["author"]
    assert _names(roles.split) == ["subset"]


def test_ids_and_groups_are_known_by_their_values_too():
    roles = _guess(
        id=[1, 1] * 20, text=_TEXTS, label=["a", "b"] * 20, author=_NAMES
    )
    assert not roles.row_id
    assert not roles.group


def test_texts_without_blanks():
    roles = _guess(a=[f"這是一個很長的句子{i}" for i in range(9)], b=range(9))
    assert _names(roles.texts) == ["a"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
