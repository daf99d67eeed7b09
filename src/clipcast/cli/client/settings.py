"""The values of `--set PLATFORM.FIELD=VALUE`, typed by the schema that the installation returns for the platform."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clipcast.cli.client.session import Refused

if TYPE_CHECKING:
    from clipcast.sdk import Clipcast

FORM = "Write it as PLATFORM.FIELD=VALUE, such as youtube.privacyStatus=unlisted."


def parse_settings(client: Clipcast, texts: Sequence[str], to: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Return the fields by platform. Raises Refused with the problems of all values.

    A field of a platform that has none of the accounts in `to` is a problem, if the accounts name their platforms.
    """
    if not texts:
        return {}
    from clipcast.common.cells import parse_cell
    from clipcast.sdk.publishing import platform_in

    schemas: dict[str, Any] = {one["name"]: one["metadata_schema"] for one in client.list_platforms()["platforms"]}
    used = {platform_in(name) for name in to}
    found: dict[str, dict[str, Any]] = {}
    problems = []
    for text in texts:
        name, equals, value = text.partition("=")
        platform, dot, field = name.strip().partition(".")
        if not equals or not dot:
            problems.append(f"--set {text!r}: {FORM}")
        elif platform not in schemas:
            problems.append(f"--set {name}: there is no platform {platform!r}. Use one of {', '.join(schemas)}.")
        elif field not in (fields := schemas[platform]["properties"]):
            problems.append(f"--set {name}: {platform} has no field {field!r}. {_advice(field, list(fields))}")
        elif field in found.get(platform, {}):
            problems.append(f"--set {name}: the field is set twice. Separate the values of a list by `;`.")
        elif used and "" not in used and platform not in used:
            problems.append(f"--set {name}: no --to is an account of {platform}. Add one, or leave this out.")
        else:
            try:
                typed = parse_cell(value, fields[field], schemas[platform].get("$defs", {}))
            except ValueError as error:
                problems.append(f"--set {name}: {error} It is {value!r}.")
            else:
                found.setdefault(platform, {})[field] = typed
    if problems:
        raise Refused("Nothing was sent.", details=problems)
    return found


def settings_of(fields: Mapping[str, Any]) -> str:
    """Return the fields of a platform as `--set` takes them: FIELD=VALUE, with `;` between the values of a list."""
    return "  ".join(f"{name}={_written(value)}" for name, value in fields.items() if value is not None)


def _written(value: Any) -> str:
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ";".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _advice(field: str, fields: list[str]) -> str:
    import difflib

    plain = {name.lower(): name for name in fields}
    near = difflib.get_close_matches(field.lower(), list(plain), 1, 0.6)
    return f"Did you mean {plain[near[0]]!r}?" if near else f"Use one of {', '.join(fields)}."
