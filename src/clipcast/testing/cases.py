"""Discovery of conformance cases: the modules of a package, and the entry points `clipcast.cases`."""

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from clipcast.common.plugins import one_line
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.case import Case

GROUP = "clipcast.cases"
# The errors of entry points that cannot be imported, by their name.
UNUSABLE: dict[str, str] = {}
# The folder of each case's module, by the case's name.
FOLDERS: dict[str, Path] = {}


def find_cases(package: str) -> list[Case]:
    """Return all cases, in the order of the platforms' titles, the usual sign-in method of each first.

    `package` names a package of which each module holds the cases of one platform; "" for none.
    """
    found = []
    for module in _modules(package):
        cases = [case for case in vars(module).values() if isinstance(case, Case)]
        FOLDERS.update({case.name: Path(str(module.__file__)).parent for case in cases})
        found += cases
    order = list(PLATFORMS)
    return sorted(
        {case.name: case for case in found if case.platform in order}.values(),
        key=lambda case: (order.index(case.platform), case.sign_in_method is not None),
    )


def _modules(package: str) -> list[ModuleType]:
    names = [info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__)] if package else []
    own = [importlib.import_module(f"{package}.{name}") for name in names]
    return own + list(_from_entry_points())


def _from_entry_points() -> Iterator[ModuleType]:
    """Yield the modules of packages. One that cannot be imported affects no other platform's cases."""
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            yield entry.load()
        except Exception as error:
            UNUSABLE[entry.name] = f"{type(error).__name__}: {one_line(error)}"
