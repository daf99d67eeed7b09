"""The pages for developers: the request log, found by id and path, and shown as a sentence and a command."""

import html
import re
import shlex
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI

from clipcast.audit.requests import PAGE
from clipcast.common.ids import new_id
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from tests.web.browser import sent
from tests.web.conftest import Visitor

REQUESTS = "./developers/requests"


async def key_of(owner: Visitor) -> dict[str, str]:
    made = await owner.post("./developers/keys", {"name": "n8n", "days": "30", "scopes": ["posts:read", "posts:write"]})
    return {"X-Api-Key": made.text.split('id="new-key">')[1].split("<")[0]}


async def test_short_address_leads_to_the_keys(owner: Visitor, visitors: Callable[[], Visitor]) -> None:
    """`clipcast login` names it: a program does not know the workspace."""
    page = await owner.get("/developers/keys")
    assert (page.status_code, page.headers["location"]) == (303, f"{owner.base}/developers/keys")
    asked = await visitors().get("/developers/keys")
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=%2Fdevelopers%2Fkeys")


async def test_a_refused_request_says_what_to_change(
    owner: Visitor, application: FastAPI, installation: Installation
) -> None:
    assert "Create an API key" in (await owner.get(REQUESTS)).text
    key = await key_of(owner)
    answer = await owner.client.post(
        "/api/v1/posts?partial=true",
        json={"videos": "it's <b>none</b>", "password": "hunter2", "n" * 300: 1},
        headers=key,
    )
    assert answer.status_code == 422
    await owner.client.get("/api/v1/posts", headers=key)
    await application.state.request_log.close(installation.database.hot_pool)

    number = answer.headers["x-request-id"]
    listed = (await owner.get(REQUESTS)).text
    assert re.findall(r"developers/requests/([0-9a-f-]{36})", listed) == [number]
    assert "Validation failed</span>" in listed
    assert ">0 items</small>" not in listed
    assert f">videos, password, {'n' * 39}…</small>" in listed
    key_id = re.findall(r'<option value="([0-9a-f-]{36})">n8n<', listed)[0]
    for query, found in (
        (number, True), ("/posts", True), ("/webhooks", False), (str(new_id()), False), (f"&key={key_id}", True),
        (f"&key={new_id()}", False),
    ):  # fmt: skip
        page = (await owner.get(f"{REQUESTS}?refused=true&q={query}")).text
        assert (f"developers/requests/{number}" in page) == found, query

    shown = (await owner.get(f"{REQUESTS}/{number}")).text
    for problem in answer.json()["errors"]:
        assert problem["message"] in html.unescape(shown)
        assert f"<code>{problem['path']}</code>" in shown
    assert "hunter2" not in shown
    assert "It cannot open as a draft: it names no account" in shown
    assert "<b>none" not in shown
    command = html.unescape(shown.split('<code id="curl">')[1].split("</code>")[0])
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:3] == ["curl", "-X", "POST"]
    assert f'{{"videos":"it\'s <b>none</b>","password":"***","{"n" * 300}":1}}' in words


async def test_the_list_goes_on_by_the_oldest_shown(
    owner: Visitor, application: FastAPI, installation: Installation
) -> None:
    key = await key_of(owner)
    for _ in range(PAGE + 1):
        await owner.client.post("/api/v1/posts", json={}, headers=key)
    await application.state.request_log.close(installation.database.hot_pool)
    first = (await owner.get(REQUESTS)).text
    shown = re.findall(r"developers/requests/([0-9a-f-]{36})", first)
    assert len(shown) == PAGE
    older = html.unescape(re.findall(r'rel="next" href="[^"?]*(\?[^"]+)"', first)[0])
    second = (await owner.get(REQUESTS + older)).text
    assert len(set(re.findall(r"developers/requests/([0-9a-f-]{36})", second)) - set(shown)) == 1
    assert 'rel="next"' not in second


async def test_requests_are_for_editors_of_the_workspace(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], application: FastAPI, installation: Installation
) -> None:
    key = await key_of(owner)
    answer = await owner.client.post("/api/v1/posts", json={}, headers=key)
    await application.state.request_log.close(installation.database.hot_pool)
    number = answer.headers["x-request-id"]
    viewer, editor = await invited("viewer"), await invited("editor")
    assert (await viewer.get(f"{REQUESTS}/{number}")).status_code == 403
    assert (await viewer.get("./developers")).headers["location"].endswith("/developers/keys")
    assert (await editor.get(f"{REQUESTS}/{number}")).status_code == 200
    assert (await editor.get("./developers")).headers["location"].endswith("/developers/requests")
    other = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    assert (await owner.get(f"{other}/developers/requests/{number}")).status_code == 404
    assert (await owner.get(f"{REQUESTS}/nothing")).status_code == 404


async def test_a_refused_post_opens_as_a_draft_with_the_same_problems(
    owner: Visitor, desk: dict[str, Any], application: FastAPI, installation: Installation
) -> None:
    key = await key_of(owner)
    at = f"{some_day()}T18:00:00-03:00"
    long_title = "x" * 101
    body = {
        "videos": [
            {
                "edit_id": desk["clip"],
                "common": {"text": "Shared <b>words</b>"},
                "targets": [
                    {
                        "connection_id": "youtube:@harbour.films",
                        "metadata": {"youtube": {"title": long_title, "no": 1}},
                    },
                    {"connection_id": desk["tiktok"], "metadata": {"tiktok": {"privacyLevel": 5}}},
                    {"connection_id": "bluesky:@nobody"},
                ],
            },
            {"edit_id": str(new_id()), "targets": [{"connection_id": desk["tiktok"]}]},
        ],
        "scheduled_at": at,
    }
    answer = await owner.client.post("/api/v1/posts", json=body, headers=key)
    assert answer.status_code == 422
    other = await owner.client.post("/api/v1/posts", json={"videos": 5}, headers=key)
    await application.state.request_log.close(installation.database.hot_pool)
    page = html.unescape((await owner.get(f"{REQUESTS}/{answer.headers['x-request-id']}")).text)
    for missing in (
        "YouTube has no field 'no'.",
        "The value of tiktok.privacyLevel has the wrong type: '5'.",
        "The workspace has no account 'bluesky:@nobody'.",
        "Add it from the library.",
    ):
        assert missing in page, missing
    opened = await owner.post(f"{REQUESTS}/{answer.headers['x-request-id']}/draft")
    assert opened.status_code == 303
    draft = (await owner.get(opened.headers["location"])).text
    fields = sent(draft)
    # An unknown clip stays as one that was deleted.
    assert fields["clip"] == [desk["clip"], body["videos"][1]["edit_id"]]
    assert "1 chosen clip no longer exists. Remove it." in draft
    assert set(fields["account"]) == {desk["tiktok"], desk["youtube"]}
    assert long_title in draft
    assert "too long: 101 characters" in html.unescape(draft)
    assert f'value="{some_day()}T21:00"' in draft
    # Neither a time nor a zone of a wrong type hinders the draft.
    broken = body | {"scheduled_at": 5, "timezone": []}
    third = (await owner.client.post("/api/v1/posts", json=broken, headers=key)).headers["x-request-id"]
    await application.state.request_log.close(installation.database.hot_pool)
    page = html.unescape((await owner.get(f"{REQUESTS}/{third}")).text)
    assert "The time '5' cannot be read. Choose one." in page
    # Without a known clip, the draft has the accounts, the words and the time, and the page asks for the clip.
    lost = {"videos": [body["videos"][0] | {"edit_id": str(new_id())}, body["videos"][1]], "scheduled_at": at}
    fourth = (await owner.client.post("/api/v1/posts", json=lost, headers=key)).headers["x-request-id"]
    await application.state.request_log.close(installation.database.hot_pool)
    draft = (await owner.get((await owner.post(f"{REQUESTS}/{fourth}/draft")).headers["location"])).text
    fields = sent(draft)
    assert "clip" not in fields
    assert set(fields["account"]) == {desk["tiktok"], desk["youtube"]}
    assert long_title in draft
    assert "Shared <b>words</b>" in html.unescape(draft)
    assert f'value="{some_day()}T21:00"' in draft
    # Of a body that names nothing of the workspace, there is no draft.
    number = other.headers["x-request-id"]
    assert "Open as a draft" not in (await owner.get(f"{REQUESTS}/{number}")).text
    assert (await owner.post(f"{REQUESTS}/{number}/draft")).status_code == 404


async def test_draft_of_a_post_with_an_unknown_clip_keeps_its_account_words_and_problems(
    owner: Visitor, desk: dict[str, Any], application: FastAPI, installation: Installation
) -> None:
    key = await key_of(owner)
    unknown = str(new_id())
    known = {"connection_id": desk["youtube"], "metadata": {"youtube": {"title": "x" * 101}}}
    lost = [
        {"connection_id": desk["tiktok"], "metadata": {"tiktok": {"title": "Words of the unknown one"}}},
        known | {"metadata": {"youtube": {"title": "Own", "description": "Own words"}}},
    ]
    body = {"videos": [{"edit_id": desk["clip"], "targets": [known]}, {"edit_id": unknown, "targets": lost}]}
    refused = await owner.client.post("/api/v1/posts", json=body, headers=key)
    assert refused.status_code == 422
    await application.state.request_log.close(installation.database.hot_pool)
    opened = await owner.post(f"{REQUESTS}/{refused.headers['x-request-id']}/draft")
    page = (await owner.get(opened.headers["location"])).text
    fields = sent(page)
    assert (fields["clip"], set(fields["account"])) == ([desk["clip"], unknown], {desk["youtube"], desk["tiktok"]})
    for problem in ("too long: 101 characters", "TikTok: choose who can watch.", "1 chosen clip no longer exists."):
        assert problem in html.unescape(page)
    # They stay when the page saves itself.
    saved = sent((await owner.post(opened.headers["location"], fields)).text)
    for words in ("Words of the unknown one", "Own", "Own words"):
        assert [words] in fields.values(), words
        assert [words] in saved.values(), words
