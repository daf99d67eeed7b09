"""Drafts, and the body of POST /posts that they produce."""

from types import SimpleNamespace
from typing import Any

import pytest

from clipcast.common.ids import new_id
from clipcast.common.problems import NotFound
from clipcast.database.models.posts import Draft
from clipcast.installation import Installation
from clipcast.posts import drafts
from clipcast.posts.preflight import check_form
from clipcast.posts.schemas import CreatePost
from clipcast.workspaces.service import create_workspace
from tests.database.plans import fill_table, of_many, plan_of

TIKTOK: Any = SimpleNamespace(id="t", platform="tiktok")
YOUTUBE: Any = SimpleNamespace(id="y", platform="youtube")
PINTEREST: Any = SimpleNamespace(id="p", platform="pinterest")
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


@pytest.mark.parametrize(
    ("words", "name", "title"),
    [
        ({"text": "First light\nin the harbour"}, "clip", "First light"),
        ({"title": " ", "text": "\n <b>Tide</b>\n"}, "clip", "b Tide /b"),
        ({}, "Rain on the window", "Rain on the window"),
        ({"text": "tide " * 30}, "clip", ("tide " * 20).strip()),
        ({"text": "🎬" * 60}, "clip", "🎬" * 50),
        ({"title": "Own", "text": "Tide"}, "clip", "Own"),
        ({"text": "Tide", "by_platform": {"youtube": {"title": "Own"}}}, "clip", "Own"),
    ],
)
def test_required_title_comes_from_the_words_or_the_clip(words: dict[str, Any], name: str, title: str) -> None:
    """Only where the platform requires one: what people need not write is one press less."""
    assert drafts.metadata(content(**words), "a", YOUTUBE, name)["title"] == title
    assert "title" not in drafts.metadata(content(), "a", PINTEREST, name)
    assert drafts.metadata(content(), "a", TIKTOK, name) == {}


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
        assert await drafts.number_of_unsent(session, mine.id) == 0
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


async def test_last_sent_draft_is_found_by_the_person_whatever_their_name(installation: Installation) -> None:
    one, other = new_id(), new_id()
    async with installation.database.begin() as session:
        mine = await create_workspace(session, "A")
        for author, text in ((one, "first"), (one, "second"), (other, "of another person")):
            draft = new_id()
            edit = drafts.Edit(0, "page", "Same Name", author)
            await drafts.save_draft(session, mine.id, draft, content(text=text), edit)
            (await drafts.get_draft(session, mine.id, str(draft))).post_id = new_id()
        await drafts.save_draft(
            session, mine.id, new_id(), content(text="unsent"), drafts.Edit(0, "p", "Same Name", one)
        )
        await session.flush()
        found = [await drafts.last_sent(session, mine.id, author) for author in (one, other, new_id())]
    assert [last and last["text"] for last in found] == ["second", "of another person", None]


async def test_edited_posts_are_found_by_an_index(installation: Installation) -> None:
    workspace, post = new_id(), new_id()

    def sent(row: int) -> dict[str, Any]:
        return drafts.EMPTY | ({"replaces": str(new_id())} if row % 4 == 0 else {})

    async with installation.database.session() as session:
        await fill_table(session, Draft, 3000, workspace_id=of_many, content=sent, post_id=lambda _: new_id())
        for run in (
            lambda: drafts.successor_of(session, workspace, str(post)),
            lambda: drafts.replacements(session, workspace, [post]),
        ):
            plan, _ = await plan_of(session, run)
            assert "ix_drafts_replaces" in plan
