"""Facets of a text and their offsets in UTF-8 bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipcast.platforms.bluesky.facets import facets_of, handles_in

DIDS = {"harbour.films": "did:plc:harbour"}


def found(text: str) -> list[tuple[str, str]]:
    """Return the text and the value of each facet."""
    pairs = []
    for facet in facets_of(text, DIDS):
        index, [feature] = facet["index"], facet["features"]
        covered = text.encode()[index["byteStart"] : index["byteEnd"]].decode()
        pairs.append((covered, feature.get("uri") or feature.get("tag") or feature["did"]))
    return pairs


@pytest.mark.parametrize(
    ("text", "facets"),
    [
        ("nothing here", []),
        ("#fog", [("#fog", "fog")]),
        ("\U0001f30a #fog, #pier!", [("#fog", "fog"), ("#pier", "pier")]),
        ("caf\u00e9 #caf\u00e9", [("#caf\u00e9", "caf\u00e9")]),
        ("#2026 is no tag, #2026a is", [("#2026a", "2026a")]),
        ("a#b is none", []),
        ("#" + "x" * 65, []),
        ("see https://example.org/a.", [("https://example.org/a", "https://example.org/a")]),
        ("(https://example.org/a)", [("https://example.org/a", "https://example.org/a")]),
        ("https://example.org/a_(b)", [("https://example.org/a_(b)", "https://example.org/a_(b)")]),
        ("see example.org", [("example.org", "https://example.org")]),
        ("see Example.org/a?b#c, and", [("Example.org/a?b#c", "https://Example.org/a?b#c")]),
        ("(sub.example.co.uk)", [("sub.example.co.uk", "https://sub.example.co.uk")]),
        ("example.org:8080/a.", [("example.org:8080/a", "https://example.org:8080/a")]),
        ("v1.2 of clip.mp4, e.g. this", []),
        ("1example.org", []),
        ("harbour@example.org", []),
        ("example.org@harbour.films", []),
        ("my-harbour.org", []),
        ("#example.org", [("#example.org", "example.org")]),
        ("buy $fog, not $toolong or $1", [("$fog", "$FOG")]),
        ("a$fog", []),
        ("hi @harbour.films!", [("@harbour.films", "did:plc:harbour")]),
        ("hi @Harbour.Films", [("@Harbour.Films", "did:plc:harbour")]),
        ("hi @nobody.here", []),
        ("mail me@harbour.films", []),
        (
            "\u00e9 @harbour.films #a https://b.example",
            [("@harbour.films", "did:plc:harbour"), ("#a", "a"), ("https://b.example", "https://b.example")],
        ),
    ],
)
def test_facets_of_finds_links_tags_and_mentions(text: str, facets: list[tuple[str, str]]) -> None:
    """Each facet covers its characters and has its value."""
    assert found(text) == facets


@given(st.text(alphabet="a#@.: /(\u00e9\U0001f30a1)h", max_size=60))
def test_facets_of_any_text_cut_no_character(text: str) -> None:
    """The offsets lie within the text and between characters."""
    for covered, meant in found(text):
        assert covered in text
        assert meant


def test_handles_in_lists_each_handle_once() -> None:
    """A repeated handle is resolved once."""
    assert handles_in("@a.example and @A.example and @b.example") == ["a.example", "b.example"]
