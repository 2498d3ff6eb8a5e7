import pytest

from data_prep.pipeline import partitions
from data_prep.pipeline import row_ids


@pytest.fixture(params=[(2, 250_000), (1000, 250_000), (2, 3), (1000, 3)])
def ids(request, tmp_path, monkeypatch):
    """Ids of which some, or none, are in files, or divided again."""
    ids_in_memory, rows_per_partition = request.param
    monkeypatch.setattr(row_ids, "_IDS_IN_MEMORY", ids_in_memory)
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", rows_per_partition)
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


def test_partitions_do_not_grow_with_the_ids(tmp_path, monkeypatch):
    monkeypatch.setattr(row_ids, "_IDS_IN_MEMORY", 500)
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", 20)
    sizes, repeated_in = [], row_ids.RowIds._repeated_in

    def remember(ids, partition):
        sizes.append(ids._sizes[partition])
        return repeated_in(ids, partition)

    monkeypatch.setattr(row_ids.RowIds, "_repeated_in", remember)
    ids = row_ids.RowIds(str(tmp_path / "ids"))
    for number in range(64 * 30):
        ids.add(f"t-{number}", f"a.tsv:{number}", number)
    ids.check()
    assert sum(sizes) == 64 * 30
    assert max(sizes) < 20


def test_an_id_of_very_many_rows_is_found(ids):
    for number in range(100):
        ids.add("t", f"a.tsv:{number}", "t")
    with pytest.raises(ValueError, match=r"a\.tsv:1: id 't' repeats a\.tsv:0"):
        ids.check()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
