"""The simulators: those of the folders beside this file, and those of the entry points `clipcast.simulators`."""

from collections.abc import Iterator
from typing import Any

from clipcast.common.plugins import Kind, Unusable, find
from clipcast.sandbox.simulator import Simulator

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
    return value


def _missing(simulator: type[Simulator]) -> Iterator[str]:
    yield from (name for name in DECLARED if not hasattr(simulator, name))
    yield from (name for name in METHODS if getattr(simulator, name) is getattr(Simulator, name))


KIND = Kind("clipcast.sandbox", "simulator", "clipcast.simulators", checked, every_folder=False)
PLUGINS, SKIPPED = find(KIND)
SIMULATORS = sorted((plugin.value for plugin in PLUGINS.values()), key=lambda one: one.title.casefold())
