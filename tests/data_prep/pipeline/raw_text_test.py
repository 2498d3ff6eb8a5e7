import pytest

from data_prep.pipeline import raw_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("R&amp;B &lt;3 &#39;n&#x27; &eacute;", "R&B <3 'n' é"),
        # Text that is escaped twice is unescaped once.
        ("&amp;quot;", "&quot;"),
        # Without a semicolon, or unknown.
        (
            "this&nothing AT&T &lt 3 &nosuch;",
            "this&nothing AT&T &lt 3 &nosuch;",
        ),
        ("", ""),
    ],
)
def test_unescape_replaces_entities(raw, text):
    assert raw_text.unescape(raw) == text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
