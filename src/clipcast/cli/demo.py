"""`clipcast demo`: the database, the API, a worker, a renderer and the sandbox in one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clipcast.cli.support import fail, listening, run, settings
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
    from clipcast.cli.demo_run import run_demo
    from clipcast.cli.stack import free_port

    if engine is Engine.TEMPORAL and find_program() is None:
        raise fail(MISSING)
    with (
        listening("127.0.0.1", port, "--port") as sockets,
        listening("127.0.0.1", sandbox_port, "--sandbox-port") as sandbox_sockets,
        _folder(data_dir) as folder,
    ):
        temporal = TemporalServer(folder / "temporal", free_port()) if engine is Engine.TEMPORAL else None
        # Settings of an installation on this machine must not reach the demo: its database above all.
        chosen = settings(
            {},
            data_dir=folder,
            engine=temporal and temporal.engine,
            public_url=f"http://127.0.0.1:{port}",
            sandbox_url=f"http://127.0.0.1:{sandbox_port}",
            log_level="warning",
        )
        code = run(run_demo(chosen, sockets, sandbox_sockets, once, plain, ready_file, temporal))
    raise typer.Exit(code)


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    """Yield the data directory, or a temporary one, which is deleted at the end of the block."""
    import tempfile

    if data_dir:
        yield data_dir
        return
    with tempfile.TemporaryDirectory(prefix="clipcast-demo-", ignore_cleanup_errors=True) as temporary:
        yield Path(temporary)
