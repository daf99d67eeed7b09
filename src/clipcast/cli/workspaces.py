"""`clipcast workspaces`."""

from typing import Annotated

import typer

from clipcast.cli.support import fail, run, settings

app = typer.Typer(help="Workspaces: everything belongs to one.", no_args_is_help=True)


@app.command()
def create(name: Annotated[str, typer.Argument(help="What to call it.")]) -> None:
    """Create a workspace and print its id."""

    async def work() -> str:
        from clipcast.installation import open_installation
        from clipcast.workspaces.service import create_workspace

        async with open_installation(settings()) as installation, installation.database.begin() as session:
            return str((await create_workspace(session, name)).id)

    if not name.strip() or "\x00" in name:
        raise fail("A workspace needs a name.", 2)
    typer.echo(run(work()))


@app.command("list")
def list_() -> None:
    """List the workspaces: id and name."""

    async def work() -> list[str]:
        from clipcast.installation import open_installation
        from clipcast.workspaces.repository import list_workspaces

        async with open_installation(settings()) as installation, installation.database.session() as session:
            return [f"{found.id}  {found.name}" for found in await list_workspaces(session)]

    for line in run(work()):
        typer.echo(line)
