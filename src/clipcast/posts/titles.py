"""What people call a post: the first line of its caption, else the name of its clip."""

from collections.abc import Mapping
from typing import Any

from clipcast.platforms.registry import PLATFORMS

# A line of a list is cut there. The post's own page shows the rest.
LINE_MAX = 120


def title_of(platform: str, details: Mapping[str, Any], clip_name: str = "") -> str:
    """Return the title of an item with this metadata: one line of at most `LINE_MAX` characters."""
    model = PLATFORMS[platform].metadata if platform in PLATFORMS else None
    fields = (model.text_field, model.title_field) if model else ()
    texts = [details.get(field) for field in fields if field]
    return first_line(*(text for text in texts if isinstance(text, str)), clip_name)


def first_line(*texts: str) -> str:
    """Return the first line with words of the first text that has one."""
    for text in texts:
        for line in text.splitlines():
            if words := " ".join(line.split()):
                return words if len(words) <= LINE_MAX else words[: LINE_MAX - 1].rstrip() + "…"
    return "Untitled clip"
