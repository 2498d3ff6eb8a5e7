import hashlib
import json

import pytest

from mtl_tf.utils import checksums


def test_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    # Of FIPS 180-2, appendix B.1.
    assert checksums.sha256(str(tmp_path / "x")) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_sign_adds_a_checksum_of_other_entries():
    value = {"b": [1, 0.1, None], "a": {"ä": True}}
    signed = checksums.sign(value)
    content = '{"a": {"\\u00e4": true}, "b": [1, 0.1, null]}'
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert signed == {**value, "checksum": digest}
    assert checksums.sign(signed) == signed
    # As it is read from a file, in whatever order.
    read = json.loads(json.dumps(dict(reversed(signed.items()))))
    checksums.check(read, "x.json", "")


@pytest.mark.parametrize(
    "value",
    [
        {"a": ["no", "yes"], "b": 2},
        {"a": ["yes", "no"], "b": 1},
        {"a": ["yes", "no"]},
        {"a": ["yes", "no"], "b": 2, "c": 3},
    ],
)
def test_check_finds_each_change(value):
    signed = checksums.sign({"a": ["yes", "no"], "b": 2})
    changed = {**value, "checksum": signed["checksum"]}
    with pytest.raises(ValueError, match=r"x.json was changed") as caught:
        checksums.check(changed, "x.json", "write it again")
    assert str(caught.value) == (
        "x.json was changed after it was written: its checksum does not match "
        "its content: write it again"
    )


@pytest.mark.parametrize("value", [{}, {"a": 1}, [], ["checksum"], 3, None])
def test_check_requires_a_checksum(value):
    with pytest.raises(
        ValueError, match=r"^x.json: 'checksum' is missing: write it again$"
    ):
        checksums.check(value, "x.json", "write it again")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
