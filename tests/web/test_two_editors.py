"""Two people edit the same draft or scheduled post: the page shows both versions, and neither is lost."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.common.ids import new_id
from clipcast.database.models.connections import Connection
from clipcast.database.models.people import User
from clipcast.database.models.posts import Draft
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from tests.web.conftest import Visitor, form

HIDDEN = ("page", "version", "replaces", "replaces_version")


@pytest.fixture
async def editor(desk: dict[str, Any], invited: Callable[[str], Awaitable[Visitor]]) -> Visitor:
    return await invited("editor")


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of the page's form."""
    found = {name: re.findall(f'<input type="hidden" name="{name}" value="([^"]*)">', page) for name in HIDDEN}
    return {name: values[0] for name, values in found.items()}


def text_of(page: str) -> str:
    """Return the text in the caption field."""
    return re.findall(r'<textarea id="text"[^>]*>\n?([^<]*)</textarea>', page)[0]


async def opened(visitor: Visitor, path: str) -> dict[str, str]:
    return hidden((await visitor.get(path)).text)


async def test_second_save_of_a_draft_overwrites_nothing_and_shows_both_versions(
    owner: Visitor, editor: Visitor, desk: dict[str, Any]
) -> None:
    path = f"./compose/{new_id()}"
    assert (await owner.post(path, form(desk, text="As it was"))).status_code == 200
    mine, theirs = await opened(owner, path), await opened(editor, path)
    first = await editor.post(path, form(desk, text="Written by the editor") | theirs)
    assert "conflict-title" not in first.text
    # The editor types on, and the response was lost: a page never conflicts with its own save.
    assert "conflict-title" not in (await editor.post(path, form(desk, text="Written by the editor") | theirs)).text
    second = (await owner.post(path, form(desk, text="Written by the owner") | mine)).text
    assert "New Member saved it" in second
    assert re.search(r'<td class="said">Written by the editor</td><td class="said">Written by the owner</td>', second)
    assert text_of(second) == "Written by the owner"  # what was typed stays
    assert "Written by the editor" in (await owner.get(path)).text
    # Another tab of the same person is no other person.
    again = (await editor.post(path, form(desk, text="In another tab") | theirs | {"page": str(new_id())})).text
    assert "You changed this draft in another tab" in again
    assert "You saved it" in again
    assert "Another person" not in again
    # Sending does not overwrite it, either.
    sent = await owner.post(path + "/send", form(desk, text="Written by the owner") | mine)
    assert "conflict-title" in sent.text
    over = re.findall(r"\?over=(\d+)", second)[0]
    kept = await owner.post(f"{path}?over={over}", form(desk, text="Written by the owner") | hidden(second))
    assert "conflict-title" not in kept.text
    assert text_of((await editor.get(path)).text) == "Written by the owner"
    # Now the editor's page shows the conflict.
    again = await editor.post(path, form(desk, text="Once more by the editor") | theirs)
    assert "Harbour Owner saved it" in again.text


async def test_person_of_the_same_name_is_another_person(
    owner: Visitor, editor: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    async with installation.database.begin() as session:
        await session.execute(update(User).values(name="Harbour Owner"))
    path, at = f"./compose/{new_id()}", form(desk, when="later", at=f"{some_day()}T18:30")
    await owner.post(path, at)
    mine, theirs = await opened(owner, path), await opened(editor, path)
    await editor.post(path, at | theirs | {"text": "By the editor"})
    said = (await owner.post(path, at | mine | {"text": "By the owner"})).text
    assert "Another person edits this draft" in said
    assert "Harbour Owner saved it" in said
    # Nor is whoever saved it in a release that kept no ids.
    async with installation.database.begin() as session:
        await session.execute(update(Draft).values(author_id=None))
    said = (await editor.post(path, at | theirs | {"page": str(new_id())})).text
    assert "Another person edits this draft" in said
    # Two edits of one post, and a move in the calendar.
    sent = await editor.post(f"./compose/{new_id()}/send", at)
    post = sent.headers["hx-redirect"]
    my_draft, their_draft = [(await who.post(post + "/edit")).headers["location"] for who in (owner, editor)]
    mine, theirs = await opened(owner, my_draft), await opened(editor, their_draft)
    assert "hx-redirect" in (await editor.post(their_draft + "/send", at | theirs)).headers
    assert "Another person edited the post" in (await owner.post(my_draft, at | mine)).text
    move = owner._at(f"./calendar/drafts/{my_draft.rsplit('/', 1)[1]}/move")
    assert (await editor.client.post(move, json={"day": some_day(1)}, headers=editor.headers)).status_code == 200
    assert "Another person edits this draft" in (await owner.post(my_draft, at | mine)).text


async def test_fork_keeps_both_versions_as_two_drafts(owner: Visitor, editor: Visitor, desk: dict[str, Any]) -> None:
    path = f"./compose/{new_id()}"
    await owner.post(path, form(desk, text="First"))
    mine, theirs = await opened(owner, path), await opened(editor, path)
    await editor.post(path, form(desk, text="Theirs") | theirs)
    answer = await owner.post(path + "/fork", form(desk, text="Mine") | mine)
    other = answer.headers["hx-redirect"]
    assert text_of((await owner.get(other)).text) == "Mine"
    assert text_of((await owner.get(path)).text) == "Theirs"


async def test_draft_sent_by_another_person_keeps_the_typed_version(
    owner: Visitor, editor: Visitor, desk: dict[str, Any]
) -> None:
    """The page of a draft that another person sent shows the post, and can save the typed version as a new draft."""
    path = f"./compose/{new_id()}"
    await owner.post(path, form(desk, text="First"))
    mine, theirs = await opened(owner, path), await opened(editor, path)
    post = (await editor.post(path + "/send", form(desk, text="First") | theirs)).headers["hx-redirect"]
    for where in (path, path + "/send"):
        answer = await owner.post(where, form(desk, text="Better") | mine)
        assert answer.status_code == 200
        assert "New Member sent it" in answer.text
        assert post in answer.text
        assert text_of(answer.text) == "Better"
    # A page with the same text redirects to the post.
    assert (await owner.post(path, form(desk, text="First") | mine)).headers["hx-redirect"] == post
    kept = (await owner.post(path + "/fork", form(desk, text="Better") | mine)).headers["hx-redirect"]
    assert text_of((await owner.get(kept)).text) == "Better"


async def test_open_page_of_a_deleted_draft_shows_the_conflict_and_does_not_bring_it_back(
    owner: Visitor, editor: Visitor, desk: dict[str, Any]
) -> None:
    """Whoever deleted it. What is typed can become a draft of its own."""
    for other in (owner, editor):
        path = f"./compose/{new_id()}"
        await owner.post(path, form(desk, text="First"))
        mine = await opened(owner, path)
        assert (await other.post(path + "/delete")).headers["location"].endswith("/drafts")
        for where in (path, path + "/send"):
            answer = await owner.post(where, form(desk, text="Typed on") | mine)
            assert "This draft was deleted" in answer.text
            assert text_of(answer.text) == "Typed on"
        # A repeated save, and one that overwrites what an older conflict named, bring nothing back, either.
        assert "This draft was deleted" in (await owner.post(path + "?over=1", form(desk) | mine)).text
        assert "<h1>Drafts" in (drafts := await owner.get("./drafts")).text
        assert "/delete" not in drafts.text
        kept = (await owner.post(path + "/fork", form(desk, text="Typed on") | mine)).headers["hx-redirect"]
        assert text_of((await owner.get(kept)).text) == "Typed on"
        # A browser that kept the words of a page sends them later.
        beside = (await owner.post(path + "/restore", form(desk, text="Typed before") | mine)).json()["path"]
        assert beside not in (owner._at(path), kept)
        for draft in (kept, beside):
            await owner.post(draft + "/delete")


async def test_delete_of_a_sent_draft_keeps_it_and_shows_its_post(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    """Another tab can still show the list with the draft. The Undo of the post needs it, and a second Send finds it."""
    path, words = f"./compose/{new_id()}", form(desk, when="later", at=f"{some_day()}T18:30")
    mine = await opened(owner, path)
    post = (await owner.post(path + "/send", words | mine)).headers["hx-redirect"]
    assert (await owner.post(path + "/delete")).headers["location"] == post
    assert (await owner.post(path + "/send", words | mine)).headers["hx-redirect"] == post
    async with installation.database.session() as session:
        assert [str(one.post_id) for one in await session.scalars(select(Draft))] == [post.rsplit("/", 1)[1]]


@pytest.fixture
async def scheduled(owner: Visitor, desk: dict[str, Any]) -> str:
    at = form(desk, when="later", at=f"{some_day()}T18:30")
    return str((await owner.post(f"./compose/{new_id()}/send", at)).headers["hx-redirect"])


async def test_second_edit_of_a_scheduled_post_shows_both_versions(
    owner: Visitor, editor: Visitor, desk: dict[str, Any], scheduled: str
) -> None:
    at = form(desk, when="later", at=f"{some_day()}T18:30")
    my_draft, their_draft = [(await who.post(scheduled + "/edit")).headers["location"] for who in (owner, editor)]
    mine, theirs = await opened(owner, my_draft), await opened(editor, their_draft)
    new = (await editor.post(their_draft + "/send", at | theirs | {"text": "By the editor"})).headers["hx-redirect"]
    # While typing, and when sending.
    for where in (my_draft, my_draft + "/send"):
        answer = (await owner.post(where, at | mine | {"text": "By the owner"})).text
        assert "Another person edited the post" in answer
        assert re.search(r'<td class="said">By the editor</td><td class="said">By the owner</td>', answer)
        assert new in answer
    query = re.findall(rf'{my_draft}(\?replaces=[^"]+)"', answer)[0].replace("&amp;", "&")
    resolved = (await owner.post(my_draft + query, at | mine | {"text": "By the owner"})).text
    assert "conflict-title" not in resolved
    last = await owner.post(my_draft + "/send", at | hidden(resolved) | {"text": "By the owner"})
    assert "By the owner" in (await owner.get(last.headers["hx-redirect"])).text
    # The old address, and every button of the old page, lead to the new post.
    newest = last.headers["hx-redirect"]
    assert (await owner.get(new)).headers["location"] == newest
    for button in ("publish", "delete", "edit", "copy", "reschedule"):
        pressed = await editor.post(f"{new}/{button}", {"version": 1, "at": f"{some_day()}T09:00"})
        shown = (await editor.get(pressed.headers["location"])).headers["location"]
        assert shown == newest + "?changed=true", button
        assert "so Clipcast did nothing" in (await editor.get(shown)).text
    assert (await owner.get("./posts")).text.count('<tr id="post-') == 1


async def test_edit_of_a_post_that_was_moved_meanwhile_does_not_move_it_back(
    owner: Visitor, editor: Visitor, desk: dict[str, Any], scheduled: str
) -> None:
    at = form(desk, when="later", at=f"{some_day()}T18:30")
    draft = (await owner.post(scheduled + "/edit")).headers["location"]
    mine = await opened(owner, draft)
    assert mine["replaces_version"] == "1"
    await editor.post(scheduled + "/reschedule", {"at": f"{some_day(1)}T09:00", "version": 1})
    answer = await owner.post(draft + "/send", at | mine | {"text": "Better"})
    # The checks link to the conflict, too.
    assert '<a class="problem" href="#conflict">The post was changed</a>' in answer.text
    assert "Ready: " not in answer.text
    assert "replaces_version=2" in answer.text
    assert (await owner.get(scheduled)).status_code == 200
    done = await owner.post(
        f"{draft}/send?replaces={mine['replaces']}&replaces_version=2", at | mine | {"text": "Better"}
    )
    assert done.status_code == 204
    assert (await owner.get(scheduled)).headers["location"] == done.headers["hx-redirect"]


async def test_edit_of_a_removed_post_becomes_a_separate_post(
    owner: Visitor, desk: dict[str, Any], scheduled: str
) -> None:
    at = form(desk, when="later", at=f"{some_day()}T18:30")
    draft = (await owner.post(scheduled + "/edit")).headers["location"]
    mine = await opened(owner, draft)
    await owner.post(scheduled + "/delete")
    answer = await owner.post(draft + "/send", at | mine)
    assert "The post was removed" in answer.text
    alone = await owner.post(draft + "/send?replaces=", at | mine)
    assert alone.status_code == 204
    assert (await owner.get(alone.headers["hx-redirect"])).status_code == 200


@pytest.mark.parametrize("status", ["needs_reconnect", "disabled"])
async def test_scheduled_post_of_unusable_account_is_edited(
    owner: Visitor, desk: dict[str, Any], scheduled: str, installation: Installation, status: str
) -> None:
    """The words can be mended while the account cannot be used; a new post for it is still refused."""
    async with installation.database.begin() as session:
        row = await session.get_one(Connection, UUID(desk["tiktok"]))
        row.status, row.status_reason = status, "TikTok no longer accepts the sign-in."
    at = form(desk, when="later", at=f"{some_day()}T18:30")
    draft = (await owner.post(scheduled + "/edit")).headers["location"]
    mine = await opened(owner, draft)
    assert "Ready: " in (await owner.post(draft, at | mine)).text
    sent = await owner.post(draft + "/send", at | mine | {"text": "Better"})
    assert sent.status_code == 204, sent.text
    fresh = await owner.post(f"./compose/{new_id()}/send", at)
    assert fresh.status_code == 200
    assert "problem" in fresh.text


async def test_form_that_could_not_be_sent_is_restored_or_becomes_a_draft_of_its_own(
    owner: Visitor, editor: Visitor, desk: dict[str, Any]
) -> None:
    """A page was left without a connection: its browser sends what it kept later."""
    path = f"./compose/{new_id()}"
    mine = await opened(owner, path)
    restored = await owner.post(path + "/restore", form(desk, text="Typed offline") | mine)
    assert restored.json() == {"path": owner._at(path), "version": 1}
    assert text_of((await owner.get(path)).text) == "Typed offline"
    # What the draft holds is confirmed, whoever has opened it meanwhile, and changes nothing.
    again = await owner.post(path + "/restore", form(desk, text="Typed offline") | mine)
    assert again.json() == {"path": owner._at(path), "version": 1}
    for text, wanted in (("Typed offline", True), ("Typed after that", False)):
        held = await owner.post(path + "/holds", form(desk, text=text) | mine)
        assert held.json() == {"holds": wanted, "is_gone": False}
    # Another person has saved the draft meanwhile.
    theirs = await opened(editor, path)
    await editor.post(path, form(desk, text="By the editor") | theirs)
    beside = (await owner.post(path + "/restore", form(desk, text="Typed offline again") | mine)).json()["path"]
    assert beside != owner._at(path)
    assert text_of((await owner.get(beside)).text) == "Typed offline again"
    assert text_of((await owner.get(path)).text) == "By the editor"


async def test_words_that_a_page_had_saved_become_no_second_draft_after_a_save_by_another_person(
    owner: Visitor, editor: Visitor, desk: dict[str, Any]
) -> None:
    """The server accepted a beacon. Its browser has no response, and asks when others have gone on."""
    path = f"./compose/{new_id()}"
    mine = await opened(owner, path)
    for text in ("Typed", "Typed at last"):
        await owner.post(path, form(desk, text=text) | mine)
    for text in ("On top of it", "Once more"):
        await editor.post(path, form(desk, text=text) | await opened(editor, path))
    held = await owner.post(path + "/holds", form(desk, text="Typed at last") | mine)
    assert held.json() == {"holds": True, "is_gone": False}
    restored = await owner.post(path + "/restore", form(desk, text="Typed at last") | mine)
    assert restored.json() == {"path": owner._at(path), "version": 4}
    assert text_of((await owner.get(path)).text) == "Once more"
    # Only the last words of that page: earlier ones are a change, and so are the same words of another page.
    for changed in ({"text": "Typed"}, {"text": "Typed at last", "page": str(new_id())}):
        words = form(desk) | mine | changed
        assert (await owner.post(path + "/holds", words)).json()["holds"] is False
        beside = (await owner.post(path + "/restore", words)).json()["path"]
        assert text_of((await owner.get(beside)).text) == changed["text"]


async def test_kept_words_of_a_draft_that_is_no_draft_any_more_are_reported_as_such(
    owner: Visitor, editor: Visitor, desk: dict[str, Any]
) -> None:
    """No list shows it, so that nobody opens it: the browser offers its words."""

    async def asked(path: str, text: str) -> dict[str, bool]:
        return dict((await owner.post(path + "/holds", form(desk, text=text) | mine)).json())

    path = f"./compose/{new_id()}"
    mine = await opened(owner, path)
    assert await asked(path, "Never stored") == {"holds": False, "is_gone": True}
    await owner.post(path, form(desk, text="First") | mine)
    assert await asked(path, "Typed offline") == {"holds": False, "is_gone": False}
    theirs = await opened(editor, path)
    assert (await editor.post(path + "/send", form(desk, text="First") | theirs)).status_code == 204
    assert await asked(path, "Typed offline") == {"holds": False, "is_gone": True}
    # What was posted is not lost.
    assert await asked(path, "First") == {"holds": True, "is_gone": False}
    path = f"./compose/{new_id()}"
    mine = await opened(owner, path)
    await owner.post(path, form(desk, text="First") | mine)
    await editor.post(path + "/delete")
    assert await asked(path, "First") == {"holds": False, "is_gone": True}


async def test_idle_page_learns_what_other_pages_did_to_its_draft(
    owner: Visitor, editor: Visitor, desk: dict[str, Any]
) -> None:
    """An event has the page ask. It was not in its own way, and has no words that were not saved."""
    path, words = f"./compose/{new_id()}", form(desk, text="First")
    mine = await opened(owner, path)
    assert (await owner.post(path + "/newer", words | mine)).status_code == 204  # not stored yet
    saved = hidden((await owner.post(path, words | mine)).text)
    for version in (mine, saved):
        assert (await owner.post(path + "/newer", words | version)).status_code == 204
    mine, theirs = saved, await opened(editor, path)
    await editor.post(path, form(desk, text="By the editor") | theirs)
    shown = (await owner.post(path + "/newer", words | mine)).text
    assert "New Member saved it" in shown
    assert '<td class="said">By the editor</td><td class="said">First</td>' in shown
    assert "Not saved" not in shown
    assert "did not save" not in shown
    assert hidden(shown)["version"] == mine["version"]
    # Nothing was overwritten, and what is typed now conflicts as before.
    assert text_of((await owner.get(path)).text) == "By the editor"
    assert "Clipcast did not save what you typed" in (await owner.post(path, words | mine)).text
    await editor.post(path + "/send", form(desk, text="By the editor") | await opened(editor, path))
    assert "New Member sent it" in (await owner.post(path + "/newer", words | mine)).text
    path = f"./compose/{new_id()}"
    mine = hidden((await owner.post(path, words | await opened(owner, path))).text)
    await editor.post(path + "/delete")
    assert "This draft was deleted" in (await owner.post(path + "/newer", words | mine)).text


async def test_idle_edit_of_a_post_learns_that_the_post_was_moved(
    owner: Visitor, editor: Visitor, desk: dict[str, Any], scheduled: str
) -> None:
    at = form(desk, when="later", at=f"{some_day()}T18:30")
    draft = (await owner.post(scheduled + "/edit")).headers["location"]
    mine = await opened(owner, draft)
    assert (await owner.post(draft + "/newer", at | mine)).status_code == 204
    await editor.post(scheduled + "/reschedule", {"at": f"{some_day(1)}T09:00", "version": 1})
    assert "The post was changed" in (await owner.post(draft + "/newer", at | mine)).text


async def test_check_of_an_unusable_account_offers_what_its_viewer_can_do(
    owner: Visitor, editor: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    link = f'<a href="{owner._at("./accounts/" + desk["tiktok"])}">'
    for status, of_owner, of_editor in (
        ("disabled", f"{link}Resume it</a>", "An owner can resume it."),
        ("needs_reconnect", f"{link}Reconnect it</a>", f"{link}Reconnect it</a>"),
    ):
        async with installation.database.begin() as session:
            row = await session.get_one(Connection, UUID(desk["tiktok"]))
            row.status, row.status_reason = status, "TikTok no longer accepts the sign-in."
        for visitor, fix in ((owner, of_owner), (editor, of_editor)):
            checks = (await visitor.post(f"./compose/{new_id()}", form(desk))).text
            checks = checks.split('id="problems"')[1].split("</section>")[0]
            assert fix in checks
            assert f'data-field="account.{desk["tiktok"]}"' in checks
            assert "under Accounts" not in checks


async def test_page_of_a_post_that_somebody_removed_says_who_and_when(
    owner: Visitor, editor: Visitor, scheduled: str
) -> None:
    await editor.post(scheduled + "/delete")
    moved = await owner.post(scheduled + "/reschedule", {"at": f"{some_day(1)}T09:00", "version": 1})
    for path in (moved.headers["location"], scheduled):
        gone = await owner.get(path)
        assert gone.status_code == 404
        assert re.search("<bdi>New Member</bdi> removed it from Clipcast <time [^>]+>just now</time>", gone.text)
        assert f'href="{owner._at("./posts")}">All posts</a>' in gone.text
        assert 'aria-label="Pages"' in gone.text
    assert "This post is not in this workspace, or is gone." in (await owner.get(f"./posts/{new_id()}")).text
