"""Drafts that make several posts: all of them in one transaction, or none."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2
import pytest
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.clients import Client, PostingTimeRow
from clipcast.database.models.connections import Connection
from clipcast.database.models.people import User
from clipcast.database.models.posts import Item, Post
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from clipcast.web.bulk_outcome import ids_as_text
from tests.web.browser import sent
from tests.web.conftest import Visitor
from tests.web.test_compose_many import nine

TOKYO = ZoneInfo("Asia/Tokyo")


async def stored(installation: Installation) -> list[tuple[datetime, set[str]]]:
    """Return the time of each post, and its clips, by time."""
    async with installation.database.session() as session:
        query = select(Post.scheduled_at, Post.id, Item.edit_id).join(Item, Item.post_id == Post.id)
        rows = (await session.execute(query.order_by(Post.scheduled_at, Post.id))).all()
    found: dict[UUID, tuple[datetime, set[str]]] = {}
    for at, post, edit in rows:
        assert at is not None
        found.setdefault(post, (at, set()))[1].add(str(edit))
    return list(found.values())


async def test_spread_makes_a_post_for_each_clip(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    draft = f"./compose/{new_id()}"
    typed = nine(studio, when="spread", at=f"{some_day()}T18:30", zone="Asia/Tokyo", **{"spread.every": "2"})
    page = (await owner.post(draft, typed)).text
    assert "3 posts, each at the same local time in Asia/Tokyo" in page
    posted = await owner.post(draft + "/send", typed)
    assert posted.headers["hx-redirect"].partition("&made=")[0].endswith("/posts?state=scheduled")
    found = await stored(installation)
    assert [f"{at.astimezone(TOKYO):%H:%M}" for at, _ in found] == ["18:30"] * 3
    assert [one - other for (one, _), (other, _) in zip(found[1:], found, strict=False)] == [
        found[1][0] - found[0][0]
    ] * 2
    assert (found[1][0] - found[0][0]).days == 2
    assert [clips for _, clips in found] == [{clip} for clip in studio["clips"]]
    # A second send makes nothing.
    assert (await owner.post(draft + "/send", typed)).headers["hx-redirect"].endswith("/posts?state=scheduled")
    assert len(await stored(installation)) == 3
    assert (await owner.get(draft)).headers["location"].endswith("/posts?state=scheduled")


async def test_list_says_what_was_scheduled_and_undo_opens_the_draft_again(
    owner: Visitor, installation: Installation, studio: dict[str, Any], invited: Any
) -> None:
    draft = f"./compose/{new_id()}"
    typed = nine(studio, when="spread", at=f"{some_day()}T18:30", zone="Asia/Tokyo", **{"spread.every": "2"})
    path = (await owner.post(draft + "/send", typed)).headers["hx-redirect"]
    page = (await owner.get(path)).text
    said = page.split('id="notices"')[1].split("<dialog")[0]
    assert "3 posts scheduled, the first for <time" in said
    undo, fields = re.findall(r'action="[^"]*(/compose/[^"]+)"', said)[0], {"made": path.partition("made=")[2]}
    # Not to another person of the same name.
    editor = await invited("editor")
    async with installation.database.begin() as session:
        await session.execute(update(User).values(name="Harbour Owner"))
    assert "/unsend" not in (await editor.get(path)).text
    for wrong in (
        await owner.get("./posts?made=nonsense"),
        await owner.get("./posts"),
        await owner.get(f"./posts?made={'A' * 22}."),
    ):
        assert wrong.status_code == 200
        assert "data-toast" not in wrong.text
    # Not with ids of one's own, not by others, and not once one of the posts has changed or begun.
    async with installation.database.session() as session:
        ids = list(await session.scalars(select(Post.id).order_by(Post.scheduled_at)))
    part = "".join(ids_as_text(ids[:1]))
    assert (await owner.post("." + undo, {"made": part})).status_code == 409
    assert (await (await invited("viewer")).post("." + undo, fields)).status_code == 403
    assert (await editor.post("." + undo, fields)).status_code == 409
    for change, back in (
        (update(Post).where(Post.id == ids[2]).values(version=2), update(Post).values(version=1)),
        (update(Item).where(Item.post_id == ids[2]).values(status="processing"), update(Item).values(status="pending")),
    ):
        async with installation.database.begin() as session:
            await session.execute(change)
        assert (await owner.post("." + undo, fields)).status_code == 409
        assert len(await stored(installation)) == 3
        async with installation.database.begin() as session:
            await session.execute(back)
    opened = await owner.post("." + undo, fields, **{"HX-Request": "true"})
    assert opened.headers["hx-redirect"].endswith(draft[1:])
    assert await stored(installation) == []
    assert (await owner.get(draft)).status_code == 200
    # The response was lost: a second press opens the draft, too, until it is sent again.
    again = await owner.post("." + undo, fields)
    assert (again.status_code, again.headers["location"]) == (303, owner.base + draft[1:])
    assert "hx-redirect" in (await owner.post(draft + "/send", sent((await owner.get(draft)).text))).headers
    assert (await owner.post("." + undo, fields)).status_code == 409
    assert len(await stored(installation)) == 3


async def test_plan_with_one_bad_post_makes_none(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    """The last of the repeated posts is more than 365 days ahead."""
    draft = f"./compose/{new_id()}"
    plan = {"repeat.unit": "months", "repeat.every": "6", "repeat.times": "4"}
    typed = nine(studio, when="repeat", at=f"{some_day()}T18:30", **plan)
    answer = await owner.post(draft + "/send", typed)
    assert "hx-redirect" not in answer.headers
    assert "The last post would go out after more than 365 days. Plan fewer." in answer.text
    assert await stored(installation) == []


async def test_repeat_asks_before_it_posts_the_same_again(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    draft = f"./compose/{new_id()}"
    plan = {"repeat.unit": "days", "repeat.every": "1", "repeat.times": "3"}
    typed = nine(studio, when="repeat", at=f"{some_day()}T18:30", **plan)
    asked = await owner.post(draft + "/send", typed)
    assert "hx-redirect" not in asked.headers
    assert "/send?again=true" in asked.text
    assert await stored(installation) == []
    done = await owner.post(draft + "/send?again=true", typed)
    assert "hx-redirect" in done.headers, done.text
    assert [clips for _, clips in await stored(installation)] == [set(studio["clips"])] * 3


async def test_bad_number_of_a_plan_is_a_problem_beside_its_field(owner: Visitor, studio: dict[str, Any]) -> None:
    typed = nine(
        studio, when="repeat", at=f"{some_day()}T18:30", **{"repeat.times": "000000001000", "repeat.every": "x"}
    )
    answer = await owner.post(f"./compose/{new_id()}/send", typed)
    assert "hx-redirect" not in answer.headers
    for name, most in (("repeat.times", 100), ("repeat.every", 90)):
        beside = answer.text.split(f'data-spot="beside:{name}"')[1].split("</div>")[0]
        assert f"Choose a number from 1 to {most}." in beside


async def give_times(owner: Visitor, installation: Installation, name: str, accounts: list[UUID]) -> UUID:
    """Give the accounts to a new client in Tokyo that posts at 18:30 each day, and return its id."""
    client = new_id()
    async with installation.database.begin() as session:
        session.add(Client(id=client, workspace_id=UUID(owner.base.rsplit("/", 1)[1]), name=name,
                           name_key=name.lower(), color=1, timezone="Asia/Tokyo"))  # fmt: skip
        await session.flush()
        for weekday in range(7):
            session.add(PostingTimeRow(client_id=client, weekday=weekday, at=datetime(2000, 1, 1, 18, 30).time()))
        await session.execute(update(Connection).where(Connection.id.in_(accounts)).values(client_id=client))
    return client


async def test_next_free_times_are_shown_and_taken_clip_after_clip(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    accounts = [UUID(studio[name]) for name in ("tiktok", "youtube")]
    await give_times(owner, installation, "Alba", accounts)
    draft = f"./compose/{new_id()}"
    both = nine(studio, when="next") | {"account": [str(id) for id in accounts]}
    # An account without a client has no posting times.
    refused = await owner.post(draft + "/send", both | {"account": [*map(str, accounts), studio["instagram"]]})
    assert "@harbour.films: no free posting time." in refused.text
    assert await stored(installation) == []
    page = (await owner.post(draft, both)).text
    shown = re.findall(r"<strong>\w{3} (\d+ \w{3}(?: \d+)?), \d\d:\d\d</strong>", page.split('id="plan"')[1])
    assert len(shown) == 3
    assert "Alba" in page.split('id="plan"')[1]
    posted = await owner.post(draft + "/send", both)
    assert posted.headers["hx-redirect"].partition("&made=")[0].endswith("/posts?state=scheduled"), posted.text
    found = await stored(installation)
    assert [f"{at.astimezone(TOKYO):%H:%M}" for at, _ in found] == ["18:30"] * 3
    assert found[0][0] > clock.now()
    assert [(one - other).days for (one, _), (other, _) in zip(found[1:], found, strict=False)] == [1, 1]
    assert [clips for _, clips in found] == [{clip} for clip in studio["clips"]]


def when_of(page: str) -> str:
    """Return the choice of the time that the page has."""
    return re.findall(r'data-when="(\w*)"', page)[0]


async def test_next_free_times_are_chosen_until_a_person_chooses(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    """Only if all accounts have posting times. What a person chose stays, whatever accounts follow."""
    client = await give_times(owner, installation, "Alba", [UUID(studio["tiktok"])])
    draft = f"./compose/{new_id()}"
    assert sent((await owner.get(draft)).text)["when.auto"] == ["on"]
    auto = nine(studio) | {"when.auto": "on", "account": [studio["tiktok"]]}
    page = (await owner.post(draft, auto)).text
    assert when_of(page) == "next"
    assert 'data-send-as="next"' in page  # Add to queue
    opened = sent((await owner.get(draft)).text)
    assert (opened["when"], opened["when.auto"]) == (["next"], ["on"])
    mixed = auto | {"account": [studio["tiktok"], studio["youtube"]]}
    page = (await owner.post(draft, mixed)).text
    assert when_of(page) == "now"
    assert 'data-send-as="next"' not in page
    assert when_of((await owner.post(draft, auto | {"when.auto": ""})).text) == "now"
    assert sent((await owner.get(draft)).text)["when.auto"] == [""]
    # A client in the address brings its accounts, and with them its times; a time in the address is a choice.
    fresh = sent((await owner.get(f"./compose/{new_id()}?client={client}")).text)
    assert (fresh["account"], fresh["when"]) == ([studio["tiktok"]], ["next"])
    chosen = sent((await owner.get(f"./compose/{new_id()}?client={client}&at={some_day()}T18:30")).text)
    assert (chosen["when"], chosen["when.auto"]) == (["later"], [""])
    posted = await owner.post(draft + "/send", auto)
    assert posted.headers["hx-redirect"].partition("&made=")[0].endswith("/posts?state=scheduled"), posted.text
    assert [f"{at.astimezone(TOKYO):%H:%M}" for at, _ in await stored(installation)] == ["18:30"] * 3


@pytest.mark.parametrize("number", [1, 3])
async def test_clips_of_several_clients_take_the_times_of_each(
    owner: Visitor, installation: Installation, studio: dict[str, Any], number: int
) -> None:
    for name, accounts in (("Alba", ["tiktok"]), ("Orbit", ["youtube", "instagram"])):
        await give_times(owner, installation, name, [UUID(studio[one]) for one in accounts])
    typed = nine(studio, when="next") | {"clip": studio["clips"][:number]}
    draft = f"./compose/{new_id()}"
    plan = (await owner.post(draft, typed)).text.split('id="plan"')[1].split("</hx-partial>")[0]
    assert [plan.count(f"<bdi>{name}</bdi>") for name in ("Alba", "Orbit")] == [number, number]
    posted = await owner.post(draft + "/send", typed)
    assert posted.headers["hx-redirect"].partition("&made=")[0].endswith("/posts?state=scheduled"), posted.text
    found = await stored(installation)
    # Each clip goes to each client at its time; two clients may have the same one.
    assert len(found) == 2 * number
    assert len({at for at, _ in found}) == number
    async with installation.database.session() as session:
        rows = (await session.execute(select(Item.connection_id, Item.slot_at))).all()
    assert len(rows) == len(set(rows)) == 3 * number


async def test_free_times_are_filled_with_clips_that_were_not_posted(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    client = await give_times(owner, installation, "Alba", [UUID(studio["youtube"])])
    opened = sent((await owner.get(f"./compose/{new_id()}?fill=2&client={client}")).text)
    assert (opened["clip"], opened["account"]) == (studio["clips"][1:], [studio["youtube"]])
    assert opened["when"] == ["next"]
    done = nine(studio) | {"clip": studio["clips"][1:2]}
    assert "hx-redirect" in (await owner.post(f"./compose/{new_id()}/send", done)).headers
    left = sent((await owner.get(f"./compose/{new_id()}?fill=9")).text)
    assert (left["clip"], left.get("account")) == ([studio["clips"][0], studio["clips"][2]], None)
    assert (await owner.get("./compose?fill=x")).status_code == 422


def mark_in(response: httpx2.Response) -> str:
    """Return the mark of the plan that the page shows."""
    return sent(response.text)["plan.shown"][0]


async def test_send_creates_nothing_unless_the_page_showed_the_plan(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    """The response shows the new plan, and the next press is for that one."""
    await give_times(owner, installation, "Alba", [UUID(studio["youtube"])])
    one = nine(studio, at=f"{some_day()}T18:30", zone="Asia/Tokyo", **{"spread.every": "2"})
    one |= {"account": [studio["youtube"]], "clip": studio["clips"][:2]}
    draft = f"./compose/{new_id()}"
    choices = ("now", "later", "spread", "next")
    marks = {when: mark_in(await owner.post(draft, one | {"when": when})) for when in choices}
    marks["other days"] = mark_in(await owner.post(draft, one | {"when": "spread", "spread.every": "3"}))
    assert len(set(marks.values())) == len(marks)
    for when in choices:
        for shown in {*marks.values(), ""} - {marks[when]}:
            refused = await owner.post(draft + "/send", one | {"when": when, "plan.shown": shown})
            assert 'id="replanned"' in refused.text, (when, shown)
            assert mark_in(refused) == marks[when]
    assert await stored(installation) == []
    done = await owner.post(draft + "/send", one | {"when": "spread", "plan.shown": marks["spread"]})
    assert "hx-redirect" in done.headers, done.text


async def test_two_people_with_the_same_free_times_get_what_each_saw(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    await give_times(owner, installation, "Alba", [UUID(studio["youtube"])])
    drafts = [f"./compose/{new_id()}" for _ in range(2)]
    typed = [
        nine(studio, when="next") | {"account": [studio["youtube"]], "clip": [clip]} for clip in studio["clips"][:2]
    ]
    for number, draft in enumerate(drafts):
        typed[number]["plan.shown"] = mark_in(await owner.post(draft, typed[number]))
    assert "hx-redirect" in (await owner.post(drafts[0] + "/send", typed[0])).headers
    refused = await owner.post(drafts[1] + "/send", typed[1])
    assert "the plan is another one now" in refused.text
    assert len(await stored(installation)) == 1
    second = typed[1] | {"plan.shown": mark_in(refused)}
    assert "hx-redirect" in (await owner.post(drafts[1] + "/send", second)).headers
    # "Add to queue" shows no times.
    third = nine(studio, when="next") | {"account": [studio["youtube"]], "clip": studio["clips"][2:]}
    assert "hx-redirect" in (await owner.post(f"./compose/{new_id()}/send", third | {"plan.shown": "next"})).headers
    times = [at for at, _ in await stored(installation)]
    assert [(one - other).days for one, other in zip(times[1:], times, strict=False)] == [1, 1]


async def test_edited_post_of_a_posting_time_may_keep_its_time(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    await give_times(owner, installation, "Alba", [UUID(studio["youtube"])])
    typed = nine(studio, when="next") | {"account": [studio["youtube"]], "clip": studio["clips"][:1]}
    await owner.post(f"./compose/{new_id()}/send", typed)
    async with installation.database.session() as session:
        post = (await session.scalars(select(Post))).one()
    draft = f"./compose/{new_id()}"
    edited = typed | {"text": "Better", "replaces": str(post.id)}
    shown = mark_in(await owner.post(draft, edited))
    done = await owner.post(draft + "/send", edited | {"plan.shown": shown})
    assert "hx-redirect" in done.headers, done.text
    assert [at for at, _ in await stored(installation)] == [post.scheduled_at]


async def test_values_of_a_choice_that_is_not_taken_are_not_judged(owner: Visitor, studio: dict[str, Any]) -> None:
    bad = {"spread.every": "0", "repeat.every": "1.5", "repeat.times": "?", "at": "?", "zone": "Tokio"}
    page = (await owner.post(f"./compose/{new_id()}", nine(studio, when="now", **bad))).text
    assert "Ready: 9 items" in page
    wanted = {"later": {"zone"}, "spread": {"zone", "spread.every"}, "repeat": {"zone", "repeat.every", "repeat.times"}}
    for when, fields in wanted.items():
        page = (await owner.post(f"./compose/{new_id()}", nine(studio, when=when, **bad))).text
        assert set(re.findall(r'data-spot="beside:([\w.]+)">\s*<small class="problem"', page)) == fields
        # A half-typed date is a problem at its field.
        page = (await owner.post(f"./compose/{new_id()}", nine(studio, when=when, **bad | {"zone": "UTC"}))).text
        assert "Choose a day and a time." in page.split('data-spot="beside:at"')[1].split("</span>")[0]
