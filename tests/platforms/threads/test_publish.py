"""Threads' own behaviour: its count of characters, its ids, testers and permissions."""

import pytest
from sqlalchemy import update

from clipcast.common.settings import SettingsError, load
from clipcast.common.vault import Vault
from clipcast.connections.apps import app_for
from clipcast.connections.attempts import ConnectFailed
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import check_names
from clipcast.platforms.threads.account import ThreadsOAuth
from clipcast.platforms.threads.metadata import threads_length
from clipcast.platforms.threads.rules import SCOPES
from clipcast.sandbox.threads.rules import text_length
from clipcast.testing.harness import Stage


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
def test_threads_length_counts_emoji_as_bytes(text: str, length: int) -> None:
    """Client and simulator count an emoji as its UTF-8 bytes."""
    assert threads_length(text) == length
    assert text_length(text) == length


async def test_id_above_2_53_keeps_all_digits(stage: Stage) -> None:
    """An id that JavaScript would round keeps all its digits."""
    connection = await stage.connect("threads")
    shown = (await stage.caller.get(f"/connections/{connection}")).json()
    assert shown["account_id"] == (await stage.sandbox.account("threads"))["account_id"]
    assert int(shown["account_id"]) > 2**53


async def test_account_that_is_no_tester_is_not_connected(stage: Stage) -> None:
    """Connecting an account that is not a tester fails with the reason."""
    await stage.sandbox.settings(threads={"testers_only": True})
    await stage.sandbox.change_account("threads", tester=False)
    with pytest.raises(ConnectFailed, match="not a tester"):
        await stage.connect("threads")


@pytest.mark.parametrize("reason", ["UNKNOWN", "FAILED_PROCESSING_VIDEO"])
async def test_failed_container_is_created_once_more(stage: Stage, reason: str) -> None:
    """A second container that fails ends the item as `processing_refused`."""
    await stage.connect("threads")
    await stage.sandbox.change_account("threads", container_failure=reason)
    post_id = await stage.post(await stage.connect("threads"), "threads", {"text": "Tide"})
    await stage.worker.run_due()
    assert (await stage.item(post_id))["error"]["class"] == "transient"
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "processing_refused"
    assert (await stage.sandbox.requests("threads")).count("create") == 2


async def test_location_without_its_scope_is_an_error(stage: Stage) -> None:
    """The sandbox's app grants the scope. Without it, preflight names the field before Clipcast sends anything."""
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


def test_location_scope_is_requested_only_if_configured() -> None:
    """CLIPCAST_EXTRA_SCOPES adds the scope to the consent page."""
    sign_in, installation = ThreadsOAuth(), ("https://clips.example/back", "state", "v" * 43)
    app = {"CLIPCAST_THREADS_CLIENT_ID": "id", "CLIPCAST_THREADS_CLIENT_SECRET": "secret"}
    for scopes, asked in (("", False), ("threads_location_tagging", True)):
        settings = load(app | {"CLIPCAST_EXTRA_SCOPES": scopes})
        check_names(settings)
        found = app_for(settings, Vault(["k" * 32]), sign_in)
        assert found is not None
        assert ("threads_location_tagging" in sign_in.authorize_url(found, *installation)) is asked


def test_unused_extra_scope_is_a_setting_error() -> None:
    """The error names the scopes that a platform uses."""
    with pytest.raises(SettingsError, match="threads_location_tagging"):
        check_names(load({"CLIPCAST_EXTRA_SCOPES": "threads_location"}))


async def test_optional_fields_are_sent(stage: Stage) -> None:
    """Topic, reply control and spoiler reach the platform; unset fields are not sent."""
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
