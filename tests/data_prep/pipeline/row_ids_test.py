import pytest

from data_prep.pipeline import row_ids


@pytest.fixture(params=[2, 1000])
def ids(request, tmp_path, monkeypatch):
    """Ids of which some, or none, are in files."""
    monkeypatch.setattr(row_ids, "_IDS_IN_MEMORY", request.param)
    return row_ids.RowIds(str(tmp_path / "ids"))


def test_different_ids_are_accepted(ids):
    for number in range(300):
        ids.add(f"t-{number}", f"a.tsv:{number}", number)
    ids.check()


def test_the_first_row_that_repeats_an_id_is_named(ids):
    for number in range(300):
        ids.add(f"t-{number}", f"a.tsv:{number}", number)
    for number in (250, 7, 250):
        ids.add(f"t-{number}", f"b.tsv:{number}", str(number))
    with pytest.raises(
        ValueError,
        match=r"^b\.tsv:250: id '250' repeats a\.tsv:250: ids must differ",
    ):
        ids.check()


def test_a_row_that_is_read_twice_repeats_no_id(ids):
    for _ in range(2):
        for number in range(5):
            ids.add(f"t-{number}", f"a.tsv:{number}", number)
    ids.check()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
