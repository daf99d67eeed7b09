"""Discovery of conformance cases: the modules of a package, and the entry points `clipcast.cases`."""

import importlib
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType

from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.case import Case

GROUP = "clipcast.cases"


def find_cases(package: str) -> list[Case]:
    """Return all cases, in the order of the platforms' titles, the usual sign-in method of each first.

    `package` names a package of which each module holds the cases of one platform; "" for none.
    """
    found = [case for module in _modules(package) for case in vars(module).values() if isinstance(case, Case)]
    order = list(PLATFORMS)
    return sorted(
        {case.name: case for case in found if case.platform in order}.values(),
        key=lambda case: (order.index(case.platform), case.sign_in_method is not None),
    )


def _modules(package: str) -> list[ModuleType]:
    names = [info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__)] if package else []
    own = [importlib.import_module(f"{package}.{name}") for name in names]
    return own + [entry.load() for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)]
