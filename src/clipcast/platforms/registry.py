"""The platforms, one line each."""

import difflib
from typing import Any

from clipcast.common.settings import Settings, SettingsError
from clipcast.platforms import bluesky, facebook, instagram, linkedin, pinterest, threads, tiktok, youtube
from clipcast.platforms.base import Platform

PLATFORMS: dict[str, Platform[Any]] = {
    platform.name: platform
    for platform in (
        tiktok.platform,
        youtube.platform,
        instagram.platform,
        threads.platform,
        pinterest.platform,
        linkedin.platform,
        facebook.platform,
        bluesky.platform,
    )
}


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
    ways = [
        sign_in_method
        for platform in PLATFORMS.values()
        for sign_in_method in (platform.sign_in, *platform.other_sign_in_methods.values())
    ]
    scopes = sorted({scope for sign_in_method in ways for scope in sign_in_method.optional_scopes})
    problems += [
        f"CLIPCAST_EXTRA_SCOPES: there is no use for {scope[:60]}. There is for: {', '.join(scopes)}."
        for scope in settings.extra_scopes
        if scope not in scopes
    ]
    if problems:
        raise SettingsError("\n".join(problems))
