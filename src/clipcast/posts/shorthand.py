"""Short forms in a body of POST /posts: accounts by their names, and texts that all targets share."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from clipcast.common.problems import Problem
from clipcast.database.hot_queries import Executor, Statement
from clipcast.platforms.base import Platform

ACCOUNTS = Statement("""
    SELECT CAST(id AS text) AS id, platform, username FROM connections
    WHERE workspace_id = :workspace_id AND removed_at IS NULL AND lower(username) = ANY(:names)
    ORDER BY platform, created_at
""")
NAME_MAX = 500


def username_of(value: Any) -> tuple[str, str] | None:
    """Return the platform ("" for any) and the username of `platform:@username` or `@username`, in lower case."""
    if not isinstance(value, str) or len(value) > NAME_MAX:
        return None
    platform, at, name = value.partition("@")
    if not at or not name or (platform and not platform.endswith(":")):
        return None
    return platform.removesuffix(":").strip().lower(), name.lower()


async def resolve_accounts(
    executor: Executor, workspace_id: UUID, written: Mapping[str, Any]
) -> tuple[dict[str, str], list[Problem]]:
    """Return the ids of the connections that `connectionId`s name by an account, by path, and problems.

    `written` holds the values of the fields by path. Ids are left out. A name has a problem if no account has it, or if
    several have.
    """
    named = {path: name for path, value in written.items() if (name := username_of(value))}
    if not named:
        return {}, []
    names = sorted({name for _, name in named.values()})
    found: dict[str, list[Any]] = {}
    for row in await executor.fetch(ACCOUNTS, {"workspace_id": workspace_id, "names": names}):
        found.setdefault(row["username"].lower(), []).append(row)
    ids, problems = {}, []
    for path, (platform, username) in named.items():
        accounts = [row for row in found.get(username, ()) if platform in ("", row["platform"])]
        if len(accounts) == 1:
            ids[path] = accounts[0]["id"]
        else:
            problems.append(_unresolved(path, written[path], accounts))
    return ids, problems


def _unresolved(path: str, written: str, accounts: list[Any]) -> Problem:
    if not accounts:
        message = f"There is no account {written[:60]!r} in this workspace. Use the name or the id of a connected one."
        return Problem(path, "not_found", message)
    names = [f"{row['platform']}:@{row['username']}" for row in accounts]
    # Two accounts of one platform can have the same name, for example on servers of their own.
    choices = names if len(set(names)) == len(names) else [row["id"] for row in accounts]
    message = f"Several accounts are called {written[:60]!r}. Use one of {', '.join(choices)}."
    return Problem(path, "ambiguous_account", message, choices, written[:60])


def common_texts(body: Mapping[str, Any], video: Mapping[str, Any]) -> dict[str, Any]:
    """Return the texts that the targets of a video share, without malformed ones: the form's check reports those."""
    texts: dict[str, Any] = {}
    for holder in (body, video):
        if isinstance(common := holder.get("common"), dict):
            texts |= {name: value for name, value in common.items() if value is not None}
    return {name: value for name, value in texts.items() if isinstance(value, list if name == "tags" else str)}


def with_texts(target: dict[str, Any], platform: Platform[Any], texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target with these texts in the platform's fields, unless its own metadata has the field."""
    metadata = target.get("metadata") or {}
    # Metadata under another platform's name only is in the wrong place: nothing can be added to it.
    if not texts or not isinstance(metadata, dict) or (metadata and platform.name not in metadata):
        return target
    own = metadata.get(platform.name)
    if own is not None and not isinstance(own, dict):
        return target
    model = platform.metadata
    known = {field.alias or name for name, field in model.model_fields.items()}
    fields = {"title": model.title_field, "text": model.text_field, "tags": "tags"}
    filled = {fields[name]: value for name, value in texts.items() if fields.get(name) in known}
    return target | {"metadata": metadata | {platform.name: filled | (own or {})}}
