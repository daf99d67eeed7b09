"""The command line. Commands import heavy modules themselves, so that --help stays fast."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from clipcast import __version__
from clipcast.cli import accounts, database, demo, doctor, health, jobs, keys, run, storage, users, workspaces
from clipcast.cli.client import accounts as client_accounts
from clipcast.cli.client import login, mcp, post, posts, uploads, webhooks
from clipcast.cli.client.session import CODES, USAGE, show


class Commands(TyperGroup):
    """The commands. With `--json`, also a wrong use of one is a JSON document."""

    _as_json = False

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command of the arguments."""
        given = arguments[0] if arguments else options.get("args")
        self._as_json = "--json" in (sys.argv[1:] if given is None else given)
        return super().main(*arguments, **options)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the arguments."""
        with self._shown():
            return super().make_context(*arguments, **options)

    def invoke(self, context: Any) -> Any:
        """Run the command, whose arguments are read now."""
        with self._shown():
            return super().invoke(context)

    @contextmanager
    def _shown(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            # That of Typer for every wrong use; its class is not public. Typer prints it for people, too.
            if self._as_json and getattr(error, "exit_code", 0) == USAGE and hasattr(error, "format_message"):
                wrong = {"code": CODES[USAGE], "message": error.format_message(), "details": []}
                show({"error": wrong}, (), True)
            raise


app = typer.Typer(
    cls=Commands,
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
app.add_typer(storage.app, name="storage", rich_help_panel=RUNNING)


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
