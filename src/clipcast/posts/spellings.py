"""Alternative spellings in a body: `edit_id`, `connection_id`, and a local time with its time zone.

The body is rewritten before it is checked, so all later code handles one spelling.
"""

from typing import Any

from pydantic_core import PydanticCustomError

from clipcast.common.problems import Problem
from clipcast.common.timestamps import format_timestamp, resolve_local

EDIT = {"edit_id": "editId"}
CONNECTION = {"connection_id": "connectionId"}
ITEM = EDIT | CONNECTION


def respell_post(body: Any) -> tuple[Any, list[Problem]]:
    """Return a body of POST /posts in the schema's spelling, and the problems of its alternative spellings."""
    problems: list[Problem] = []
    if not isinstance(body, dict):
        return body, problems
    body = _with_instant(body, problems)
    if isinstance(body.get("videos"), list):
        body["videos"] = [_video(one, f"/videos/{v}", problems) for v, one in enumerate(body["videos"])]
    return body, problems


def respell_patch(body: Any) -> tuple[Any, list[Problem]]:
    """Do the same for a body of PATCH /posts/{id}."""
    problems: list[Problem] = []
    if not isinstance(body, dict):
        return body, problems
    body = _with_instant(body, problems)
    if isinstance(body.get("items"), list):
        body["items"] = [_renamed(one, ITEM, f"/items/{i}", problems) for i, one in enumerate(body["items"])]
    return body, problems


def respell_item(body: Any) -> tuple[Any, list[Problem]]:
    """Do the same for a body that changes one item."""
    problems: list[Problem] = []
    return _renamed(body, ITEM, "", problems), problems


def _video(video: Any, path: str, problems: list[Problem]) -> Any:
    video = _renamed(video, EDIT, path, problems)
    if isinstance(video, dict) and isinstance(video.get("targets"), list):
        targets = [_renamed(one, CONNECTION, f"{path}/targets/{t}", problems) for t, one in enumerate(video["targets"])]
        return video | {"targets": targets}
    return video


def _renamed(value: Any, names: dict[str, str], path: str, problems: list[Problem]) -> Any:
    if not isinstance(value, dict) or not any(name in value for name in names):
        return value
    value = dict(value)
    for other, name in names.items():
        if other not in value:
            continue
        if name in value:
            message = f"{other} and {name} are two spellings of one field. Send one of them."
            problems.append(Problem(f"{path}/{other}", "ambiguous_field", message))
            del value[other]
        else:
            value[name] = value.pop(other)
    return value


def _with_instant(body: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return the body with an offset in `scheduled_at` instead of a `timezone`."""
    body = dict(body)
    if (zone := body.pop("timezone", None)) is None:
        return body
    scheduled_at = body.get("scheduled_at")
    if not isinstance(scheduled_at, str):
        message = "timezone applies to scheduled_at, but scheduled_at is missing. Add it, or remove timezone."
        problems.append(Problem("/timezone", "scheduled_at_missing", message))
        return body
    try:
        body["scheduled_at"] = format_timestamp(resolve_local(scheduled_at, zone))
    except PydanticCustomError as error:
        path, actual = ("/timezone", zone) if error.type == "unknown_timezone" else ("/scheduled_at", scheduled_at)
        problems.append(Problem(path, error.type, error.message(), actual=str(actual)[:60]))
        if error.type == "unknown_timezone":
            problems += _wrong_local_time(scheduled_at)
        del body["scheduled_at"]
    return body


def _wrong_local_time(written: str) -> list[Problem]:
    """Return the problem of a time whose zone is unknown, if it is none in any zone."""
    try:
        resolve_local(written, "UTC")
    except PydanticCustomError as error:
        return [Problem("/scheduled_at", error.type, error.message(), actual=written[:60])]
    return []
