"""The platforms: each folder beside this file, and each entry point `clipcast.platforms` of an installed package."""

import difflib
from typing import Any

from clipcast.common.plugins import Kind, Plugin, find
from clipcast.common.settings import Declared, Settings, SettingsError
from clipcast.platforms.absent import absent_platform
from clipcast.platforms.base import OAuth, Platform
from clipcast.platforms.plugin_checks import checked

KIND = Kind("clipcast.platforms", "platform", "clipcast.platforms", checked)


class Platforms(dict[str, Platform[Any]]):
    """The usable platforms by name, in the order of their titles.

    Rows outlive plugins. So an item or an account of a platform that is not installed now has a platform, too, which
    shows its name and publishes nothing. Whether a platform can be used, `in` answers.
    """

    def __missing__(self, name: str) -> Platform[Any]:
        return absent_platform(name)


def _ordered(found: dict[str, Plugin[Platform[Any]]]) -> Platforms:
    platforms = (plugin.value for plugin in found.values())
    return Platforms({one.name: one for one in sorted(platforms, key=lambda one: one.title.casefold())})


PLUGINS, SKIPPED = find(KIND)
PLATFORMS = _ordered(PLUGINS)


def declared() -> Declared:
    """Return the settings that the platforms bring: their apps, and those of their own."""
    platforms = PLATFORMS.values()
    apps = {one.app for platform in platforms for one in platform.sign_in_methods.values() if isinstance(one, OAuth)}
    return Declared(tuple(sorted(apps)), {one.name: one for platform in platforms for one in platform.settings})


def check_names(settings: Settings) -> None:
    """Raise SettingsError, with all problems, for quotas and scopes that no platform has, or that cannot be used."""
    known = {f"{name}.{quota.name}": quota for name, platform in PLATFORMS.items() for quota in platform.quotas}
    problems = []
    for name, limit in settings.quotas.items():
        quota = known.get(name)
        if quota is None:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}?" if near else " docs/platforms.md lists them."
            problems.append(f"CLIPCAST_QUOTAS: there is no quota {name}.{hint}")
        elif limit is not None and limit < max(quota.charges.values()):
            least = max(quota.charges.values())
            problems.append(f"CLIPCAST_QUOTAS: {name} must be at least {least}, which one request takes.")
    methods = [method for platform in PLATFORMS.values() for method in platform.sign_in_methods.values()]
    scopes = sorted({scope for method in methods for scope in method.optional_scopes})
    problems += [
        f"CLIPCAST_EXTRA_SCOPES: there is no use for {scope[:60]}. There is for: {', '.join(scopes)}."
        for scope in settings.extra_scopes
        if scope not in scopes
    ]
    if problems:
        raise SettingsError("\n".join(problems))
