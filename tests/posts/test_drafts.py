"""Drafts, and the body of POST /posts that they produce."""

from types import SimpleNamespace
from typing import Any

import pytest

from clipcast.common.ids import new_id
from clipcast.common.problems import NotFound
from clipcast.installation import Installation
from clipcast.posts import drafts
from clipcast.posts.preflight import check_form
from clipcast.posts.schemas import CreatePost
from clipcast.workspaces.service import create_workspace

TIKTOK: Any = SimpleNamespace(id="t", platform="tiktok")
YOUTUBE: Any = SimpleNamespace(id="y", platform="youtube")
ACCOUNTS = {"t": TIKTOK, "y": YOUTUBE}


def content(**changes: Any) -> dict[str, Any]:
    return drafts.EMPTY | {"clips": ["a", "b"], "accounts": ["t", "y"]} | changes


def test_targets_are_all_pairs_except_those_left_out() -> None:
    assert drafts.targets(content(left_out=[["b", "t"]])) == [("a", "t"), ("a", "y"), ("b", "y")]


def test_most_specific_metadata_wins() -> None:
    said = content(
        title="All", text="For all", by_clip={"b": {"text": "For b"}},
        by_platform={"youtube": {"privacyStatus": "private", "title": "For YouTube"}},
        by_account={"y": {"privacyStatus": "public"}},
    )  # fmt: skip
    assert drafts.metadata(said, "a", TIKTOK) == {"title": "For all"}
    assert drafts.metadata(said, "b", TIKTOK) == {"title": "For b"}
    youtube = {"title": "For YouTube", "description": "For all", "privacyStatus": "public"}
    assert drafts.metadata(said, "a", YOUTUBE) == youtube


def test_body_is_a_body_of_post_posts() -> None:
    body = drafts.body(content(title="T", text="x", left_out=[["b", "t"], ["b", "y"]]), ACCOUNTS)
    assert body == {
        "videos": [{"editId": "a", "targets": [
            {"connectionId": "t", "metadata": {"tiktok": {"title": "x"}}},
            {"connectionId": "y", "metadata": {"youtube": {"title": "T", "description": "x"}}},
        ]}]
    }  # fmt: skip
    assert check_form(CreatePost, body) == []
    later = drafts.body(content(later=True, scheduled_at="2027-01-01T00:00:00.000Z"), ACCOUNTS)
    assert later["scheduled_at"] == "2027-01-01T00:00:00.000Z"
    # A time that is still to be chosen must not mean "now".
    assert drafts.body(content(later=True), ACCOUNTS)["scheduled_at"] == ""


def test_removed_account_is_left_out() -> None:
    assert [len(video["targets"]) for video in drafts.body(content(), {"t": TIKTOK})["videos"]] == [1, 1]


PRIVATE = {"title": "1", "privacyLevel": "SELF_ONLY"}


def test_draft_of_a_post_has_the_same_metadata() -> None:
    items: Any = [
        SimpleNamespace(edit_id="a", connection_id="t", platform="tiktok", details=PRIVATE),
        SimpleNamespace(edit_id="b", connection_id="y", platform="youtube", details={"title": "2"}),
    ]
    body = drafts.body(drafts.draft_of_post(items, None), ACCOUNTS)
    assert body["videos"] == [
        {"editId": "a", "targets": [{"connectionId": "t", "metadata": {"tiktok": items[0].details}}]},
        {"editId": "b", "targets": [{"connectionId": "y", "metadata": {"youtube": items[1].details}}]},
    ]


async def test_draft_can_be_saved_until_it_is_posted(installation: Installation) -> None:
    draft_id = new_id()
    async with installation.database.begin() as session:
        mine, other = await create_workspace(session, "A"), await create_workspace(session, "B")
        await drafts.save_draft(session, mine.id, draft_id, content(text="1"))
        await drafts.save_draft(session, mine.id, draft_id, content(text="2"))
    async with installation.database.begin() as session:
        with pytest.raises(NotFound):
            await drafts.save_draft(session, other.id, draft_id, content(text="stolen"))
    async with installation.database.begin() as session:
        draft = await drafts.get_draft(session, mine.id, str(draft_id))
        assert draft.content["text"] == "2"
        with pytest.raises(NotFound):
            await drafts.get_draft(session, other.id, str(draft_id))
        draft.post_id = new_id()
    async with installation.database.begin() as session:
        assert (await drafts.list_drafts(session, mine.id, 0, 10)) == ([], 0)
        with pytest.raises(drafts.DraftConflict):
            await drafts.save_draft(session, mine.id, draft_id, content())


async def test_save_from_another_page_raises_a_conflict_and_saves_nothing(installation: Installation) -> None:
    draft_id = new_id()

    async def save(text: str, version: int, page: str) -> int:
        edit = drafts.Edit(version, page, page.upper())
        async with installation.database.begin() as session:
            return await drafts.save_draft(session, mine.id, draft_id, content(text=text), edit)

    async with installation.database.begin() as session:
        mine = await create_workspace(session, "A")
    assert await save("a", 0, "ann") == 1
    # Its own next save, although the response to the first was lost.
    assert await save("aa", 0, "ann") == 2
    for version in (0, 1):
        with pytest.raises(drafts.DraftConflict) as raised:
            await save("b", version, "bob")
        assert (raised.value.stored.content["text"], raised.value.stored.saved_by) == ("aa", "ANN")
    assert await save("b", 2, "bob") == 3
    with pytest.raises(drafts.DraftConflict):
        await save("aaa", 2, "ann")
