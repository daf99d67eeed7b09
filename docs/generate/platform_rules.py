"""The page of the platforms, from the rules in the code."""

from typing import Any

from built_in import PLATFORMS

from clipcast.platforms.base import Platform
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import MediaRules

HEAD = """# What each platform accepts

`make docs` generates this page from the rules in the code. `GET /platforms` returns the same rules as data, and
preflight applies them. [Each platform's page](platforms/) has the sources.

## Media

A file must have these properties. If it lacks one, Clipcast [converts](conversions.md) it. If a property is marked
"advised", preflight only warns.

| | containers | codecs | size | duration | frames per second | picture | sound | layout |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
QUOTAS_HEAD = """
## Quotas

These are the platforms' allowances, as Clipcast counts them. If a quota is used up, the item shows `quota_spent` and
waits until `next_attempt_at`, then continues. If your allowance differs, set `CLIPCAST_QUOTAS`.
`GET /connections/{id}/options` returns the remaining units.

| quota | allowance | window | scope | requests counted (units, if not 1) |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """Return the whole page."""
    rows = "".join(_media_rows(platform) for platform in PLATFORMS.values())
    quotas = "".join(_quota_row(platform, quota) for platform in PLATFORMS.values() for quota in platform.quotas)
    return HEAD + rows + QUOTAS_HEAD + quotas + "".join(_fields(platform) for platform in PLATFORMS.values())


def _media_rows(platform: Platform[Any]) -> str:
    kinds = [("", platform.media), *((f" {kind}", rules) for kind, rules in platform.media_kinds.items())]
    return "".join(_media_row(platform.title + kind, rules) for kind, rules in kinds)


def _media_row(title: str, rules: MediaRules) -> str:
    cells = (
        f"[{title}]({rules.docs_url})",
        _set(rules, "containers"),
        _set(rules, "video_codecs"),
        _range(rules, "min_bytes", "max_bytes", "bytes"),
        _range(rules, "min_duration", "max_duration", "s") if rules.max_duration else "the account's own limit",
        _list(
            _range(rules, "min_frame_rate", "max_frame_rate"),
            _flag(rules, "constant_frame_rate", "constant"),
        ),
        _picture(rules),
        _sound(rules),
        _list(
            _flag(rules, "index_first", "index (moov) first"),
            _flag(rules, "no_fragments", "no fragments"),
            _flag(rules, "no_edit_lists", "no edit lists"),
            _flag(rules, "no_hev1", "HEVC marked hvc1"),
            _flag(rules, "known_duration", "duration in the header"),
            _flag(rules, "not_mirrored", "no mirroring"),
        ),
    )
    return f"| {' | '.join(cells)} |\n"


def _quota_row(platform: Platform[Any], quota: Quota) -> str:
    cells = (
        f"`{platform.name}.{quota.name}`",
        "as the platform reports" if quota.limit is None else f"{quota.limit:,}",
        quota.window,
        "the whole app" if quota.of_app else "one account",
        ", ".join(f"`{name}`" + (f" ({units})" if units > 1 else "") for name, units in quota.charges.items()),
    )
    return f"| {' | '.join(cells)} |\n"


def _list(*parts: str) -> str:
    return ", ".join(part for part in parts if part) or "any"


def _advised(rules: MediaRules, name: str) -> str:
    return " advised" if name in rules.soft else ""


def _set(rules: MediaRules, name: str) -> str:
    return ", ".join(sorted(getattr(rules, name))) + _advised(rules, name)


def _flag(rules: MediaRules, name: str, text: str) -> str:
    return text + _advised(rules, name) if getattr(rules, name) else ""


def _range(rules: MediaRules, least: str, most: str, unit: str = "") -> str:
    low, high = getattr(rules, least), getattr(rules, most)
    if low is None and high is None:
        return ""
    if low is None:
        shown = f"up to {high:,.4g}" if isinstance(high, float) else f"up to {high:,}"
    elif high is None:
        shown = f"at least {low:,}"
    else:
        shown = f"{low:,.4g} to {high:,.4g}" if isinstance(low, float) else f"{low:,} to {high:,}"
    return f"{shown} {unit}".strip() + _advised(rules, most if high is not None else least)


def _picture(rules: MediaRules) -> str:
    edges, width, height, aspect = (
        _range(rules, f"min_{name}", f"max_{name}", unit)
        for name, unit in (("edge", "px"), ("width", "px"), ("height", "px"), ("aspect", ""))
    )
    return _list(
        edges and f"edges {edges}",
        width and f"width {width}",
        height and f"height {height}",
        aspect and f"width / height {aspect}",
        f"else padded to {rules.canvas_aspect:.4g}" if rules.canvas_aspect else "",
        f"up to {rules.max_video_bit_rate:,} bit/s" if rules.max_video_bit_rate else "",
        _set(rules, "chroma") if rules.chroma else "",
        f"{rules.max_bit_depth} bit{_advised(rules, 'max_bit_depth')}" if rules.max_bit_depth else "",
        _flag(rules, "sdr", "SDR"),
        _flag(rules, "progressive", "progressive"),
        _flag(rules, "square_pixels", "square pixels"),
        _flag(rules, "closed_gop", "closed GOP"),
    )


def _sound(rules: MediaRules) -> str:
    return _list(
        _set(rules, "audio_codecs"),
        f"up to {rules.max_audio_rate:,} Hz" if rules.max_audio_rate else "",
        f"up to {rules.max_audio_channels} channels" if rules.max_audio_channels else "",
        f"profile {_set(rules, 'audio_profiles')}" if rules.audio_profiles else "",
        _range(rules, "min_audio_bit_rate", "max_audio_bit_rate", "bit/s"),
        f"{rules.advised_audio_bit_rate:,} bit/s advised" if rules.advised_audio_bit_rate else "",
        _flag(rules, "needs_sound", "a must"),
    )


def _fields(platform: Platform[Any]) -> str:
    lines = [f"\n## {platform.title}\n", f"The object `{platform.name}` in an item's `metadata`.\n"]
    lines += ["| field | required | meaning |", "| --- | --- | --- |"]
    schema = platform.metadata.model_json_schema(by_alias=True)
    for name, field in schema["properties"].items():
        required = "yes" if name in schema.get("required", []) else ""
        lines.append(f"| `{name}` | {required} | {_meaning(field)} |")
    return "\n".join(lines) + "\n"


def _meaning(field: dict[str, Any]) -> str:
    values = field.get("enum") or next((one["enum"] for one in field.get("anyOf", []) if "enum" in one), [])
    choices = ", ".join(f"`{value}`" for value in values)
    text = " ".join(part for part in (field.get("description", ""), choices) if part)
    return text.replace("|", "\\|").replace("<", "&lt;")
