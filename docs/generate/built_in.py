"""The platforms that the pages are about: those of Clipcast itself, without installed plugins."""

from clipcast.platforms.registry import PLATFORMS as INSTALLED

PLATFORMS = {
    name: platform for name, platform in INSTALLED.items() if platform.metadata.__module__.startswith("clipcast.")
}
