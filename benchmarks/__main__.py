"""`python -m benchmarks [NAME ...]`: run all benchmarks, or the named ones."""

import argparse
import asyncio
import os
import platform
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import (
    accept,
    claim,
    due,
    engines,
    pages,
    pickup,
    planner,
    publish,
    recovery,
    render,
    upload,
    uploads,
    webhooks,
)
from benchmarks import wait as waiting
from benchmarks.figures import Figure

BENCHMARKS = {
    "accept": accept.measure,
    "claim": claim.measure,
    "pickup": pickup.measure,
    "due": due.measure,
    "publish": publish.measure,
    "engines": engines.measure,
    "upload": upload.measure,
    "uploads": uploads.measure,
    "recovery": recovery.measure,
    "render": render.measure,
    "pages": pages.measure,
    "planner": planner.measure,
    "wait": waiting.measure,
    "webhooks": webhooks.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="default: all")
    names = parser.parse_args().names or list(BENCHMARKS)
    # A file has no width: figures fit on one line each.
    console = Console(width=None if sys.stdout.isatty() else 180)
    table = Table("figure", "Clipcast", "compared with", "comparison", "ratio")
    for name in names:
        with console.status(f"Measuring {name}"):
            for figure in asyncio.run(BENCHMARKS[name]()):
                row(table, figure)
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}")
    console.print(table)


def _shown(value: float) -> str:
    """Return a number with two decimals below 10, and one from there on."""
    return f"{value:,.1f}" if value >= 10 else f"{value:.2f}"


def row(table: Table, figure: Figure) -> None:
    ratio = f"{figure.value / figure.other:.2f}" if figure.other else ""
    other = f"{_shown(figure.other)} {figure.unit}" if figure.other else ""
    table.add_row(figure.name, f"{_shown(figure.value)} {figure.unit}", figure.compared_with, other, ratio)


main()
