"""The simulators: those of the folders beside this file, and those of the entry points `clipcast.simulators`."""

from collections.abc import Iterator
from typing import Any

from starlette.routing import Route

from clipcast.common.plugins import DOMAIN, OWN, Kind, Plugin, Skipped, Unusable, find, one_line
from clipcast.sandbox.consent import consent_routes
from clipcast.sandbox.faults import Faults
from clipcast.sandbox.grants import Grants
from clipcast.sandbox.simulator import Simulator
from clipcast.sandbox.state import SandboxState

# The first part of the paths of the sandbox itself.
OWN_PATHS = "__sandbox"

# Class variables that have no default.
DECLARED = ("title", "authorize_at", "default_settings", "default_flags", "watch_pages")
METHODS = ("routes", "new_account", "consent_request", "redirect_parameters", "trouble")


def checked(name: str, value: Any) -> type[Simulator]:
    """Return `value` if it is a complete simulator of this platform. Raises Unusable, which names missing parts."""
    if not (isinstance(value, type) and issubclass(value, Simulator)):
        raise Unusable("it is no subclass of Simulator.")
    if getattr(value, "platform", None) != name:
        raise Unusable(f"its `platform` is {getattr(value, 'platform', None)!r}. Use one name.")
    if missing := list(_missing(value)):
        raise Unusable(f"it lacks {', '.join(missing)}.")
    if not isinstance(value.title, str):
        raise Unusable("its `title` is not a text.")
    return value


def _missing(simulator: type[Simulator]) -> Iterator[str]:
    yield from (name for name in DECLARED if not hasattr(simulator, name))
    yield from (name for name in METHODS if getattr(simulator, name) is getattr(Simulator, name))


KIND = Kind("clipcast.sandbox", "simulator", "clipcast.simulators", checked, every_folder=False)


def usable(found: dict[str, Plugin[type[Simulator]]]) -> tuple[dict[str, Plugin[type[Simulator]]], list[Skipped]]:
    """Return the simulators that start and serve hosts of their own, and the others.

    Simulators of one package may share a host.
    """
    if all(plugin.source == OWN for plugin in found.values()):
        return found, []
    state = SandboxState("http://127.0.0.1")
    used: dict[str, Plugin[type[Simulator]]] = {}
    skipped: list[Skipped] = []
    hosts: dict[str, Plugin[type[Simulator]]] = {}
    try:
        for name, plugin in found.items():
            try:
                served = _hosts(plugin.value(state, Grants(), Faults()))
            except Exception as error:
                reason = f"it cannot be started ({type(error).__name__}: {one_line(error)})."
                skipped.append(Skipped(name, plugin.source, reason))
                continue
            if taken := [host for host in sorted(served) if host in hosts and hosts[host].source != plugin.source]:
                reason = f"its host {taken[0]} belongs to the simulator {hosts[taken[0]].name}. Use other hosts."
                skipped.append(Skipped(name, plugin.source, reason))
                continue
            used[name] = plugin
            hosts |= {host: plugin for host in served if host not in hosts}
    finally:
        state.close()
    return used, skipped


def _hosts(simulator: Simulator) -> set[str]:
    """Create an account and all routes, as the sandbox does. Return the hosts of the routes."""
    simulator.new_account("harbour.films", "Harbour Films")
    pages = [Route(path, simulator.watched_post) for path in (*simulator.watch_pages, *simulator.profile_pages)]
    hosts = {route.path.split("/")[1] for route in (*simulator.routes(), *consent_routes(simulator), *pages)}
    if wrong := [host for host in sorted(hosts) if host != OWN_PATHS and not DOMAIN.fullmatch(host)]:
        raise ValueError(f"its paths begin with {wrong[0]!r} instead of a host")
    return hosts - {OWN_PATHS}


FOUND, UNUSABLE = find(KIND)
PLUGINS, FAILING = usable(FOUND)
SKIPPED = UNUSABLE + FAILING
SIMULATORS = sorted((plugin.value for plugin in PLUGINS.values()), key=lambda one: one.title.casefold())
