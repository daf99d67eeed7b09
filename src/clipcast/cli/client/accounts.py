"""`clipcast accounts`: the accounts to which a workspace can post."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from clipcast.cli.client.problems import choices_of
from clipcast.cli.client.session import AsJson, Refused, Url, session, table

YES = {True: "yes", False: "no"}

app = typer.Typer(help="Look at the connected accounts. `clipcast connect` connects another one.", no_args_is_help=True)


@app.command("list")
def list_(
    platform: Annotated[str | None, typer.Option(help="Only accounts of this platform, such as youtube.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the connected accounts by the names that --to takes, with their status and ids."""
    with session(url, as_json) as opened:
        found = list(_pages(opened.client, platform))
        rows = [
            [f"{one['platform']}:@{one['username']}", one["status"], one["display_name"], one["id"]] for one in found
        ]
        opened.result({"connections": found}, table(rows) if rows else ["No account is connected."])


@app.command()
def options(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="platform:@name or a connection's id.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show what an account offers now: its boards, playlists, privacy levels, and the use of its limits."""
    with session(url, as_json) as opened:
        name = account.lower()
        matching = [
            one for one in _pages(opened.client, None)
            if name in (one["id"], _name(one).lower(), f"@{one['username']}".lower())
        ]  # fmt: skip
        if len(matching) != 1:
            choices = [f"  {one['platform']}:@{one['username']}  {one['id']}" for one in matching]
            raise Refused(
                f"{'Several accounts are' if matching else 'There is no account'} {account!r}.", details=choices
            )
        found: Any = opened.client.get_connection_options(matching[0]["id"])
        rows = [row for field, value in found["options"].items() for row in _rows(found["platform"], field, value)]
        lines = [*(table(rows) if rows else []), *map(_use, found["quotas"])]
        opened.result(found, lines or ["The account offers no choices."])


def _rows(platform: str, field: str, value: Any) -> list[list[str]]:
    """Return a row for each choice of a field, with what `--set` takes, or for each fact about the account."""
    if isinstance(value, list):
        return [[f"{platform}.{field}", choice] for choice in choices_of(value)] or [[f"{platform}.{field}", "none"]]
    facts = value if isinstance(value, dict) else {field: value}
    return [
        [words(name), YES[one] if isinstance(one, bool) else str(one)] for name, one in facts.items() if one is not None
    ]


def _use(quota: Mapping[str, Any]) -> str:
    """Return the use of a limit in words."""
    whose = "this account" if quota["scope"] == "account" else "all accounts of the app"
    used = str(quota["used"]) if quota["limit"] is None else f"{quota['used']} of {quota['limit']}"
    free = f", free again at {quota['free_at']}" if quota["free_at"] else ""
    return f"Limit {words(quota['name'])} of {whose}: {used} used per {quota['window']}{free}"


def words(name: str) -> str:
    """Return a name of the API in words."""
    return re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _name(connection: Any) -> str:
    return f"{connection['platform']}:@{connection['username']}"


def _pages(client: Any, platform: str | None) -> Any:
    page, more = 1, True
    while more:
        listed = client.list_connections(platform=platform, page=page, limit=100)
        yield from listed["connections"]
        page, more = page + 1, listed["pagination"]["has_next_page"]
