"""The command line. Commands import heavy modules themselves, so that --help stays fast."""

import typer

from clipcast import __version__
from clipcast.cli import accounts, database, demo, doctor, health, jobs, keys, run, users, workspaces
from clipcast.cli.client import accounts as client_accounts
from clipcast.cli.client import login, mcp, post, posts, uploads, webhooks

app = typer.Typer(
    help="Clipcast publishes short videos to many accounts, each exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# The commands for people who post come first: they are most of the users.
POSTING, RUNNING = "Post (on any computer, through the API)", "Run and manage an installation (on its machine)"
app.command("post", rich_help_panel=POSTING)(post.post)
app.add_typer(posts.app, name="posts", rich_help_panel=POSTING)
app.add_typer(client_accounts.app, name="accounts", rich_help_panel=POSTING)
app.command("upload", rich_help_panel=POSTING)(uploads.upload)
app.command("render", rich_help_panel=POSTING)(uploads.render)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=POSTING)
app.command("login", rich_help_panel=POSTING)(login.login)
app.command("logout", rich_help_panel=POSTING)(login.logout)
app.command("mcp", rich_help_panel=POSTING)(mcp.mcp)
app.command("serve", rich_help_panel=RUNNING)(run.serve)
app.command("api", rich_help_panel=RUNNING)(run.api)
app.command("worker", rich_help_panel=RUNNING)(run.worker)
app.command("renderer", rich_help_panel=RUNNING)(run.renderer)
app.command("sandbox", rich_help_panel=RUNNING)(run.sandbox)
app.command("demo", rich_help_panel=RUNNING)(demo.demo)
app.command("connect", rich_help_panel=RUNNING)(accounts.connect)
app.command("doctor", rich_help_panel=RUNNING)(doctor.doctor)
app.command("health", rich_help_panel=RUNNING)(health.health)
app.add_typer(jobs.app, name="jobs", rich_help_panel=RUNNING)
app.add_typer(users.app, name="users", rich_help_panel=RUNNING)
app.add_typer(workspaces.app, name="workspaces", rich_help_panel=RUNNING)
app.add_typer(keys.app, name="keys", rich_help_panel=RUNNING)
app.add_typer(database.app, name="db", rich_help_panel=RUNNING)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clipcast {__version__}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Read settings from the environment (CLIPCAST_...). See docs/configuration.md."""
    if context.obj:
        context.obj()
