"""The command line. Commands import heavy modules themselves, so that --help stays fast."""

import typer

from clipcast import __version__
from clipcast.cli import accounts, database, demo, doctor, health, jobs, keys, mcp, run, users, workspaces

app = typer.Typer(
    help="Clipcast publishes short videos to many accounts, each exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(run.serve)
app.command("api")(run.api)
app.command("worker")(run.worker)
app.command("renderer")(run.renderer)
app.command("sandbox")(run.sandbox)
app.command("demo")(demo.demo)
app.command("connect")(accounts.connect)
app.command("mcp")(mcp.mcp)
app.command("doctor")(doctor.doctor)
app.command("health")(health.health)
app.add_typer(jobs.app, name="jobs")
app.add_typer(users.app, name="users")
app.add_typer(workspaces.app, name="workspaces")
app.add_typer(keys.app, name="keys")
app.add_typer(database.app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clipcast {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Read settings from the environment (CLIPCAST_...). See docs/configuration.md."""
