"""Problems of a post in the words of the command line: accounts as written, and the option to change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clipcast.sdk import Clipcast

# The options that fill a platform's own fields.
SHARED = {"title": "--title", "tags": "--tag", "text": "--text"}
LIST_ACCOUNTS = "`clipcast accounts list` shows the accounts."
# The choices that a message lists.
CHOICES_MAX = 12
# How a message names another item of its request.
ITEM = re.compile(r"/videos/(\d+)/targets/(\d+) of this request")


def lines_of(
    client: Clipcast, problems: Sequence[Mapping[str, Any]], files: Sequence[str], to: Sequence[str]
) -> list[str]:
    """Return a line for each problem of POST /posts, without repetitions."""
    lines, offers = [], Offers(client)
    for problem in problems:
        where, advice = _place(offers, problem, files, to)
        message = ITEM.sub(lambda place: f"{files[int(place[1])]} to {to[int(place[2])]}", str(problem["message"]))
        line = f"{where}: {message}" if where else message
        lines.append(f"{line} {advice}".rstrip())
    return list(dict.fromkeys(lines))


def _place(offers: Offers, problem: Mapping[str, Any], files: Sequence[str], to: Sequence[str]) -> tuple[str, str]:
    """Return what a problem is about, and the option that repairs it."""
    match str(problem["path"]).split("/")[1:]:
        case ["videos", _, "targets", number, "metadata", platform, field, *_]:
            account = to[int(number)]
            if problem["code"] == "required":
                return f"{account}, {field}", _missing(offers, account, platform, field)
            return f"{account}, {platform}.{field}", ""
        case ["videos", video, "targets", number, "connectionId"]:
            return f"--to {to[int(number)]}", LIST_ACCOUNTS if problem["code"] == "not_found" else ""
        case ["videos", video, "targets", number, *_]:
            return f"{files[int(video)]} to {to[int(number)]}" if len(files) > 1 else to[int(number)], ""
        case ["videos", video, *_]:
            return files[int(video)], ""
        case ["scheduled_at", *_]:
            return "--at", ""
        case ["timezone", *_]:
            return "--timezone", ""
        case ["common", name, *_]:
            return SHARED.get(name, name), ""
    return "", ""


def _missing(offers: Offers, account: str, platform: str, field: str) -> str:
    """Return which option gives a required field, with the choices that the account has."""
    option = f"--set {platform}.{field}=VALUE"
    if field in SHARED:
        return f"Add {SHARED[field]}, or {option}."
    listed = "; ".join(choices_of(offers.of(account, platform).get(field))[:CHOICES_MAX])
    return f"Add {option}." + (f" Its values now: {listed}." if listed else "")


def choices_of(values: Any) -> list[str]:
    """Return the values of a field that an account offers, each with its name."""
    found = []
    for one in values if isinstance(values, list) else []:
        name = one.get("title") or one.get("name") if isinstance(one, Mapping) else None
        value = one.get("id") if isinstance(one, Mapping) else one
        found.append(f"{value} ({name})" if name else str(value))
    return found


class Offers:
    """What accounts offer now. Each account is asked once."""

    def __init__(self, client: Clipcast) -> None:
        self._client = client
        self._connections: list[Any] | None = None
        self._found: dict[str, Mapping[str, Any]] = {}

    def of(self, account: str, platform: str) -> Mapping[str, Any]:
        """Return the choices of the account's fields; nothing if they cannot be found out."""
        from clipcast.sdk import ClipcastError

        name = account.rpartition("@")[2].lower()
        try:
            if self._connections is None:
                self._connections = list(self._client.iterate_connections())
            for one in self._connections:
                if one["platform"] == platform and (one["id"] == account or one["username"].lower() == name):
                    return self._options(one["id"])
        except ClipcastError:
            self._connections = self._connections or []
        return {}

    def _options(self, connection: str) -> Mapping[str, Any]:
        if connection not in self._found:
            # Even if it fails, it is asked once only.
            self._found[connection] = {}
            self._found[connection] = self._client.get_connection_options(connection)["options"]
        return self._found[connection]
