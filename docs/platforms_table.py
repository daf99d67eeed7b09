"""Writes docs/platforms.md from the rules in the code: `make docs`. A test fails when the page is out of date."""

from pathlib import Path
from typing import Any

from clipcast.platforms.base import Platform
from clipcast.platforms.quota import Quota
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.rules import MediaRules

PAGE = Path(__file__).parent / "platforms.md"
HEAD = """# What each platform takes

Made from the rules in the code by `make docs`; `GET /platforms` answers the same as data, and preflight checks by it.

## Media

| | containers | codecs | size | duration | frames per second | picture |
| --- | --- | --- | --- | --- | --- | --- |
"""
QUOTAS_HEAD = """
## Quotas

What a platform allows, as Clipcast counts it. An item whose turn has not come waits, says so (`quota_spent`, with
`next_attempt_at`), and goes on by itself. `CLIPCAST_QUOTAS` says where you are allowed more or want less;
`GET /connections/{id}/options` tells what is left.

| quota | allows | in a | for | counts |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    rows = "".join(f"{_media_row(platform)}\n" for platform in PLATFORMS.values())
    quotas = "".join(_quota_row(platform, quota) for platform in PLATFORMS.values() for quota in platform.quotas)
    return HEAD + rows + QUOTAS_HEAD + quotas + "".join(_fields(platform) for platform in PLATFORMS.values())


def _media_row(platform: Platform[Any]) -> str:
    rules = platform.media
    advised = "" if rules.strict_format else " advised"
    cells = (
        f"[{platform.title}]({rules.docs_url})",
        ", ".join(sorted(rules.containers)) + advised,
        ", ".join(sorted(rules.video_codecs)) + advised,
        _range(rules.min_bytes, rules.max_bytes, "bytes"),
        _range(rules.min_duration, rules.max_duration, "s"),
        _range(rules.min_frame_rate, rules.max_frame_rate, ""),
        _picture(rules),
    )
    return f"| {' | '.join(cells)} |"


def _quota_row(platform: Platform[Any], quota: Quota) -> str:
    cells = (
        f"`{platform.name}.{quota.name}`",
        "until the platform says so" if quota.limit is None else f"{quota.limit:,}",
        quota.window,
        "the whole app" if quota.of_app else "each account",
        ", ".join(f"`{name}`" + (f" ({units})" if units > 1 else "") for name, units in quota.charges.items()),
    )
    return f"| {' | '.join(cells)} |\n"


def _range(least: float | None, most: float | None, unit: str) -> str:
    if least is None and most is None:
        return "any"
    shown = f"up to {most:,.15g}" if least is None else f"{least:,.15g} to {most:,.15g}"
    return f"{shown} {unit}".strip()


def _picture(rules: MediaRules) -> str:
    parts = []
    if rules.min_edge or rules.max_edge:
        parts.append(f"edges {_range(rules.min_edge, rules.max_edge, 'px')}")
    if rules.max_width:
        parts.append(f"at most {rules.max_width} px wide")
    if rules.min_aspect or rules.max_aspect:
        parts.append(f"width / height {_range(rules.min_aspect, rules.max_aspect, '')}")
    return ", ".join(parts) or "any"


def _fields(platform: Platform[Any]) -> str:
    lines = [f"\n## {platform.title}\n", f"The object `{platform.name}` in an item's `metadata`.\n"]
    lines += ["| field | required | what it is |", "| --- | --- | --- |"]
    schema = platform.metadata.model_json_schema(by_alias=True)
    for name, field in schema["properties"].items():
        required = "yes" if name in schema.get("required", []) else ""
        lines.append(f"| `{name}` | {required} | {_told(field)} |")
    return "\n".join(lines) + "\n"


def _told(field: dict[str, Any]) -> str:
    values = field.get("enum") or next((one["enum"] for one in field.get("anyOf", []) if "enum" in one), [])
    choices = ", ".join(f"`{value}`" for value in values)
    text = " ".join(part for part in (field.get("description", ""), choices) if part)
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page())
