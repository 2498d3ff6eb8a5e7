"""Other packages import `packed_rnn`, and none of its modules."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[4]
PACKAGE = ROOT / "mtl_tf" / "layers" / "packed_rnn"


def test_no_other_package_imports_a_module_of_packed_rnn():
    modules = "|".join(path.stem for path in PACKAGE.glob("[a-z]*.py"))
    internal = re.compile(
        rf"from mtl_tf\.layers\.packed_rnn(\.| import ({modules})\b)"
    )
    importing = [
        path
        for path in (ROOT / "mtl_tf").rglob("*.py")
        if path.parent != PACKAGE and internal.search(path.read_text("utf-8"))
    ]
    assert not importing


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
