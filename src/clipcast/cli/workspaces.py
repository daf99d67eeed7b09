"""`clipcast workspaces`."""

from typing import Annotated

import typer

from clipcast.cli.support import fail, run, settings

app = typer.Typer(help="Manage workspaces. Every clip, account and post belongs to one.", no_args_is_help=True)


@app.command()
def create(name: Annotated[str, typer.Argument(help="Name of the workspace.")]) -> None:
    """Create a workspace and print its id."""

    async def work() -> str:
        from clipcast.installation import open_installation
        from clipcast.workspaces.service import create_workspace

        async with open_installation(settings()) as installation, installation.database.begin() as session:
            return str((await create_workspace(session, name)).id)

    if not name.strip() or "\x00" in name:
        raise fail("The name is empty or contains the character U+0000. Give the workspace a name.", 2)
    typer.echo(run(work()))


@app.command("list")
def list_() -> None:
    """List the workspaces with their ids and names."""

    async def work() -> list[str]:
        from clipcast.installation import open_installation
        from clipcast.workspaces.repository import list_workspaces

        async with open_installation(settings()) as installation, installation.database.session() as session:
            return [f"{found.id}  {found.name}" for found in await list_workspaces(session)]

    for line in run(work()):
        typer.echo(line)
