"""The programs that this version of Clipcast can run."""

from clipcast.jobs.versions import Program
from clipcast.platforms.registry import PLATFORMS

PROGRAMS = tuple(str(Program.of(platform)) for platform in PLATFORMS.values())
