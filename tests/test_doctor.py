"""The doctor finds what is wrong, and says how to mend it."""

from pathlib import Path

from pydantic import AnyHttpUrl

from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.doctor import Finding, examine
from clipcast.publishing.workers import say_alive
from clipcast.settings import PlatformApp, Settings, load
from tests.harness import Caller, Stage, free_port


def settings_of(server: EmbeddedServer, tmp_path: Path, **changes: object) -> Settings:
    url = server.acquire()
    return load({}, data_dir=tmp_path, database_url=url, **changes)


def about(findings: list[Finding], what: str) -> Finding:
    return next(finding for finding in findings if finding.about == what)


async def test_an_installation_without_workers(server: EmbeddedServer, database: Database, tmp_path: Path) -> None:
    found = await examine(settings_of(server, tmp_path, public_url=f"http://127.0.0.1:{free_port()}"))
    assert about(found, "Database").verdict == "good"
    assert about(found, "Clock").verdict == "good"
    assert about(found, "Storage").verdict == "good"
    assert about(found, "Workers").verdict == "bad"
    assert about(found, "Public address").verdict == "bad"
    assert "CLIPCAST_PUBLIC_URL" in about(found, "Public address").fix
    assert "CLIPCAST_TIKTOK_CLIENT_ID" in about(found, "TikTok app").fix
    await say_alive(database, "host:1", 4)
    assert about(await examine(settings_of(server, tmp_path)), "Workers").told == "1 alive: host:1"


async def test_redirect_addresses(server: EmbeddedServer, database: Database, tmp_path: Path) -> None:
    settings = settings_of(server, tmp_path).model_copy(update={"apps": {"tiktok": PlatformApp("id", "secret")}})
    assert about(await examine(settings), "TikTok app").verdict == "bad"
    https = settings.model_copy(update={"public_url": AnyHttpUrl("https://clips.invalid")})
    told = about(await examine(https), "TikTok app")
    assert (told.verdict, "https://clips.invalid/connect/tiktok/callback" in told.told) == ("good", True)


async def test_a_lost_key(server: EmbeddedServer, stage: Stage, caller: Caller, tmp_path: Path) -> None:
    await stage.connect("tiktok")
    found = await examine(settings_of(server, tmp_path, secret_key="another" * 8))
    assert [(one.verdict, one.about) for one in found if one.about == "Secret key"] == [("bad", "Secret key")]


async def test_a_database_that_is_away(tmp_path: Path) -> None:
    url = f"postgresql://u:p@127.0.0.1:{free_port()}/x"
    [found] = await examine(load({}, data_dir=tmp_path, database_url=url))
    assert (found.verdict, found.about) == ("bad", "Database")


async def test_a_store_that_is_away(server: EmbeddedServer, database: Database, tmp_path: Path) -> None:
    (tmp_path / "media").write_text("in the way")
    found = await examine(settings_of(server, tmp_path))
    assert [one.verdict for one in found if one.about == "Storage"] == ["bad"]
