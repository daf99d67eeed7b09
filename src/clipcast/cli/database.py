"""`clipcast db`."""

import typer

from clipcast.cli.support import run, settings

app = typer.Typer(help="Manage the database.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Upgrade the database's schema. Each process also does this when it starts."""

    async def work() -> None:
        from clipcast.installation import open_installation

        async with open_installation(settings()):
            pass

    run(work())
    typer.echo("The database is up to date.")
