"""The sandbox's application: every platform under its own host as the first part of the path."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from clipcast.sandbox.consent import consent_routes
from clipcast.sandbox.control import control_routes
from clipcast.sandbox.faults import Faults
from clipcast.sandbox.grants import Grants
from clipcast.sandbox.pages import page_routes
from clipcast.sandbox.platforms import SIMULATORS
from clipcast.sandbox.world import World

# Who has an account on every platform from the start.
PEOPLE = (("harbour.films", "Harbour Films"), ("night_bakery", "The Night Bakery"), ("tidepool", "Tidepool"))


def create_sandbox(base_url: str) -> Starlette:
    """`base_url` is where callers reach it, such as http://127.0.0.1:8900."""
    world, grants, faults = World(base_url), Grants(), Faults()
    simulators = {kind.platform: kind(world, grants, faults) for kind in SIMULATORS}
    for simulator in simulators.values():
        for username, display_name in PEOPLE:
            simulator.new_account(username, display_name)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await world.client.aclose()
        world.close()

    routes = [
        *control_routes(world, grants, faults, simulators),
        *(route for simulator in simulators.values() for route in consent_routes(simulator)),
        *(route for simulator in simulators.values() for route in simulator.routes()),
        *page_routes(world, list(simulators.values())),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.world, app.state.simulators = world, simulators
    return app
