"""The job of a child, as its functions see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clipcast.rendering.channel import SourceFile


@dataclass(frozen=True)
class Task:
    """A job of the child: its source files and arguments. `report` sends the share that is done to the parent."""

    sources: tuple[SourceFile, ...]
    arguments: dict[str, Any]
    report: Callable[[float], None]
