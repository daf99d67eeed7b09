"""`clipcast db`."""

import typer

from clipcast.cli.support import run, settings

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Bring the database up to date. Every start of `serve`, `api` and `worker` does so, too."""

    async def work() -> None:
        from clipcast.installation import open_installation

        async with open_installation(settings()):
            pass

    run(work())
    typer.echo("The database is up to date.")
