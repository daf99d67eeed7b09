"""The doctor reports problems of an installation with their fixes."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import AnyHttpUrl
from sqlalchemy import text, update

from clipcast import __version__
from clipcast.clock import clock
from clipcast.common.plugins import Skipped
from clipcast.common.settings import PlatformApp, Settings, load
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.notices import NoticeChannel
from clipcast.database.models.people import Membership, User
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import storage_mark
from clipcast.installation.sealed import seal_again
from clipcast.jobs.pauses import QUEUE, WORKSPACE, pause
from clipcast.jobs.workers import WorkerFacts, register
from clipcast.operations import doctor
from clipcast.operations.doctor import Finding, examine
from clipcast.platforms.registry import PLATFORMS
from clipcast.rendering.children import Children, ChildUnavailable, Outcome
from clipcast.rendering.confinement import LAYERS
from clipcast.testing.harness import Caller, Stage
from tests.conftest import Temporal
from tests.mail_server import MailServer
from tests.renders.orders import ordered, uploaded


def settings_of(server: EmbeddedServer, tmp_path: Path, **changes: object) -> Settings:
    url = server.acquire()
    return load({}, data_dir=tmp_path, database_url=url, **changes)


def about(findings: list[Finding], part: str) -> Finding:
    return next(finding for finding in findings if finding.about == part)


async def test_missing_worker_and_unreachable_public_url_are_bad(
    server: EmbeddedServer, database: Database, tmp_path: Path
) -> None:
    found = await examine(settings_of(server, tmp_path, public_url="http://127.0.0.1:1"))
    assert about(found, "Database").verdict == "good"
    assert about(found, "Clock").verdict == "good"
    assert about(found, "Storage").verdict == "good"
    assert about(found, "Workers").verdict == "bad"
    assert about(found, "Public address").verdict == "bad"
    assert "CLIPCAST_PUBLIC_URL" in about(found, "Public address").fix
    assert "CLIPCAST_TIKTOK_CLIENT_ID" in about(found, "TikTok app").fix
    assert "CLIPCAST_FACEBOOK_CLIENT_ID" in about(found, "Instagram app (--method facebook)").fix
    await register(database, WorkerFacts("host:1", "rows", __version__, {"network": 4}, {}))
    assert about(await examine(settings_of(server, tmp_path)), "Workers").message == "1 alive: host:1"


async def test_missing_renderer_is_bad_once_conversions_wait(
    server: EmbeddedServer, stage: Stage, tmp_path: Path
) -> None:
    database, settings = stage.installation.database, settings_of(server, tmp_path, secret_key="k" * 32)
    assert about(await examine(settings), "Renderers").verdict == "advice"
    await ordered(stage, await uploaded(stage))
    found = about(await examine(settings), "Renderers")
    assert (found.verdict, found.message) == ("bad", "no renderer is alive. Conversions that wait: 1")
    await register(database, WorkerFacts("host:1", "rows", __version__, {"cpu": 1, "remux": 1}, {}))
    found = about(await examine(settings), "Renderers")
    assert (found.verdict, found.message) == ("good", "1 alive; conversions that wait: 1")
    assert about(await examine(settings), "Workers").verdict == "bad"


async def test_queue_of_conversions_without_slots_is_bad_once_some_wait(
    server: EmbeddedServer, stage: Stage, tmp_path: Path
) -> None:
    database, settings = stage.installation.database, settings_of(server, tmp_path, secret_key="k" * 32)
    await ordered(stage, await uploaded(stage), estimate=601)
    await register(database, WorkerFacts("host:1", "rows", __version__, {"cpu": 1, "long": 0, "remux": 1}, {}))
    good, bad = [one for one in await examine(settings) if one.about == "Renderers"]
    assert (good.verdict, bad.verdict) == ("good", "bad")
    assert bad.message == "none that is alive has slots of the queue long. Conversions that wait in it: 1"
    await register(database, WorkerFacts("host:2", "rows", __version__, {"long": 1}, {}))
    assert [one.verdict for one in await examine(settings) if one.about == "Renderers"] == ["good"]


async def test_storage_of_another_database_is_bad(server: EmbeddedServer, stage: Stage, tmp_path: Path) -> None:
    database, storage = stage.installation.database, stage.installation.storage
    settings = settings_of(server, tmp_path, secret_key="k" * 32)

    async def reported() -> list[str]:
        return [one.message for one in await examine(settings) if one.about == "Storage" and one.verdict == "bad"]

    assert await storage_mark.may_delete(database, storage)
    assert await reported() == []
    mark = await storage_mark.read_mark(storage)
    assert mark
    for content, words in (
        ({"mark": "later", "installation_id": mark.installation_id}, "another copy of this database"),
        ({"mark": "other", "installation_id": "an id"}, "another installation (an id)"),
        ({"mark": storage_mark.SEVERAL}, "several databases"),
    ):
        await storage.put_bytes(storage_mark.KEY, json.dumps(content).encode())
        [message] = await reported()
        assert words in message


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        (LAYERS, [("good", "probed in a process")]),
        (LAYERS[:4], [("advice", "reach the network"), ("advice", "read this installation's files")]),
        (None, [("bad", "cannot start")]),
    ],
)
async def test_missing_protections_of_uploads_are_reported(
    server: EmbeddedServer, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    layers: tuple[str, ...] | None, found: list[tuple[str, str]],
) -> None:  # fmt: skip
    async def run(self: Children, *job: Any) -> Outcome:
        if layers is None:
            raise ChildUnavailable("cannot start")
        return Outcome(layers, {})

    monkeypatch.setattr(Children, "run", run)
    reported = [one for one in await examine(settings_of(server, tmp_path)) if one.about == "Media"]
    assert [one.verdict for one in reported] == [verdict for verdict, _ in found]
    for one, (verdict, words) in zip(reported, found, strict=True):
        assert words in one.message
        assert (one.fix == "") is (verdict == "good")


async def test_redirect_uri_without_https_is_bad(server: EmbeddedServer, database: Database, tmp_path: Path) -> None:
    settings = settings_of(server, tmp_path).model_copy(update={"apps": {"tiktok": PlatformApp("id", "secret")}})
    assert about(await examine(settings), "TikTok app").verdict == "bad"
    https = settings.model_copy(update={"public_url": AnyHttpUrl("https://clips.invalid")})
    reported = about(await examine(https), "TikTok app")
    assert (reported.verdict, "https://clips.invalid/connect/tiktok/callback" in reported.message) == ("good", True)


async def test_changed_secret_key_is_bad(server: EmbeddedServer, stage: Stage, caller: Caller, tmp_path: Path) -> None:
    await stage.connect("tiktok")
    found = await examine(settings_of(server, tmp_path, secret_key="another" * 8))
    assert [(one.verdict, one.about) for one in found if one.about == "Secret key"] == [("bad", "Secret key")]


async def test_former_key_that_is_needed_is_reported(server: EmbeddedServer, stage: Stage, tmp_path: Path) -> None:
    await stage.connect("tiktok")
    old, new = "k" * 32, "n" * 32
    for keys, verdict, words in (
        (old, "good", "every stored secret"),
        (f"{new},{old}", "advice", "(accounts: 1)"),
        (new, "bad", Vault([old]).fingerprints[0]),
    ):
        found = about(await examine(settings_of(server, tmp_path, secret_key=keys)), "Secret key")
        assert (found.verdict, words in found.message) == (verdict, True), found
    await seal_again(stage.installation.database, Vault([new, old]))
    found = about(await examine(settings_of(server, tmp_path, secret_key=new)), "Secret key")
    assert found.verdict == "good"


async def test_slow_check_of_the_secrets_stops_no_other_check(
    server: EmbeddedServer, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_: Any) -> None:
        raise DatabaseUnavailable("canceling statement due to statement timeout")

    monkeypatch.setattr(doctor, "count_sealed", slow)
    findings = await examine(settings_of(server, tmp_path))
    assert "statement timeout" in about(findings, "Secret key").message
    assert about(findings, "Storage").verdict == "good"


async def test_unreachable_database_is_the_only_finding(tmp_path: Path) -> None:
    url = "postgresql://u:p@127.0.0.1:1/x"
    [found] = await examine(load({}, data_dir=tmp_path, database_url=url))
    assert (found.verdict, found.about) == ("bad", "Database")


async def test_storage_that_cannot_be_written_is_bad(
    server: EmbeddedServer, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "media").write_text("in the way")
    found = await examine(settings_of(server, tmp_path))
    assert [one.verdict for one in found if one.about == "Storage"] == ["bad"]


async def test_plugin_that_is_not_used_is_bad_and_states_its_package(
    server: EmbeddedServer, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SKIPPED", [Skipped("kelp", "clipcast-kelp", "it lacks publish.")])
    found = about(await examine(settings_of(server, tmp_path)), "Platform kelp")
    assert (found.verdict, found.message) == ("bad", "is not used: it lacks publish")
    assert "clipcast-kelp" in found.fix


async def test_temporal_server_that_works_or_not_is_reported(
    server: EmbeddedServer, database: Database, tmp_path: Path, temporal: Temporal
) -> None:
    good = about(await examine(settings_of(server, tmp_path, engine=temporal.engine)), "Engine")
    assert (good.verdict, good.message) == (
        "good", f"Temporal 1.32.0 at 127.0.0.1:{temporal.server.port}/clipcast brings jobs to workers",
    )  # fmt: skip
    absent = "temporal://127.0.0.1:1/clipcast"
    bad = about(await examine(settings_of(server, tmp_path, engine=absent)), "Engine")
    assert (bad.verdict, "Connection refused" in bad.message, "CLIPCAST_ENGINE" in bad.fix) == ("bad", True, True)
    nowhere = temporal.engine.replace("/clipcast?", "/nowhere?")
    bad = about(await examine(settings_of(server, tmp_path, engine=nowhere)), "Engine")
    assert "Create it: temporal operator namespace create --namespace nowhere" in bad.message


async def test_jobs_that_no_worker_takes_and_workers_of_another_engine_are_reported(
    stage: Stage, server: EmbeddedServer
) -> None:
    await stage.post(await stage.connect("tiktok"), "tiktok", dict(PLATFORMS["tiktok"].metadata.example))
    await register(stage.installation.database, WorkerFacts("host:1", "temporal", "", {"network": 4}, {}))
    settings = settings_of(server, stage.installation.settings.data_dir, secret_key="k" * 32)
    found = [one for one in await examine(settings) if one.about == "Engine"]
    assert [(one.verdict, one.message) for one in found] == [
        ("good", "workers claim jobs from the database"),
        ("bad", "all workers use another engine than this command (rows): host:1"),
    ]
    clock.move(timedelta(seconds=60))
    [waiting] = [one for one in await examine(settings) if one.about == "Engine" and "first for" in one.message]
    assert (waiting.verdict, waiting.message[:35]) == ("advice", "jobs that are ready and wait: 1, th")


async def test_dead_and_paused_jobs_are_reported(
    server: EmbeddedServer, stage: Stage, caller: Caller, tmp_path: Path
) -> None:
    database = stage.installation.database
    settings = settings_of(server, tmp_path, secret_key="k" * 32)
    assert about(await examine(settings), "Jobs") == Finding("good", "Jobs", "0 not done; none is dead or paused")
    metadata = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
    await stage.post(await stage.connect("tiktok"), "tiktok", metadata)
    async with database.begin() as session:
        await pause(session, QUEUE, "network", "somebody")
        await pause(session, WORKSPACE, caller.workspace_id, "somebody")
    queue, workspace = await jobs_of(settings)
    assert queue.fix == "Resume it by `clipcast jobs resume --queue network`."
    assert workspace.fix == "Resume it by `clipcast jobs resume --workspace Workspace`."
    async with database.begin() as session:
        await session.execute(update(Job).values(state=JobState.DEAD))
    dead = (await jobs_of(settings))[0]
    assert (dead.verdict, dead.message) == ("bad", "1 dead: each ended three workers")


async def jobs_of(settings: Settings) -> list[Finding]:
    return [one for one in await examine(settings) if one.about == "Jobs"]


async def test_workers_of_another_version_are_reported(
    server: EmbeddedServer, database: Database, tmp_path: Path
) -> None:
    await register(database, WorkerFacts("host:1", "rows", __version__, {"network": 4}, {}))
    await register(database, WorkerFacts("host:2", "rows", "0.0.9", {"network": 4}, {}))
    workers = [one for one in await examine(settings_of(server, tmp_path)) if one.about == "Workers"]
    assert [one.verdict for one in workers] == ["good", "advice"]
    assert workers[1].message.endswith(": host:2 (0.0.9)")


async def test_long_transaction_is_reported(
    server: EmbeddedServer, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(server, tmp_path)
    monkeypatch.setattr(doctor, "TRANSACTION_MAX", timedelta())
    async with database.connect() as connection:
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        reported = [one for one in await examine(settings) if one.about == "Database"]
    assert [one.verdict for one in reported] == ["good", "advice"]
    assert f"pg_terminate_backend({pid})" in reported[1].fix


async def test_mail_server_and_waiting_messages_are_reported(
    server: EmbeddedServer, database: Database, tmp_path: Path
) -> None:
    """A missing mail server is advice; one that rejects Clipcast, and messages that wait, are bad."""
    assert about(await examine(settings_of(server, tmp_path)), "E-mail").verdict == "advice"
    mails = MailServer()
    await mails.start()

    def settings(password: str) -> Settings:
        url = f"smtp://clipcast:{password}@127.0.0.1:{mails.port}?tls=none"
        return settings_of(server, tmp_path, smtp_url=url, mail_from="clipcast@example.org")

    found = about(await examine(settings("p%40ss%3Aword")), "E-mail")
    assert (found.verdict, found.message) == ("good", f"the mail server 127.0.0.1:{mails.port} accepts Clipcast")
    found = about(await examine(settings("wrong")), "E-mail")
    assert found.verdict == "bad"
    assert "535" in found.message
    assert "wrong" not in found.message
    mails.stop()
    async with database.begin() as session:
        person, workspace = User(email="a@example.org", name="A", password_hash="-"), Workspace(name="Night Bakery")
        session.add_all([person, workspace])
        await session.flush()
        mine: dict[str, Any] = {"user_id": person.id, "workspace_id": workspace.id}
        session.add(Membership(**mine, role="owner"))
        await session.flush()
        session.add(NoticeChannel(**mine, channel="email", failing_since=clock.now(), error="It is away."))
    all_found = await examine(settings("wrong"))
    assert "cannot be reached" in about(all_found, "E-mail").message
    assert about(all_found, "Notices").message.startswith("members whose messages wait: 1, the first since ")
