"""`clipcast accounts`: the accounts to which a workspace can post."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from clipcast.cli.client.session import AsJson, Refused, Url, session, table

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
        lines = []
        for field, values in found["options"].items():
            shown = values if isinstance(values, list) else [values]
            for one in shown:
                text = (
                    f"{one['id']}  {one['name']}" if isinstance(one, dict) and {"id", "name"} <= set(one) else str(one)
                )
                lines.append(f"{found['platform']}.{field}  {text}")
        for quota in found["quotas"]:
            lines.append("quota  " + "  ".join(f"{name} {value}" for name, value in quota.items() if value is not None))
        opened.result(found, lines or ["The account offers no choices."])


def _name(connection: Any) -> str:
    return f"{connection['platform']}:@{connection['username']}"


def _pages(client: Any, platform: str | None) -> Any:
    page, more = 1, True
    while more:
        listed = client.list_connections(platform=platform, page=page, limit=100)
        yield from listed["connections"]
        page, more = page + 1, listed["pagination"]["has_next_page"]
