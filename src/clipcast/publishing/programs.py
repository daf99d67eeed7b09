"""The programs that this process can run."""

from importlib.metadata import PackageNotFoundError, version

from clipcast import __version__
from clipcast.common.plugins import OWN
from clipcast.jobs.versions import runnable_pins
from clipcast.platforms.registry import PLATFORMS, PLUGINS


def runnable_programs() -> dict[str, str]:
    """Return what `jobs.program` holds for the jobs that this process can run, with the software that brings each."""
    return {pin: _software(name) for name, platform in PLATFORMS.items() for pin in runnable_pins([platform])}


def _software(platform: str) -> str:
    source = PLUGINS[platform].source
    if source == OWN:
        return f"Clipcast {__version__}"
    try:
        return f"{source} {version(source)}"
    except PackageNotFoundError:
        return source
