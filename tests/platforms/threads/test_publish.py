"""What is special about Threads: its way of counting, and its numbers."""

import pytest
from sqlalchemy import update

from clipcast.common.settings import SettingsError, load
from clipcast.common.vault import Vault
from clipcast.connections.apps import app_for
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import check_names
from clipcast.platforms.threads.account import ThreadsOAuth
from clipcast.platforms.threads.metadata import threads_length
from clipcast.platforms.threads.rules import SCOPES
from clipcast.sandbox.threads.rules import text_length
from tests.harness import Stage


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("abc", 3),
        ("\u00e9\u00df\u4e2d", 3),
        ("\U0001f30a", 4),
        ("a\U0001f30ab", 6),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 18),
        ("\U0001f1e7\U0001f1f7", 8),
        ("\u2764\ufe0f", 6),
        ("1", 1),
        ("#", 1),
    ],
)
def test_an_emoji_costs_its_bytes(text: str, length: int) -> None:
    assert threads_length(text) == length
    assert text_length(text) == length


async def test_an_id_beyond_javascripts_numbers_is_kept_whole(stage: Stage) -> None:
    connection = await stage.connect("threads")
    shown = (await stage.caller.get(f"/connections/{connection}")).json()
    assert shown["account_id"] == (await stage.sandbox.account("threads"))["account_id"]
    assert int(shown["account_id"]) > 2**53


async def test_who_is_no_tester_is_told(stage: Stage) -> None:
    await stage.sandbox.settings(threads={"testers_only": True})
    await stage.sandbox.change_account("threads", tester=False)
    with pytest.raises(AssertionError, match="not a tester"):
        await stage.connect("threads")


@pytest.mark.parametrize("reason", ["UNKNOWN", "FAILED_PROCESSING_VIDEO"])
async def test_container_that_failed_is_made_once_more(stage: Stage, reason: str) -> None:
    await stage.connect("threads")
    await stage.sandbox.change_account("threads", container_failure=reason)
    post_id = await stage.post(await stage.connect("threads"), "threads", {"text": "Tide"})
    await stage.worker.run_due()
    assert (await stage.item(post_id))["error"]["class"] == "transient"
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "processing_refused"
    assert (await stage.sandbox.requests("threads")).count("create") == 2


async def test_location_needs_its_own_permission(stage: Stage) -> None:
    """It is granted with the sandbox's app; without it, the error names the field, before anything is sent."""
    connection = await stage.connect("threads")
    assert "threads_location_tagging" in (await stage.caller.get(f"/connections/{connection}")).json()["scopes"]
    async with stage.installation.database.begin() as session:
        await session.execute(update(Connection).values(scopes=list(SCOPES)))
    edit = await stage.caller.upload(stage.clip)
    metadata = {"threads": {"text": "Tide", "locationId": "123"}}
    body = {"videos": [{"editId": edit, "targets": [{"connectionId": connection, "metadata": metadata}]}]}
    refused = await stage.caller.post("/posts", body)
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert (error["path"], error["code"]) == ("/videos/0/targets/0/metadata/threads/locationId", "scope_missing")
    assert "threads_location_tagging" in error["message"]


def test_location_permission_is_asked_for_when_the_app_has_it() -> None:
    sign_in, installation = ThreadsOAuth(), ("https://clips.example/back", "state", "v" * 43)
    app = {"CLIPCAST_THREADS_CLIENT_ID": "id", "CLIPCAST_THREADS_CLIENT_SECRET": "secret"}
    for scopes, asked in (("", False), ("threads_location_tagging", True)):
        settings = load(app | {"CLIPCAST_EXTRA_SCOPES": scopes})
        check_names(settings)
        found = app_for(settings, Vault(["k" * 32]), sign_in)
        assert found is not None
        assert ("threads_location_tagging" in sign_in.authorize_url(found, *installation)) is asked


def test_scope_that_no_platform_uses_is_a_setting_error() -> None:
    with pytest.raises(SettingsError, match="threads_location_tagging"):
        check_names(load({"CLIPCAST_EXTRA_SCOPES": "threads_location"}))


async def test_the_topic_and_switches_arrive(stage: Stage) -> None:
    metadata = {"text": "Tide", "topicTag": "sea", "replyControl": "mentioned_only", "isSpoilerMedia": True}
    await stage.post(await stage.connect("threads"), "threads", metadata)
    await stage.run_until_ended()
    [post] = await stage.sandbox.posts("threads")
    assert post["metadata"] == {
        "media_type": "VIDEO",
        "text": "Tide",
        "topic_tag": "sea",
        "reply_control": "mentioned_only",
        "is_spoiler_media": "true",
    }
