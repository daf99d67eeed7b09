"""Members: invitations, and the rights of each role."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from clipcast.common.ids import new_id
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from tests.web import conftest
from tests.web.conftest import PASSWORD, Visitor

Invited = Callable[[str], Awaitable[Visitor]]

# What a role may at least do; the answer of what it may is anything but 403.
FOR_EDITORS = [
    ("GET", "./compose"), ("GET", "./drafts"), ("GET", "./accounts/new/tiktok"),
    ("POST", "./accounts/links/tiktok"), ("POST", "./posts/x/delete"), ("POST", "./clips/x/delete"),
    ("GET", "./accounts/connect"), ("POST", "./accounts/bulk"), ("POST", "./accounts/client-links"),
    ("POST", "./clients/x/logo"), ("POST", "./clients/x/logo/remove"),
    ("POST", "./posts/x/publish"), ("POST", "./posts/x/items/y/retry"),
]  # fmt: skip
FOR_OWNERS = [
    ("POST", "./developers/keys"), ("POST", "./developers/keys/x/revoke"), ("POST", "./settings/invitations"),
    ("POST", "./settings/members/x"), ("POST", "./settings/members/x/remove"), ("POST", "./settings/name"),
    ("POST", "./settings/workspaces"), ("POST", "./accounts/x/off"), ("POST", "./accounts/x/remove"),
    ("GET", "./jobs"), ("POST", "./jobs/x/retry"), ("POST", "./jobs/resume"), ("POST", "./settings/conform"),
]  # fmt: skip
FORM = {"name": "Name", "role": "editor", "days": "0", "scopes": "posts:read"}


async def ask(visitor: Visitor, method: str, path: str) -> int:
    answer = await visitor.get(path) if method == "GET" else await visitor.post(path, FORM)
    return answer.status_code


async def test_viewer_reads_every_page_and_changes_nothing(invited: Invited) -> None:
    """A viewer gets 200 for every page and 403 for every action."""
    viewer = await invited("viewer")
    for path in (".", "./posts", "./calendar", "./clips", "./accounts", "./settings", "./reference"):
        assert (await viewer.get(path)).status_code == 200, path
    for method, path in FOR_EDITORS + FOR_OWNERS:
        assert await ask(viewer, method, path) == 403, path


async def test_editor_may_post_and_not_administer(invited: Invited) -> None:
    """An editor gets 403 for the actions of owners only."""
    editor = await invited("editor")
    for method, path in FOR_EDITORS:
        assert await ask(editor, method, path) != 403, path
    for method, path in FOR_OWNERS:
        assert await ask(editor, method, path) == 403, path


async def test_owner_may_do_everything(owner: Visitor) -> None:
    """An owner gets 403 for no action."""
    for method, path in FOR_EDITORS + FOR_OWNERS:
        assert await ask(owner, method, path) != 403, path


async def test_pages_of_another_workspace_return_404(
    owner: Visitor, invited: Invited, visitors: Callable[[], Visitor]
) -> None:
    editor = await invited("editor")
    made = await owner.post("./settings/workspaces", {"name": "Second"})
    second = made.headers["location"]
    assert (await owner.get(second)).status_code == 200
    assert (await editor.get(second)).status_code == 404
    assert (await editor.get("/w/nonsense")).status_code == 404


async def test_invitation_works_once(owner: Visitor, visitors: Callable[[], Visitor]) -> None:
    made = await owner.post("./settings/invitations", {"role": "viewer", "note": "<b>Newcomer</b>"})
    assert "&lt;b&gt;Newcomer" in made.text
    link = made.text.split('id="new-invitation">')[1].split("<")[0]
    first, second = visitors(), visitors()
    weak = await first.post(link, {"name": "Newcomer", "email": "member@example.org", "password": "1234567890"})
    assert weak.status_code == 422
    taken = await first.post(link, {"name": "Owner", "email": "OWNER@example.org", "password": PASSWORD})
    assert "already exists" in taken.text
    form = {"name": "Newcomer", "email": "member@example.org", "password": PASSWORD}
    assert (await first.post(link, form)).status_code == 303
    assert (await first.get(owner.base)).status_code == 200
    assert (await second.get(link)).status_code == 404
    assert (await second.post(link, form | {"email": "third@example.org"})).status_code == 404


async def test_invitation_of_a_removed_owner_does_not_work(
    owner: Visitor, invited: Invited, visitors: Callable[[], Visitor]
) -> None:
    second = await invited("owner")
    made = await second.post("./settings/invitations", {"role": "owner", "note": "way back"})
    link = made.text.split('id="new-invitation">')[1].split("<")[0]
    assert (await visitors().get(link)).status_code == 200
    ids = re.findall(r'for="role-([0-9a-f-]{36})">Role of New Member', (await owner.get("./settings")).text)
    assert (await owner.post(f"./settings/members/{ids[0]}", {"role": "editor"})).status_code == 303
    assert not re.search(r"/settings/invitations/[0-9a-f-]{36}/delete", (await owner.get("./settings")).text)
    assert (await visitors().get(link)).status_code == 404
    assert (await owner.post(f"./settings/members/{ids[0]}/remove")).status_code == 303
    assert (await second.post(link)).status_code == 404
    assert (await second.get("./settings")).status_code == 404


async def test_signed_in_person_joins_another_workspace(owner: Visitor, invited: Invited) -> None:
    editor = await invited("editor")
    second = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    made = await owner.post(second + "/settings/invitations", {"role": "owner", "note": ""})
    link = made.text.split('id="new-invitation">')[1].split("<")[0]
    assert "You are signed in as <bdi>New Member</bdi>" in (await editor.get(link)).text
    assert (await editor.post(link)).headers["location"] == second
    assert (await editor.get(second + "/settings")).status_code == 200
    own = await owner.post(second + "/settings/invitations", {"role": "viewer", "note": ""})
    link = own.text.split('id="new-invitation">')[1].split("<")[0]
    assert "member of this workspace already" in (await editor.post(link)).text


async def test_last_owner_cannot_leave_the_workspace(owner: Visitor, invited: Invited) -> None:
    page = (await owner.get("./settings")).text
    own_id = page.split('id="role-')[1].split('"')[0]
    for path, form in (
        (f"./settings/members/{own_id}", {"role": "viewer"}),
        (f"./settings/members/{own_id}/remove", {}),
    ):
        answer = await owner.post(path, form)
        assert answer.status_code == 422
        # On the page itself, beside the member.
        assert re.search(f'id="role-{own_id}-problem" role="alert">A workspace needs an owner', answer.text)
    strange = await owner.post(f"./settings/members/{own_id}", {"role": "king"})
    assert re.search(f'id="role-{own_id}-problem" role="alert">Choose one of the roles', strange.text)
    assert "There is no such member" in (await owner.post("./settings/members/x", {"role": "viewer"})).text
    second = await invited("owner")
    assert (await owner.post(f"./settings/members/{own_id}", {"role": "viewer"})).status_code == 303
    assert (await owner.post("./settings/name", {"name": "Mine"})).status_code == 403
    assert (await second.post(f"./settings/members/{own_id}/remove")).status_code == 303
    assert (await owner.get(".")).status_code == 404


async def test_withdrawn_invitation_does_not_work(owner: Visitor, visitors: Callable[[], Visitor]) -> None:
    made = await owner.post("./settings/invitations", {"role": "viewer", "note": "Newcomer"})
    link = made.text.split('id="new-invitation">')[1].split("<")[0]
    number = made.text.split("/settings/invitations/")[1].split("/")[0]
    assert (await owner.post(f"./settings/invitations/{number}/delete")).status_code == 303
    assert (await visitors().get(link)).status_code == 404


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "\u200b\n"])
async def test_invalid_workspace_name_is_rejected(owner: Visitor, name: str) -> None:
    for path in ("./settings/name", "./settings/workspaces"):
        assert (await owner.post(path, {"name": name})).status_code == 422
    assert (await owner.post("./developers/keys", FORM | {"name": name})).status_code == 422


async def test_keys_work_until_they_are_revoked(owner: Visitor) -> None:
    none = await owner.post("./developers/keys", {"name": "n8n", "days": "30"})
    assert "at least one scope" in none.text
    made = await owner.post("./developers/keys", {"name": "n8n", "days": "30", "scopes": ["posts:read"]})
    key = made.text.split('id="new-key">')[1].split("<")[0]
    answer = await owner.client.get("/api/v1/posts", headers={"X-Api-Key": key})
    assert answer.status_code == 200
    assert (await owner.client.get("/api/v1/connections", headers={"X-Api-Key": key})).status_code == 403
    page = (await owner.get("./developers/keys")).text
    assert key not in page
    assert ">Key created</span>" in (await owner.get("./settings")).text
    number = page.split("/developers/keys/")[1].split("/")[0]
    assert (await owner.post(f"./developers/keys/{number}/revoke")).status_code == 303
    assert (await owner.client.get("/api/v1/posts", headers={"X-Api-Key": key})).status_code == 401


async def test_viewer_is_not_told_to_change_the_post(
    owner: Visitor, invited: Invited, desk: dict[str, Any], installation: Installation
) -> None:
    """Only an editor can do what the page of a failed item asks for."""
    path = (await owner.post(f"./compose/{new_id()}/send", conftest.form(desk))).headers["hx-redirect"]
    error = {
        "class": "invalid", "code": "caption_rejected", "message": "TikTok rejected the caption.",
        "fix": "Change the caption.", "actor": "caller", "retryable": False, "docs_url": None, "platform": None,
        "at": "2027-01-01T00:00:00Z",
    }  # fmt: skip
    async with installation.database.begin() as session:
        await session.execute(update(Item).values(error=error, status="failed"))
    expected = ((owner, "You must"), (await invited("editor"), "You must"), (await invited("viewer"), "An editor must"))
    for visitor, who in expected:
        page = (await visitor.get(path)).text
        assert [found for found in ("You must", "An editor must") if f"{found} change the post." in page] == [who]


async def test_owner_chooses_whether_clips_are_converted(owner: Visitor, installation: Installation) -> None:
    assert (await owner.post("./settings/conform", {"conform": "sometimes"})).status_code == 422
    assert (await owner.post("./settings/conform", {"conform": "never"})).status_code == 303
    page = (await owner.get("./settings")).text
    assert '<option value="never" selected>' in page
    assert "workspace.changed" in page


@pytest.mark.parametrize(("asked", "to"), [("settings/members", "settings#members"), ("profile", "/account")])
async def test_address_under_which_people_look_redirects(owner: Visitor, asked: str, to: str) -> None:
    found = await owner.get(f"./{asked}")
    assert found.status_code == 303
    assert found.headers["location"].endswith(to)
