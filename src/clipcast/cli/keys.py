"""`clipcast keys`."""

from datetime import timedelta
from typing import Annotated

import typer

from clipcast.cli.support import fail, run, settings

app = typer.Typer(help="Manage API keys. Clipcast shows a key once and stores only its digest.", no_args_is_help=True)
SCOPE_HELP = "Scope of the key. Repeat it for several. All scopes by default."


@app.command()
def create(
    workspace: Annotated[
        list[str], typer.Option("--workspace", "-w", help="Workspace: name or id. Repeat it for several.")
    ],
    name: Annotated[str, typer.Option(help="Name of the key, such as the program that uses it.")] = "key",
    scope: Annotated[list[str] | None, typer.Option(help=SCOPE_HELP)] = None,
    expires_in_days: Annotated[int | None, typer.Option(min=1, help="Lifetime in days. Unlimited by default.")] = None,
) -> None:
    """Create a key and print it. Clipcast cannot show it again."""
    from clipcast.workspaces.service import SCOPES

    scopes = tuple(scope or SCOPES)
    if unknown := [one for one in scopes if one not in SCOPES]:
        raise fail(f"Unknown scope: {', '.join(unknown)}. Use some of: {', '.join(SCOPES)}.", 2)

    async def work() -> str:
        from clipcast.clock import clock
        from clipcast.installation import open_installation
        from clipcast.workspaces.repository import find_workspaces
        from clipcast.workspaces.service import create_key

        async with open_installation(settings()) as installation, installation.database.begin() as session:
            ids = []
            for name_or_id in workspace:
                found = await find_workspaces(session, name_or_id)
                if len(found) != 1:
                    problem = "Several workspaces are named" if found else "There is no workspace"
                    raise fail(f"{problem} {name_or_id!r}. `clipcast workspaces list` shows the ids.", 2)
                ids.append(found[0].id)
            expires_at = clock.now() + timedelta(days=expires_in_days) if expires_in_days else None
            return (await create_key(session, name, ids, scopes, expires_at))[1]

    typer.echo(run(work()))


@app.command("list")
def list_() -> None:
    """List the keys: id, last 4 characters, name, workspaces, scopes and state."""

    async def work() -> list[str]:
        from clipcast.clock import clock
        from clipcast.installation import open_installation
        from clipcast.workspaces.repository import list_keys

        lines = []
        async with open_installation(settings()) as installation, installation.database.session() as session:
            for key, names in await list_keys(session):
                expired = key.expires_at is not None and key.expires_at <= clock.now()
                state = "revoked" if key.revoked_at else "expired" if expired else "active"
                scopes = ",".join(key.scopes)
                lines.append(f"{key.id}  ...{key.hint}  {key.name}  [{', '.join(names)}]  {scopes}  {state}")
        return lines

    for line in run(work()):
        typer.echo(line)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key, from `clipcast keys list`.")]) -> None:
    """Revoke a key. It stops working immediately."""

    async def work() -> bool:
        from clipcast.installation import open_installation
        from clipcast.workspaces.repository import get_key
        from clipcast.workspaces.service import revoke as revoke_key

        async with open_installation(settings()) as installation, installation.database.begin() as session:
            key = await get_key(session, key_id)
            if key:
                revoke_key(key)
            return key is not None

    if not run(work()):
        raise fail(f"There is no key {key_id!r}. `clipcast keys list` shows the ids.", 2)
    typer.echo("The key is revoked.")
