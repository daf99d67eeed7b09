"""The commands that run processes: serve, api, worker, renderer and sandbox."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from clipcast.cli.support import WRONG_SETTINGS, announce_address, fail, listening, public_url_for, run, settings

if TYPE_CHECKING:
    import socket

    import uvicorn
    from fastapi import FastAPI

    from clipcast.common.settings import Settings
    from clipcast.installation import Installation
    from clipcast.jobs.worker import WorkerProcess

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run the database, the API, a worker and a renderer. Processes that end are restarted."""
    chosen = settings(public_url=public_url_for(host, port))
    with listening(host, port, "--port") as sockets, _health_sockets(chosen) as health:
        run(_serve(chosen, host, port, sockets, health))


def api(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    first_run: Annotated[
        bool, typer.Option(help="While the installation has no owner, print the link that creates one.")
    ] = True,
) -> None:
    """Run the HTTP API without a worker."""
    chosen = settings(public_url=public_url_for(host, port))
    with listening(host, port, "--port") as sockets:
        run(_api(chosen, sockets, first_run))


def worker() -> None:
    """Run one worker, which publishes items that are due. You can run several, on one or more machines."""
    _run_jobs_of(_make_worker)


def renderer() -> None:
    """Run one renderer, which converts clips. You can run several, on one or more machines."""
    _run_jobs_of(_make_renderer)


def _run_jobs_of(make: Callable[[Installation], WorkerProcess]) -> None:
    chosen = settings()
    with _health_sockets(chosen) as sockets:
        run(_run_jobs(chosen, make, sockets))


def _make_worker(installation: Installation) -> WorkerProcess:
    from clipcast.server.worker import make_worker

    return make_worker(installation)


def _make_renderer(installation: Installation) -> WorkerProcess:
    from clipcast.renders.renderer import Renderer

    return Renderer(installation.settings, installation.database, installation.storage)


def sandbox(host: Host = "127.0.0.1", port: Port = 8900) -> None:
    """Run the simulated platforms. Set CLIPCAST_SANDBOX_URL to their address."""
    with listening(host, port, "--port") as sockets:
        run(_sandbox(host, port, sockets))


async def _serve(
    chosen: Settings, host: str, port: int, sockets: list[socket.socket], health: list[socket.socket] | None
) -> None:
    from clipcast.cli.stack import Stack
    from clipcast.common.logs import configure
    from clipcast.common.settings import PREFIX
    from clipcast.server.supervisor import wait_for_stop

    configure(chosen.log_level)
    environ = dict(os.environ) | {PREFIX + "PUBLIC_URL": chosen.public_base}
    async with Stack(chosen, environ) as stack:
        await stack.start_clipcast(sockets, health)
        typer.echo(f"Clipcast is ready at {ready_at(chosen, host, port)} (Ctrl-C stops it)")
        stopped = asyncio.create_task(wait_for_stop(asyncio.Event()))
        gave_up = asyncio.create_task(stack.supervisor.gave_up.wait())
        await asyncio.wait([stopped, gave_up], return_when=asyncio.FIRST_COMPLETED)
        if gave_up.done():
            raise fail("A process cannot start. The line above states the reason.", WRONG_SETTINGS)


def ready_at(chosen: Settings, host: str, port: int) -> str:
    """Return the public URL, and the address on which Clipcast listens if that is another."""
    from clipcast.server.sockets import url_at

    address = url_at(host, port)
    return chosen.public_base if chosen.public_base == address else f"{chosen.public_base}, listening on {address}"


async def _api(chosen: Settings, sockets: list[socket.socket], first_run: bool) -> None:
    from clipcast.server import gc_tuning

    gc_tuning.pause_gc()
    import uvicorn

    from clipcast.common.logs import configure, log_skipped
    from clipcast.installation import open_installation
    from clipcast.platforms.registry import SKIPPED
    from clipcast.server.app import create_app
    from clipcast.server.protocol import limits

    configure(chosen.log_level)
    log_skipped(SKIPPED)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            """Start to listen, then publish the address: its readers may connect immediately."""
            await super().startup(sockets)
            if self.started:
                announce_address(chosen)
                if first_run:
                    await _invite_owner(application.state.installation)

    application = create_app()
    config = uvicorn.Config(
        application,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=10,
        lifespan="off",
        **limits(),
    )
    async with open_installation(chosen) as installation:
        application.state.installation = installation
        gc_tuning.freeze_startup_objects()
        await _run_server(Server(config), sockets, application)
        await application.state.request_log.close(installation.database.hot_pool)


async def _invite_owner(installation: Installation) -> None:
    """Print the setup link while the installation has no owner. Its code appears only in this output."""
    from clipcast.people.repository import anybody

    async with installation.database.session() as session:
        if await anybody(session):
            return
    base, code = installation.settings.public_base, installation.vault.setup_code()
    typer.echo(f"Clipcast has no owner yet. Create one at {base}/setup?code={code}")


def _health_sockets(chosen: Settings) -> AbstractContextManager[list[socket.socket] | None]:
    """Listen for a worker's health checks, where a supervisor or CLIPCAST_WORKER_HEALTH_PORT asks for them."""
    from clipcast.server.sockets import SOCKETS

    if chosen.worker_health_port is None and SOCKETS not in os.environ:
        return nullcontext()
    return listening(chosen.worker_health_host, chosen.worker_health_port or 0, "CLIPCAST_WORKER_HEALTH_PORT")


async def _run_jobs(
    chosen: Settings, make: Callable[[Installation], WorkerProcess], sockets: list[socket.socket] | None
) -> None:
    """Run a process that runs jobs, until it is stopped or drained."""
    from clipcast.server import gc_tuning

    gc_tuning.pause_gc()
    from clipcast.common.logs import configure, log_skipped
    from clipcast.installation import open_installation
    from clipcast.platforms.registry import SKIPPED
    from clipcast.server.supervisor import DRAINED, PIPE, wait_for_stop

    configure(chosen.log_level)
    log_skipped(SKIPPED)
    stop = asyncio.Event()
    stop_task = asyncio.create_task(wait_for_stop(stop))
    async with open_installation(chosen) as installation:
        gc_tuning.freeze_startup_objects()
        worker = make(installation)
        async with _served_health(installation, worker, sockets):
            await worker.run(stop)
    stop_task.cancel()
    if worker.slots.orders.drain and PIPE in os.environ:
        raise typer.Exit(DRAINED)  # a supervisor would restart it; without one, the command has succeeded


@asynccontextmanager
async def _served_health(
    installation: Installation, worker: WorkerProcess, sockets: list[socket.socket] | None
) -> AsyncIterator[None]:
    """Serve the worker's /livez and /readyz on `sockets`, if there are any."""
    if sockets is None:
        yield
        return
    import uvicorn

    from clipcast.operations.health import Health, health_app

    health = Health(installation)
    health.last_search = lambda: worker.engine.looked_at
    server = uvicorn.Server(
        uvicorn.Config(
            health_app(health),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    # `serve` would install signal handlers beside those of `wait_for_stop`.
    serving = asyncio.create_task(server._serve(sockets))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)


async def _sandbox(host: str, port: int, sockets: list[socket.socket]) -> None:
    from clipcast.common.logs import configure, log_skipped
    from clipcast.sandbox.app import create_sandbox
    from clipcast.sandbox.platforms import SKIPPED
    from clipcast.sandbox.server import make_server
    from clipcast.server.sockets import local_url

    configure("info")
    log_skipped(SKIPPED)
    address = local_url(host, port)
    if "CLIPCAST_SUPERVISED" not in os.environ:
        typer.echo(f"The sandbox runs at {address} (Ctrl-C stops it). Set CLIPCAST_SANDBOX_URL={address} to use it.")
    await _run_server(make_server(create_sandbox(address), host, port), sockets)


async def _run_server(server: uvicorn.Server, sockets: list[socket.socket], application: FastAPI | None = None) -> None:
    """Serve until a signal or the supervisor stops the process. Uvicorn's own signal handling ignores supervisors."""
    from clipcast.server.supervisor import wait_for_stop

    async def stop() -> None:
        await wait_for_stop(asyncio.Event())
        if application:
            # Requests that wait for changes would delay the end.
            application.state.installation.database.watchers.stop()
        server.should_exit = True

    stopper = asyncio.create_task(stop())
    # `serve` would install signal handlers beside those of `wait_for_stop`.
    await server._serve(sockets)
    stopper.cancel()
    if not server.started:
        raise typer.Exit(1)
