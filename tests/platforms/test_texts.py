"""Web addresses in texts."""

import pytest

from clipcast.platforms.texts import ADDRESS, without_addresses


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://example.com/#a, b", ["https://example.com/#a,"]),
        ("www.example.com", ["www.example.com"]),
        ("example.com/a sub.example-b.co.uk?c", ["example.com/a", "sub.example-b.co.uk?c"]),
        ("example.com and v1.2/3", []),
        ("me@example.com/x", []),
        ("/path/example.com/#a", []),
        ("httpsx://a", []),
    ],
)
def test_address_is_found_with_scheme_or_path(text: str, found: list[str]) -> None:
    assert [match[0] for match in ADDRESS.finditer(text)] == found


def test_long_text_is_searched_quickly() -> None:
    for text in ("a" * 5000, "a-" * 2500, "a." * 2500, "https://" * 600):
        assert len(without_addresses(text)) <= len(text)
