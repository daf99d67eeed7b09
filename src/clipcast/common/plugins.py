"""Discovery of platforms and simulators: Clipcast's own folders, and the entry points of other packages."""

import importlib
import pkgutil
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import ModuleType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# The source of the platforms and simulators in Clipcast's own folders.
OWN = "clipcast"
MESSAGE_MAX = 300
REASON_MAX = 1000
NAME_MAX = 60
# A domain of a platform, and a host of a simulator.
DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


class Unusable(Exception):
    """A plugin is unusable. The message states the reason without the plugin's name."""


@dataclass(frozen=True)
class Plugin(Generic[T]):
    """A platform or simulator, and its source."""

    name: str
    value: T
    # The Python package in whose folder it is.
    package: str
    # The distribution that provides it; OWN for Clipcast's own folders.
    source: str
    # The time that its import took.
    seconds: float = 0.0

    def file(self, name: str) -> Traversable | None:
        """Return a file of the plugin's folder; None if there is none of this name."""
        if not self.package:  # a module that is in no package has no folder of its own
            return None
        found = files(self.package) / name
        return found if found.is_file() else None


@dataclass(frozen=True)
class Skipped:
    """A plugin that Clipcast does not use, and the reason."""

    name: str
    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} (from {self.source}) is not used: {self.reason}"


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of plugin: an attribute of a package's folders, or the entry points of a group."""

    package: str
    attribute: str
    group: str
    # Returns the value if it is complete. Raises Unusable.
    check: Callable[[str, Any], T]
    # Whether every folder must have the attribute. If not, folders without it hold shared modules.
    every_folder: bool = True


def find(kind: Kind[T], groups: Callable[..., Any] = entry_points) -> tuple[dict[str, Plugin[T]], list[Skipped]]:
    """Return the usable plugins by name, and the skipped ones. A plugin that fails does not affect the others."""
    found: dict[str, Plugin[T]] = {}
    skipped: list[Skipped] = []
    for name, source, load in (*_folders(kind), *_entry_points(groups(group=kind.group))):
        begun = time.monotonic()
        try:
            # Some commands print a document, which an import must not add to.
            with redirect_stdout(sys.stderr):
                if (loaded := load()) is None:
                    continue
                value, package = loaded
                if name in found:
                    taken = f"{found[name].source} provides a {kind.attribute} of this name."
                    raise Unusable(f"{taken} Choose another name.")
                checked = kind.check(name, value)
            found[name] = Plugin(name, checked, package, source, time.monotonic() - begun)
        except Unusable as error:
            skipped.append(Skipped(one_line(name, NAME_MAX), source, one_line(error, REASON_MAX)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # Also SystemExit, and what test tools raise to skip a module.
            reason = f"it cannot be imported ({type(error).__name__}: {one_line(error)})."
            skipped.append(Skipped(one_line(name, NAME_MAX), source, reason))
    return found, skipped


Load = Callable[[], tuple[Any, str] | None]


def _folders(kind: Kind[Any]) -> Iterator[tuple[str, str, Load]]:
    for info in pkgutil.iter_modules(importlib.import_module(kind.package).__path__):
        if info.ispkg:
            yield info.name, OWN, lambda name=info.name: _from_folder(kind, name)  # type: ignore[misc]


def _from_folder(kind: Kind[Any], name: str) -> tuple[Any, str] | None:
    module = importlib.import_module(f"{kind.package}.{name}")
    if hasattr(module, kind.attribute):
        return getattr(module, kind.attribute), module.__name__
    if kind.every_folder:
        raise Unusable(f"its __init__.py defines no `{kind.attribute}`.")
    return None


def _entry_points(group: Any) -> Iterator[tuple[str, str, Load]]:
    for entry in sorted(group, key=lambda entry: (_source(entry.dist), entry.name)):
        yield entry.name, _source(entry.dist), lambda entry=entry: _from_entry_point(entry)  # type: ignore[misc]


def _from_entry_point(entry: EntryPoint) -> tuple[Any, str]:
    if not entry.pattern.match(entry.value):
        raise Unusable(f"its entry point is {entry.value!r}. Write it as MODULE:ATTRIBUTE.")
    return entry.load(), _package(entry)


def _source(distribution: Distribution | None) -> str:
    """Return the distribution's name. One without readable metadata has none."""
    name = None
    with suppress(Exception):
        name = distribution.name if distribution else None
    return name or "an unnamed package"


def _package(entry: EntryPoint) -> str:
    module: ModuleType = importlib.import_module(entry.module)
    return module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]


def one_line(value: object, most: int = MESSAGE_MAX) -> str:
    """Return the value's text as one line of at most `most` characters."""
    try:
        text = str(value)
    except Exception:
        return "an error without a readable message"
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:most]
