"""`clipcast storage`."""

import typer

from clipcast.cli.support import fail, run, settings

app = typer.Typer(help="Manage the storage of clips.", no_args_is_help=True)


@app.command("take-over")
def take_over() -> None:
    """Let this installation alone delete files of its storage, after a restore or a change of the storage.

    Stop every other installation that uses the storage first. For 7 days, files that this database does not name stay.
    """

    async def work() -> None:
        from clipcast.common.unavailable import StorageUnavailable
        from clipcast.installation import open_installation
        from clipcast.installation.storage_mark import take_over

        async with open_installation(settings()) as installation:
            try:
                await take_over(installation.database, installation.storage)
            except StorageUnavailable as error:
                raise fail(f"The storage does not respond: {error}") from None

    run(work())
    typer.echo("The storage belongs to this installation.")
