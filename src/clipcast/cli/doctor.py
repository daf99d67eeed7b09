"""`clipcast doctor`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from clipcast.cli.support import run, settings

MARKS = {"good": ("ok", typer.colors.GREEN), "advice": ("note", typer.colors.YELLOW), "bad": ("bad", typer.colors.RED)}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False) -> None:
    """Check the installation and suggest fixes. Exit code 1 if a check fails.

    The checks cover settings, database, clock, secret key, storage and its mark, reading of uploads, encoder, public
    URL and platform apps with their redirect URIs. Then come plugins, workers, renderers, engine, programs, jobs,
    e-mail, connections and webhooks.
    """
    from clipcast.operations.doctor import examine

    findings = run(examine(settings()))
    if as_json:
        typer.echo(json.dumps([vars(finding) for finding in findings], indent=1))
    for finding in [] if as_json else findings:
        mark, colour = MARKS[finding.verdict]
        typer.echo(f"{typer.style(f'{mark:<4}', fg=colour)}  {finding.about}: {finding.message}")
        if finding.fix:
            typer.echo(f"      {finding.fix}")
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(1)
