"""`clipcast demo`: the database, the API, a worker, a renderer and the sandbox in one command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clipcast.cli.support import fail, require_free, run, settings
from clipcast.cli.temporal_server import MISSING, TemporalServer, find_program


class Engine(StrEnum):
    ROWS = "rows"
    TEMPORAL = "temporal"


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Exit when the demo's items have ended. Exit code 0 if all are live.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Do not fill the workspace with clients, scenes and posts of several weeks.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")] = 8000,
    sandbox_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the simulated platforms.")] = 8900,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory. A temporary one is used by default.")] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(help="Write addresses, keys and process ids to this file, as JSON, when the demo has published."),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What brings jobs to the worker: the database's rows, or a Temporal server.")
    ] = Engine.ROWS,
) -> None:
    """Publish a clip to an account on every simulated platform, then fill the workspace and run until Ctrl-C.

    The demo ignores CLIPCAST_ settings of the environment.
    """
    import shutil
    import tempfile

    from clipcast.cli.demo_run import run_demo
    from clipcast.cli.stack import free_port

    require_free("127.0.0.1", port, "--port")
    require_free("127.0.0.1", sandbox_port, "--sandbox-port")
    if engine is Engine.TEMPORAL and find_program() is None:
        raise fail(MISSING)
    temporary = None if data_dir else Path(tempfile.mkdtemp(prefix="clipcast-demo-"))
    # Settings of an installation on this machine must not reach the demo: its database above all.
    folder = data_dir or temporary
    temporal = TemporalServer(folder / "temporal", free_port()) if folder and engine is Engine.TEMPORAL else None
    chosen = settings(
        {},
        data_dir=folder,
        engine=temporal and temporal.engine,
        public_url=f"http://127.0.0.1:{port}",
        sandbox_url=f"http://127.0.0.1:{sandbox_port}",
        log_level="warning",
    )
    try:
        code = run(run_demo(chosen, port, sandbox_port, once, plain, ready_file, temporal))
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
    raise typer.Exit(code)
