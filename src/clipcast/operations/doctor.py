"""Examines an installation: what works, what does not, and how to mend it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2
from sqlalchemy import func, select

from clipcast.common.plugins import OWN
from clipcast.common.settings import Settings
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.common.vault import VaultError
from clipcast.common.words import listed
from clipcast.connections.attempts import redirect_uri
from clipcast.database.embedded import EmbeddedServerError
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation, open_installation
from clipcast.jobs import heartbeats
from clipcast.platforms.base import OAuth, app_of
from clipcast.platforms.registry import PLATFORMS, PLUGINS, SKIPPED
from clipcast.posts.preflight import is_reachable
from clipcast.rendering.children import ChildUnavailable
from clipcast.rendering.examine import missing_layers
from clipcast.storage import StorageError

# A host's own clock matters to its logs and certificates only; publishing goes by the database's.
CLOCKS_MAY_DIFFER = 5.0
PATIENCE = 5.0
# What the process in which uploaded files are examined lacks on some machines, and what gives it.
MISSING_LAYERS = {
    "memory": ("examining an uploaded file may use any amount of memory", "Limit this process's memory (RLIMIT_AS)."),
    "cpu": ("examining an uploaded file may use any amount of CPU", "Limit this process's CPU (RLIMIT_CPU)."),
    "privileges": ("a hostile upload may gain privileges", "Use Linux."),
    "parent": ("examining an uploaded file may go on when Clipcast was killed", "Use Linux."),
    "network": (
        "a hostile upload may reach the network",
        "Allow network namespaces (unshare) here: a container needs CAP_SYS_ADMIN or user namespaces for it.",
    ),
    "files": (
        "a hostile upload may read this installation's files",
        "Use a kernel with Landlock (5.13 or newer), and a container whose seccomp profile allows it.",
    ),
}


@dataclass(frozen=True)
class Finding:
    """`verdict`: good, advice or bad. `fix` says what to do, where there is something."""

    verdict: str
    about: str
    message: str
    fix: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Everything that there is to find, in the order in which it is best mended."""
    found: list[Finding] = []
    try:
        async with open_installation(settings) as installation:
            found.append(Finding("good", "Database", "answers, and its tables are up to date"))
            for check in (_clock, _storage, _media, _public_url, _apps, _plugins, _workers, _connections):
                found += [finding async for finding in check(installation)]
    except EmbeddedServerError as error:
        found.append(Finding("bad", "Database", str(error)))
    except StorageError as error:
        found.append(Finding("bad", "Storage", str(error)))
    except VaultError as error:
        found.append(Finding("bad", "Secret key", str(error), "Give CLIPCAST_SECRET_KEY the value that it had."))
    except DatabaseUnavailable as error:
        fix = "Check CLIPCAST_DATABASE_URL, and whether PostgreSQL runs and lets this machine in."
        found.append(Finding("bad", "Database", f"does not answer: {str(error).splitlines()[0]}", fix))
    return found


async def _clock(installation: Installation) -> AsyncIterator[Finding]:
    async with installation.database.connect() as connection:
        theirs: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    apart = abs((datetime.now(UTC) - theirs).total_seconds())
    if apart <= CLOCKS_MAY_DIFFER:
        yield Finding("good", "Clock", f"agrees with the database's to {apart:.1f} s")
    else:
        fix = "Set both by NTP: signed addresses and platforms' tokens go by the time of day."
        yield Finding("bad", "Clock", f"differs from the database's by {apart:.0f} s", fix)


async def _storage(installation: Installation) -> AsyncIterator[Finding]:
    """Writes, reads and deletes something small."""
    key, content = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(64)
    try:
        await installation.storage.put_bytes(key, content)
        read = b"".join([piece async for piece in installation.storage.read(key, 0, len(content))])
        await installation.storage.delete(key)
    except Exception as error:
        message = f"cannot be used: {str(error).splitlines()[0]}"
        yield Finding("bad", "Storage", message, "Check CLIPCAST_STORAGE_URL, its credentials, and the free space.")
        return
    where = installation.settings.storage_url or str(installation.settings.data_dir / "media")
    verdict = "good" if read == content else "bad"
    yield Finding(verdict, "Storage", f"takes and gives back files ({where.split('?')[0]})")


async def _media(installation: Installation) -> AsyncIterator[Finding]:
    """Whether files that strangers upload can be examined, and how well that is fenced in here."""
    try:
        missing = await missing_layers(installation.children)
    except ChildUnavailable as error:
        fix = "Uploads cannot be completed. Check that this machine lets Clipcast start processes, and its memory."
        yield Finding("bad", "Media", str(error), fix)
        return
    for layer in missing:
        message, fix = MISSING_LAYERS[layer]
        yield Finding("advice", "Media", message, fix)
    if not missing:
        yield Finding("good", "Media", "uploaded files are examined in a process without files, network and privileges")


async def _public_url(installation: Installation) -> AsyncIterator[Finding]:
    base = installation.settings.public_base
    try:
        async with httpx2.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.get(base + "/livez")
        reached = answer.status_code == 200 and answer.json() == {"status": "ok"}
        message = "leads to this installation" if reached else f"answers {answer.status_code}, which is not Clipcast"
    except (httpx2.HTTPError, ValueError) as error:
        reached, message = False, f"does not answer ({type(error).__name__})"
    fix = "" if reached else "Run `clipcast serve`, and have your proxy hand CLIPCAST_PUBLIC_URL on to it."
    yield Finding("good" if reached else "bad", "Public address", f"{base} {message}", fix)
    if installation.settings.sandbox_base:
        yield Finding("advice", "Sandbox", "is in use: nothing is published to real platforms")
    elif not is_reachable(installation.settings):
        fix = "Set CLIPCAST_PUBLIC_URL to an https address that the internet reaches."
        fetching = [one.title for one in PLATFORMS.values() if one.fetches_media({})]
        message = f"{listed(fetching)} fetch clips from it, and cannot"
        yield Finding("advice", "Public address", message, fix)


async def _apps(installation: Installation) -> AsyncIterator[Finding]:
    """Whether each app is there, and that what is registered with it must be this very address."""
    for platform in PLATFORMS.values():
        for sign_in_method, sign_in in (("", platform.sign_in), *platform.other_sign_in_methods.items()):
            if not isinstance(sign_in, OAuth):
                continue
            about = f"{platform.title} app" + (f" (--method {sign_in_method})" if sign_in_method else "")
            name = f"CLIPCAST_{sign_in.app.upper()}_CLIENT_ID"
            if app_of(installation.settings, sign_in) is None:
                fix = f"Where accounts of it are wanted: register an app, and set {name} and its secret."
                yield Finding("advice", about, f"is not configured ({name})", fix)
                continue
            redirect = redirect_uri(installation, platform.name)
            if redirect.startswith("https:") or installation.settings.sandbox_base:
                yield Finding("good", about, f"is configured; register the redirect address {redirect}")
            else:
                fix = "Set CLIPCAST_PUBLIC_URL to an https address, and register the redirect address with the app."
                yield Finding("bad", about, f"sends people back to {redirect}, which platforms refuse", fix)


async def _plugins(installation: Installation) -> AsyncIterator[Finding]:
    """Yield the platforms of other packages: those that are used, and those that cannot be."""
    for one in PLUGINS.values():
        if one.source != OWN:
            yield Finding("good", f"Platform {one.name}", f"is provided by the package {one.source}")
    for broken in SKIPPED:
        fix = f"Correct, upgrade or remove the package {broken.source}."
        yield Finding("bad", f"Platform {broken.name}", f"is not used: {broken.reason.removesuffix('.')}", fix)


async def _workers(installation: Installation) -> AsyncIterator[Finding]:
    async with installation.database.session() as session:
        alive = await heartbeats.alive(session)
    if alive:
        yield Finding("good", "Workers", f"{len(alive)} alive: {', '.join(one.name for one in alive)}")
    else:
        yield Finding("bad", "Workers", "none is alive, so nothing is published", "Run `clipcast serve` or `worker`.")


async def _connections(installation: Installation) -> AsyncIterator[Finding]:
    query = select(Connection.status, func.count()).where(Connection.removed_at.is_(None)).group_by(Connection.status)
    async with installation.database.session() as session:
        counts = {row[0]: row[1] for row in await session.execute(query)}
        sealed = (await session.execute(select(Connection.tokens).limit(1))).scalar_one_or_none()
    if sealed is not None:
        installation.vault.open(sealed)
    if lost := counts.get("needs_reconnect", 0):
        fix = "The app's connections page says which, and reconnects them."
        yield Finding("advice", "Connections", f"{lost} of {sum(counts.values())} must be connected again", fix)
    else:
        yield Finding("good", "Connections", f"{counts.get('active', 0)} active")
