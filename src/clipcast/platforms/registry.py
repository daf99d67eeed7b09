"""The platforms, one line each."""

import difflib
from typing import Any

from clipcast.platforms import bluesky, facebook, instagram, linkedin, pinterest, threads, tiktok, youtube
from clipcast.platforms.base import Platform
from clipcast.settings import Settings, SettingsError

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


def check_quotas(settings: Settings) -> None:
    """Raises SettingsError, with all problems, when CLIPCAST_QUOTAS names what is none or is too small to use."""
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
    if problems:
        raise SettingsError("\n".join(problems))
