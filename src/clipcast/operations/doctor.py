"""Checks of an installation, with a fix for each problem."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
from PIL import features
from sqlalchemy import func, select, text

from clipcast import __version__
from clipcast.common.plugins import OWN
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp
from clipcast.common.unavailable import DatabaseUnavailable, StorageUnavailable
from clipcast.common.vault import VaultError
from clipcast.common.words import listed
from clipcast.connections.attempts import redirect_uri
from clipcast.database.embedded import EmbeddedServerError
from clipcast.database.models.connections import Connection
from clipcast.database.models.events import Webhook
from clipcast.database.models.installation import StorageMark
from clipcast.database.models.jobs import JobState
from clipcast.database.models.notices import NoticeChannel
from clipcast.installation import Installation, open_installation
from clipcast.installation.sealed import count_sealed, named
from clipcast.installation.storage_mark import SEVERAL, read_mark
from clipcast.jobs.engines.choose import make_engine
from clipcast.jobs.kinds import NETWORK, QUARANTINE, RENDERER_QUEUES
from clipcast.jobs.pauses import list_pauses
from clipcast.jobs.queue import OFFER_LIFETIME
from clipcast.jobs.stranded import foreign_jobs
from clipcast.jobs.versions import runnable_pins
from clipcast.jobs.workers import alive
from clipcast.notices.mail import check_server
from clipcast.notices.outcome import Delayed
from clipcast.operations.jobs import count_jobs
from clipcast.platforms.base import OAuth, app_of
from clipcast.platforms.registry import PLATFORMS, PLUGINS, SKIPPED
from clipcast.posts.preflight import is_reachable
from clipcast.rendering.children import ChildUnavailable
from clipcast.rendering.encoders import working_encoder
from clipcast.rendering.examine import missing_layers
from clipcast.storage import StorageError
from clipcast.workspaces.repository import list_workspaces

# In seconds. A host's own clock only affects its logs and certificates: publishing uses the database's time.
CLOCKS_MAY_DIFFER = 5.0
# In seconds.
PATIENCE = 5.0
TRANSACTION_MAX = timedelta(minutes=10)
# In seconds. A platform's own modules take less than a tenth of it.
IMPORT_SECONDS = 2.0
# Ready jobs that wait longer lack workers: the time after which an offer to Temporal ends.
JOBS_WAIT = OFFER_LIFETIME
# The states of jobs that a free slot would start.
STARTABLE = (JobState.READY, JobState.OFFERED, JobState.RUNNING)
# The consequence and the fix for each protection that the probing process lacks on some machines.
MISSING_LAYERS = {
    "memory": ("probing an uploaded file can use unlimited memory", "Limit the memory of Clipcast (RLIMIT_AS)."),
    "cpu": ("probing an uploaded file can use unlimited CPU time", "Limit the CPU time of Clipcast (RLIMIT_CPU)."),
    "privileges": ("a malicious upload can gain privileges", "Use Linux."),
    "parent": ("probing an uploaded file can continue after Clipcast was killed", "Use Linux."),
    "network": (
        "a malicious upload can reach the network",
        "Allow network namespaces (unshare). A container needs CAP_SYS_ADMIN or user namespaces for them.",
    ),
    "files": (
        "a malicious upload can read this installation's files",
        "Use a kernel with Landlock (5.13 or newer), and a container whose seccomp profile allows it.",
    ),
}


@dataclass(frozen=True)
class Finding:
    """The result of one check. `verdict` is good, advice or bad; `fix` is empty if there is nothing to do."""

    verdict: str
    about: str
    message: str
    fix: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Run all checks. Return their findings in the order in which to fix them."""
    found: list[Finding] = []
    try:
        async with open_installation(settings) as installation:
            found.append(Finding("good", "Database", "responds, and its tables are up to date"))
            for check in (
                _clock,
                _secret_key,
                _storage,
                _storage_mark,
                _media,
                _encoder,
                _public_url,
                _apps,
                _plugins,
                _workers,
                _renderers,
                _engine,
                _programs,
                _jobs,
                _mail,
                _transactions,
                _connections,
                _webhooks,
            ):
                found += [finding async for finding in check(installation)]
    except EmbeddedServerError as error:
        found.append(Finding("bad", "Database", str(error)))
    except StorageError as error:
        found.append(Finding("bad", "Storage", str(error)))
    except VaultError as error:
        found.append(Finding("bad", "Secret key", str(error), "Set CLIPCAST_SECRET_KEY to its former value."))
    except DatabaseUnavailable as error:
        fix = "Check CLIPCAST_DATABASE_URL, and that PostgreSQL runs and accepts connections from this machine."
        found.append(Finding("bad", "Database", f"does not respond: {str(error).splitlines()[0]}", fix))
    return found


async def _clock(installation: Installation) -> AsyncIterator[Finding]:
    async with installation.database.connect() as connection:
        database_now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    difference = abs((datetime.now(UTC) - database_now).total_seconds())
    if difference <= CLOCKS_MAY_DIFFER:
        yield Finding("good", "Clock", f"differs from the database's by {difference:.1f} s")
    else:
        fix = "Synchronize both by NTP: signed URLs and platforms' tokens expire by the time of day."
        yield Finding("bad", "Clock", f"differs from the database's by {difference:.0f} s", fix)


async def _secret_key(installation: Installation) -> AsyncIterator[Finding]:
    """Check that the keys decrypt what is stored, and whether a former one is still needed."""
    try:
        report = await count_sealed(installation.database, installation.vault)
    except DatabaseUnavailable as error:
        message = f"the stored secrets cannot be checked: {str(error).splitlines()[0]}"
        yield Finding("bad", "Secret key", message, "Run `clipcast doctor` again when the database has less to do.")
        return
    if lost := named(report.lost):
        known = listed(report.missing_keys)
        message = f"no configured key decrypts some stored secrets ({lost})"
        message += f". Former keys that are not configured have the fingerprints {known}" if known else ""
        fix = (
            "Add the former key, CLIPCAST_SECRET_KEY=NEW,OLD, until this check is good. See docs/how-to/rotate-keys.md."
        )
        yield Finding("bad", "Secret key", message, fix)
    if former := named(report.former):
        message = f"some stored secrets still need a former key ({former})"
        fix = "Keep it in CLIPCAST_SECRET_KEY: a worker encrypts them with the first key when it starts, and each hour."
        yield Finding("advice", "Secret key", message, fix)
    if not lost and not former:
        yield Finding("good", "Secret key", "the first key decrypts every stored secret")


async def _storage(installation: Installation) -> AsyncIterator[Finding]:
    """Write, read and delete a small object."""
    key, content = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(64)
    try:
        await installation.storage.put_bytes(key, content)
        read = b"".join([piece async for piece in installation.storage.read(key, 0, len(content))])
        await installation.storage.delete(key)
    except Exception as error:
        message = f"does not work: {str(error).splitlines()[0]}"
        yield Finding("bad", "Storage", message, "Check CLIPCAST_STORAGE_URL, its credentials and the free space.")
        return
    address = (installation.settings.storage_url or str(installation.settings.data_dir / "media")).split("?")[0]
    if read == content:
        yield Finding("good", "Storage", f"writes and reads files ({address})")
    else:
        yield Finding("bad", "Storage", f"returns other bytes than were written ({address})", "Check the storage.")


async def _storage_mark(installation: Installation) -> AsyncIterator[Finding]:
    """Check that no other database uses the storage."""
    try:
        found = await read_mark(installation.storage)
    except StorageUnavailable:
        return  # reported by the check of the storage
    async with installation.database.session() as session:
        row = await session.get(StorageMark, 1)
    if found is None or (row and found.mark in (row.mark, row.former_mark)):
        return
    if found.mark == SEVERAL:
        message = "is used by several databases, so that none of them deletes a file there"
    elif row and found.installation_id == str(row.installation_id):
        message = "belongs to another copy of this database, so that this one deletes no file there"
    else:
        message = f"belongs to another installation ({found.installation_id}), so that this one deletes no file there"
    fix = (
        "Give each a storage of its own by CLIPCAST_STORAGE_URL. If this one replaces the other, stop the other, then "
    )
    yield Finding("bad", "Storage", message, f"{fix}run `clipcast storage take-over`.")


async def _media(installation: Installation) -> AsyncIterator[Finding]:
    """Check that uploaded files can be probed, and which protections against malicious files work."""
    try:
        missing = await missing_layers(installation.children)
    except ChildUnavailable as error:
        fix = "Until then, no upload can be completed. Check that Clipcast may start processes, and the free memory."
        yield Finding("bad", "Media", str(error), fix)
        return
    for layer in missing:
        message, fix = MISSING_LAYERS[layer]
        yield Finding("advice", "Media", message, fix)
    if not missing:
        yield Finding("good", "Media", "uploaded files are probed in a process without files, network and privileges")


async def _encoder(installation: Installation) -> AsyncIterator[Finding]:
    """Check that the encoder in hardware works on this machine, and that captions in all scripts can be drawn."""
    wanted = installation.settings.video_encoder
    try:
        working = await working_encoder(installation.children, wanted)
    except ChildUnavailable:
        return  # reported by the check of the media
    if working != wanted:
        message = f"the encoder {wanted} does not work on this machine, so that {working} is used"
        fix = "Check its driver, and that Clipcast may use the device. Or remove CLIPCAST_VIDEO_ENCODER."
        yield Finding("advice", "Conversions", message, fix)
    else:
        yield Finding("good", "Conversions", f"the encoder {working} works")
    if not features.check("raqm"):
        message = "captions in Arabic and Hebrew cannot be drawn in their order: the library fribidi is missing"
        yield Finding("advice", "Conversions", message, "Install it. On Debian and Ubuntu: apt install libfribidi0")


async def _public_url(installation: Installation) -> AsyncIterator[Finding]:
    base = installation.settings.public_base
    try:
        async with httpx2.AsyncClient(timeout=PATIENCE) as client:
            response = await client.get(base + "/livez")
        reached = response.status_code == 200 and response.json() == {"status": "ok"}
        message = (
            "reaches a running Clipcast" if reached else f"returns {response.status_code}, which is not Clipcast's"
        )
    except (httpx2.HTTPError, ValueError) as error:
        reached, message = False, f"does not respond ({type(error).__name__})"
    fix = "" if reached else "Run `clipcast serve`, and let your proxy forward CLIPCAST_PUBLIC_URL to it."
    yield Finding("good" if reached else "bad", "Public address", f"{base} {message}", fix)
    if installation.settings.sandbox_base:
        yield Finding("advice", "Sandbox", "is in use: Clipcast does not publish to real platforms")
    elif not is_reachable(installation.settings):
        fix = "Set CLIPCAST_PUBLIC_URL to an https address that is reachable from the internet."
        fetching = [one.title for one in PLATFORMS.values() if one.fetches_media({})]
        message = f"is not reachable for {listed(fetching)}, which fetch clips from it"
        yield Finding("advice", "Public address", message, fix)


async def _apps(installation: Installation) -> AsyncIterator[Finding]:
    """Check that each app is configured, and show the redirect URI to register with it."""
    for platform in PLATFORMS.values():
        for sign_in_method, sign_in in platform.sign_in_methods.items():
            if not isinstance(sign_in, OAuth):
                continue
            about = f"{platform.title} app" + (f" (--method {sign_in_method})" if sign_in_method else "")
            name = f"CLIPCAST_{sign_in.app.upper()}_CLIENT_ID"
            if app_of(installation.settings, sign_in) is None:
                fix = f"To connect such accounts, register an app and set {name} and its secret."
                yield Finding("advice", about, f"is not configured ({name})", fix)
                continue
            redirect = redirect_uri(installation, platform.name)
            if redirect.startswith("https:") or installation.settings.sandbox_base:
                yield Finding("good", about, f"is configured; register the redirect URI {redirect}")
            else:
                fix = "Set CLIPCAST_PUBLIC_URL to an https address, and register the redirect URI with the app."
                yield Finding("bad", about, f"uses the redirect URI {redirect}, which platforms reject", fix)


async def _plugins(installation: Installation) -> AsyncIterator[Finding]:
    """Yield the platforms of other packages: those that are used, and those that cannot be."""
    for one in PLUGINS.values():
        if one.source != OWN:
            yield Finding("good", f"Platform {one.name}", f"is provided by the package {one.source}")
            if one.seconds > IMPORT_SECONDS:
                message = f"takes {one.seconds:.1f} s to import, and each process waits for it when it starts"
                yield Finding("advice", f"Platform {one.name}", message, f"Upgrade or remove the package {one.source}.")
    for broken in SKIPPED:
        fix = f"Correct, upgrade or remove the package {broken.source}."
        yield Finding("bad", f"Platform {broken.name}", f"is not used: {broken.reason.removesuffix('.')}", fix)


async def _workers(installation: Installation) -> AsyncIterator[Finding]:
    async with installation.database.session() as session:
        workers = await alive(session)
    if any(NETWORK in one.slots for one in workers):
        yield Finding("good", "Workers", f"{len(workers)} alive: {', '.join(one.name for one in workers)}")
        if others := sorted({f"{one.name} ({one.version})" for one in workers if one.version != __version__}):
            message = f"run another version than this program, which is {__version__}: {', '.join(others)}"
            yield Finding("advice", "Workers", message, "Restart them with this version when the upgrade ends.")
    else:
        fix = "Run `clipcast serve` or `clipcast worker`."
        yield Finding("bad", "Workers", "no worker is alive, so Clipcast publishes nothing", fix)


async def _renderers(installation: Installation) -> AsyncIterator[Finding]:
    """Check that a renderer is alive if clips wait to be converted."""
    async with installation.database.session() as session:
        renderers = [one for one in await alive(session) if not set(RENDERER_QUEUES).isdisjoint(one.slots)]
        counts = await count_jobs(session)
    by_queue = {
        queue: sum(number for one, state, number in counts if one == queue and state in STARTABLE)
        for queue in RENDERER_QUEUES
    }
    waiting = sum(by_queue.values())
    if renderers:
        yield Finding("good", "Renderers", f"{len(renderers)} alive; conversions that wait: {waiting}")
        for queue, number in by_queue.items():
            if number and not any(one.slots.get(queue) for one in renderers):
                message = f"none that is alive has slots of the queue {queue}. Conversions that wait in it: {number}"
                fix = f"Give a renderer some by CLIPCAST_WORKER_QUEUES, such as {queue}=1."
                yield Finding("bad", "Renderers", message, fix)
    else:
        message = f"no renderer is alive. Conversions that wait: {waiting}"
        fix = "Run `clipcast serve` or `clipcast renderer`. Clips that a platform accepts are published without."
        yield Finding("bad" if waiting else "advice", "Renderers", message, fix)


async def _engine(installation: Installation) -> AsyncIterator[Finding]:
    """Check that ready jobs get to workers."""
    engine = make_engine(installation.settings, installation.database)
    health = await engine.health()
    if not health.reachable:
        fix = "Posts are accepted, and wait. Check CLIPCAST_ENGINE, and that the server runs."
        yield Finding("bad", "Engine", health.detail, fix)
    else:
        yield Finding("good", "Engine", health.detail)
    for message, fix in health.advice:
        yield Finding("advice", "Engine", message, fix)
    async with installation.database.session() as session:
        workers = [one for one in await alive(session) if set(one.slots) != {QUARANTINE}]
    others = [one.name for one in workers if one.engine != engine.name]
    if others and len(others) == len(workers):
        message = f"all workers use another engine than this command ({engine.name}): {listed(others)}"
        yield Finding("bad", "Engine", message, "Run `clipcast doctor` with the CLIPCAST_ENGINE of the workers.")
    elif others:
        fix = "Both work side by side. Restart them with the same CLIPCAST_ENGINE."
        yield Finding("advice", "Engine", f"these workers use another one: {listed(others)}", fix)
    if health.oldest > JOBS_WAIT:
        seconds = health.oldest.total_seconds()
        message = f"jobs that are ready and wait: {health.backlog}, the first for {seconds:.0f} s"
        yield Finding(
            "advice", "Engine", message, "Start more workers, give them more slots, or resume what is paused."
        )


async def _programs(installation: Installation) -> AsyncIterator[Finding]:
    """Check that a live worker can continue each item, and that this version of Clipcast can."""
    async with installation.database.session() as session:
        found = await foreign_jobs(session, runnable_pins(PLATFORMS.values()))
    for jobs in found:
        began, known = f"that {jobs.program} began", f"; {jobs.software} can" if jobs.software else ""
        if jobs.stranded:
            message = f"no worker can continue {jobs.stranded} jobs {began}{known}"
            yield Finding("bad", "Programs", message, f"Start a worker that can continue {jobs.program}.")
        else:
            message = f"this version cannot continue {jobs.number} jobs {began}{known}"
            yield Finding("advice", "Programs", message, "Stop the workers that can when these jobs have ended.")
    if not found:
        yield Finding("good", "Programs", "the workers can continue every job")


async def _jobs(installation: Installation) -> AsyncIterator[Finding]:
    """Check that no job is dead or paused."""
    async with installation.database.session() as session:
        counts = await count_jobs(session)
        pauses = await list_pauses(session)
        names = {str(one.id): one.name for one in await list_workspaces(session)} if pauses else {}
    if dead := sum(number for _, state, number in counts if state == JobState.DEAD):
        fix = "Find the cause by `clipcast jobs list --state dead` and `clipcast jobs show`, then retry them."
        yield Finding("bad", "Jobs", f"{dead} dead: each ended three workers", fix)
    for pause in pauses:
        name = names.get(pause.name, pause.name)
        given = pause.name if Counter(names.values())[name] > 1 else shlex.quote(name)
        message = f"the {pause.kind} {name} is paused since {format_timestamp(pause.created_at)}, by {pause.paused_by}"
        yield Finding("advice", "Jobs", message, f"Resume it by `clipcast jobs resume --{pause.kind} {given}`.")
    if not dead and not pauses:
        yield Finding("good", "Jobs", f"{sum(number for _, _, number in counts)} not done; none is dead or paused")


async def _mail(installation: Installation) -> AsyncIterator[Finding]:
    """Check that the mail server accepts Clipcast, and that no message for a member waits."""
    settings = installation.settings
    if settings.smtp is None:
        fix = "Set CLIPCAST_SMTP_URL and CLIPCAST_MAIL_FROM, so that members learn of failures."
        yield Finding("advice", "E-mail", "no mail server is set up", fix)
    else:
        try:
            async with asyncio.timeout(PATIENCE):
                await check_server(settings)
            yield Finding("good", "E-mail", f"the mail server {settings.smtp} accepts Clipcast")
        except (Delayed, TimeoutError) as error:
            fix = "Check CLIPCAST_SMTP_URL. Messages wait, and are sent again for 36 hours."
            yield Finding("bad", "E-mail", (str(error) or "The mail server does not respond").rstrip("."), fix)
    query = select(func.count(), func.min(NoticeChannel.failing_since), func.max(NoticeChannel.error))
    async with installation.database.session() as session:
        count, since, reason = (await session.execute(query.where(NoticeChannel.failing_since.is_not(None)))).one()
    if count:
        message = f"members whose messages wait: {count}, the first since {format_timestamp(since)}. {reason}"
        fix = "Check the mail server, and that workers run. Members see why under Settings, Notifications."
        yield Finding("bad", "Notices", message.rstrip("."), fix)


# The oldest snapshot of a transaction. PostgreSQL keeps the dead rows that it might still see, so the queue's indexes
# grow.
OLDEST_TRANSACTION = text("""
    SELECT pid, coalesce(nullif(application_name, ''), usename, '?'),
           extract(epoch FROM clock_timestamp() - xact_start)
    FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
      AND backend_type = 'client backend'
    ORDER BY xact_start LIMIT 1
""")


async def _transactions(installation: Installation) -> AsyncIterator[Finding]:
    """Check that no transaction has been open for so long that it slows the queue."""
    async with installation.database.connect() as connection:
        oldest = (await connection.execute(OLDEST_TRANSACTION)).first()
    if oldest is None or oldest[2] <= TRANSACTION_MAX.total_seconds():
        return
    pid, program, seconds = oldest
    message = f"a transaction of {program} (process {pid}) is open for {seconds / 60:.0f} min, which slows the queue"
    yield Finding("advice", "Database", message, f"End it, for example by SELECT pg_terminate_backend({pid}).")


async def _connections(installation: Installation) -> AsyncIterator[Finding]:
    query = select(Connection.status, func.count()).where(Connection.removed_at.is_(None)).group_by(Connection.status)
    async with installation.database.session() as session:
        counts = {row[0]: row[1] for row in await session.execute(query)}
    if ended := counts.get("needs_reconnect", 0):
        fix = "Reconnect them on the app's Accounts page."
        yield Finding("advice", "Connections", f"{ended} of {sum(counts.values())} must be reconnected", fix)
    else:
        yield Finding("good", "Connections", f"{counts.get('active', 0)} active")


async def _webhooks(installation: Installation) -> AsyncIterator[Finding]:
    """Check that events reach the webhooks."""
    query = select(
        func.count(),
        func.count().filter(Webhook.disabled_at.is_not(None), Webhook.disabled_reason != "by_person"),
        func.count().filter(Webhook.disabled_at.is_(None), Webhook.failures > 0),
    )
    async with installation.database.session() as session:
        number, disabled, failing = (await session.execute(query)).one()
    if disabled or failing:
        message = f"{disabled} of {number} disabled after failures, {failing} failing"
        fix = "`GET /webhooks` shows why. A disabled one is enabled by `PATCH /webhooks/{webhook_id}`."
        yield Finding("advice", "Webhooks", message, fix)
    elif number:
        yield Finding("good", "Webhooks", f"{number} respond or are disabled by a person")
