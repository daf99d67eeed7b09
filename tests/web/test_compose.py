"""Composing over HTTP: drafts are saved as typed, sent once, and checked as POST /posts checks."""

import asyncio
import html
import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.timestamps import parse_instant
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Draft
from clipcast.installation import Installation
from clipcast.posts.drafts import EMPTY
from clipcast.testing.harness import Sandbox, some_day
from clipcast.web.times import LOCAL_INPUT, shown
from tests.web.browser import sent
from tests.web.conftest import Visitor, form


async def call_of(owner: Visitor, typed: dict[str, Any]) -> str:
    """Return the API call that the compose page shows for a form."""
    return html.unescape((await owner.post(f"./compose/{new_id()}/curl", typed)).text)


async def items(owner: Visitor) -> int:
    return (await owner.get("./posts")).text.count('<tr id="post-')


async def test_a_draft_is_posted_once(owner: Visitor, desk: dict[str, Any]) -> None:
    path = f"./compose/{new_id()}"
    assert (await owner.post(path, form(desk))).status_code == 200
    first, second = await asyncio.gather(*(owner.post(path + "/send", form(desk)) for _ in range(2)))
    assert first.headers["hx-redirect"] == second.headers["hx-redirect"]
    assert (await owner.post(path + "/send", form(desk))).headers["hx-redirect"] == first.headers["hx-redirect"]
    assert await items(owner) == 1
    assert (await owner.get(path)).headers["location"] == first.headers["hx-redirect"]


async def test_a_draft_that_was_never_saved_is_posted_once(owner: Visitor, desk: dict[str, Any]) -> None:
    """Three sends before the first save create one post."""
    path = f"./compose/{new_id()}/send"
    answers = await asyncio.gather(*(owner.post(path, form(desk)) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {204}
    assert len({answer.headers["hx-redirect"] for answer in answers}) == 1
    assert await items(owner) == 1


async def test_rejected_draft_shows_its_problems_and_keeps_the_text(owner: Visitor, desk: dict[str, Any]) -> None:
    path = f"./compose/{new_id()}"
    wrong = form(desk) | {f"account.{desk['tiktok']}.privacyLevel": "", "text": "x" * 2201}
    answer = await owner.post(path + "/send", wrong)
    assert "hx-redirect" not in answer.headers
    assert "choose who can watch." in answer.text
    assert "TikTok: caption is too long: 2201 UTF-16 units, maximum 2200. Shorten it." in answer.text
    assert await items(owner) == 0
    assert "x" * 2201 in (await owner.get(path)).text


async def test_missing_or_past_time_is_rejected_and_not_published_now(owner: Visitor, desk: dict[str, Any]) -> None:
    for at in ("", "soon"):
        answer = await owner.post(f"./compose/{new_id()}/send", form(desk, when="later", at=at))
        assert "Choose a day and a time." in answer.text, at
    past = (clock.now() - timedelta(hours=1)).strftime(LOCAL_INPUT)
    answer = await owner.post(f"./compose/{new_id()}/send", form(desk, when="later", at=past))
    assert "This time has passed. Choose a later one." in answer.text
    assert await items(owner) == 0


async def test_local_time_is_in_the_zone_of_the_form(owner: Visitor, desk: dict[str, Any]) -> None:
    more = {"when": "later", "at": f"{some_day()}T18:30", "zone": "America/Sao_Paulo"}
    answer = await owner.post(f"./compose/{new_id()}", form(desk, **more))
    assert shown(parse_instant(f"{some_day()}T18:30:00-03:00"), ZoneInfo("America/Sao_Paulo")) in answer.text
    assert f"{some_day()}T21:30:00.000Z" in await call_of(owner, form(desk, **more))


async def test_compose_rejects_an_option_that_the_account_does_not_offer(
    owner: Visitor, desk: dict[str, Any], sandbox: Sandbox
) -> None:
    await sandbox.change_account("tiktok", private=True)
    answer = await owner.post(
        f"./compose/{new_id()}",
        form(desk) | {f"account.{desk['tiktok']}.privacyLevel": "PUBLIC_TO_EVERYONE"},
    )
    assert "The account does not offer “Everyone” now. It offers: “Followers”, “Friends”, “Only me”." in answer.text
    form_of_platform = answer.text.split('id="form-tiktok"')[1].split("</section>")[0]
    assert ">Only me</option>" in form_of_platform
    assert ">Everyone (not offered now)</option>" in form_of_platform
    assert "SELF_ONLY)" not in form_of_platform


async def test_drafts_and_clips_of_another_workspace_return_404(
    owner: Visitor, desk: dict[str, Any], visitors: Callable[[], Visitor]
) -> None:
    draft = new_id()
    await owner.post(f"./compose/{draft}", form(desk))
    second = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    assert (await owner.get(f"{second}/compose/{draft}")).status_code == 404
    assert (await owner.post(f"{second}/compose/{draft}", form(desk))).status_code == 404
    answer = await owner.post(f"{second}/compose/{new_id()}/send", form(desk))
    assert "Choose at least one clip and one account." in answer.text
    render = re.findall(r"/clips/([\w-]+)/thumbnail", (await owner.get("./clips")).text)[0]
    for path in (f"/clips/{render}", f"/clips/{render}/file", f"/clips/{render}/thumbnail"):
        assert (await owner.get(second + path)).status_code == 404


async def test_edited_post_replaces_the_scheduled_one(owner: Visitor, desk: dict[str, Any]) -> None:
    at = form(desk, when="later", at=f"{some_day()}T18:30")
    first = (await owner.post(f"./compose/{new_id()}/send", at)).headers["hx-redirect"]
    draft = (await owner.post(first + "/edit")).headers["location"]
    page = (await owner.get(draft)).text
    assert "Edit a scheduled post" in page
    replaces = re.findall(r'name="replaces" value="([\w-]+)"', page)[0]
    changed = await owner.post(draft + "/send", at | {"replaces": replaces, "text": "Better"})
    # The old post is gone; a page that was left open on it leads to the new one.
    left_open = await owner.get(first)
    assert left_open.status_code == 303
    assert left_open.headers["location"].split("?")[0].split("#")[0] == changed.headers["hx-redirect"]
    assert "Better" in (await owner.get(changed.headers["hx-redirect"])).text
    assert await items(owner) == 1


async def test_edit_of_a_begun_post_returns_409(owner: Visitor, desk: dict[str, Any]) -> None:
    first = (await owner.post(f"./compose/{new_id()}/send", form(desk))).headers["hx-redirect"]
    again = await owner.post(f"./compose/{new_id()}/send", form(desk, replaces=first.rsplit("/", 1)[1]))
    assert again.status_code == 409
    assert await items(owner) == 1


async def test_compose_with_several_clips_and_accounts_omits_unticked_targets(
    owner: Visitor, desk: dict[str, Any]
) -> None:
    both = form(desk) | {"account": [desk["tiktok"], desk["youtube"]]}
    cells = [f"{desk['clip']}/{desk['tiktok']}", f"{desk['clip']}/{desk['youtube']}"]
    answer = await owner.post(f"./compose/{new_id()}", both | {"cell.shown": cells, "cell": cells[1:]})
    assert ">1 item</span>" in answer.text
    assert "preview-tiktok" not in answer.text
    assert "preview-youtube" in answer.text


async def test_fields_of_the_wrong_kind_never_break_the_page(owner: Visitor, desk: dict[str, Any]) -> None:
    strange = {
        "account": ["nonsense", desk["tiktok"]], "clip": ["x", desk["clip"]], "zone": "../../etc", "own": ["y"],
        "cell.shown": ["a", "a/b/c"], "cell": ["zz"], "at": "\x01", "when": "later", "text": "bell \x07 inside",
        "platform.tiktok.videoCoverTimestampMs": "9" * 40, "replaces": "nonsense",
    }  # fmt: skip
    answer = await owner.post(f"./compose/{new_id()}", form(desk) | strange)
    assert answer.status_code == 200
    assert (await owner.post("./compose/nonsense", form(desk))).status_code == 404


@pytest.mark.parametrize("zone", ["Tokyo", "", "Europe/Atlantis", "nonsense"])
async def test_compose_with_an_unknown_zone_shows_the_problem_beside_the_field(
    owner: Visitor, desk: dict[str, Any], zone: str
) -> None:
    draft = f"./compose/{new_id()}"
    typed = form(desk, when="later", at=f"{some_day()}T18:30", zone=zone)
    sent_off = await owner.post(draft + "/send", typed)
    assert "hx-redirect" not in sent_off.headers
    for page in ((await owner.post(draft, typed)).text, (await owner.get(draft)).text, sent_off.text):
        beside = page.split('<label for="zone">')[1].split("</div>")[0]
        assert 'aria-invalid="true"' in beside
        assert 'class="problem"' in beside
        assert "Ready: " not in page
        # What was typed is kept, and the time waits for its zone.
        assert sent(page)["zone"] == [zone]
        assert sent(page)["at"] == [f"{some_day()}T18:30"]
    assert await items(owner) == 0
    mended = sent((await owner.get(draft)).text) | {"zone": "Asia/Tokyo"}
    assert f"{some_day()}T09:30:00.000Z" in await call_of(owner, mended)


async def test_compose_with_a_platforms_time_in_an_unknown_zone_converts_nothing(
    owner: Visitor, desk: dict[str, Any]
) -> None:
    draft = f"./compose/{new_id()}"
    typed = form(desk) | {
        "account": [desk["youtube"]], "platform.youtube.publishAt": f"{some_day()}T18:30", "zone": "Tokyo",
        "platform.youtube.privacyStatus": "private",
    }  # fmt: skip
    page = (await owner.post(draft, typed)).text
    assert sent(page)["platform.youtube.publishAt"] == [f"{some_day()}T18:30"]
    assert f"{some_day()}T09:30:00.000Z" in await call_of(owner, sent(page) | {"zone": "Asia/Tokyo"})


async def test_compose_with_a_skipped_or_repeated_time_rejects_or_asks(owner: Visitor, desk: dict[str, Any]) -> None:
    year = clock.now().year + 1
    draft = f"./compose/{new_id()}"
    skipped = _last_sunday(year, 3)
    page = (await owner.post(draft, form(desk, when="later", at=f"{skipped}T01:30", zone="Europe/Lisbon"))).text
    assert "clocks go forward then. Choose another time, such as 02:30." in html.unescape(page)
    twice = _last_sunday(year if clock.now().month > 10 else year - 1, 10)
    typed = form(desk, when="later", at=f"{twice}T01:30", zone="Europe/Lisbon")
    page = (await owner.post(draft, typed)).text
    assert f"{twice}T00:30:00.000Z" in await call_of(owner, sent(page))
    assert sent(page)["at.second"] == ["off"]
    page = (await owner.post(draft, sent(page) | {"at.second": "on"})).text
    assert f"{twice}T01:30:00.000Z" in await call_of(owner, sent(page))
    assert sent((await owner.get(draft)).text)["at.second"] == ["on"]


async def test_compose_without_a_choice_of_time_is_not_published(owner: Visitor, desk: dict[str, Any]) -> None:
    for when in ("", "soon"):
        answer = await owner.post(f"./compose/{new_id()}/send", form(desk, when=when))
        assert "Choose now, or a time." in answer.text
    assert await items(owner) == 0


def _last_sunday(year: int, month: int) -> str:
    day = date(year, month, 31)
    return (day - timedelta(days=(day.weekday() + 1) % 7)).isoformat()


@pytest.mark.parametrize("where", ["title", "text", "at", "zone", "platform.tiktok.videoCoverTimestampMs"])
async def test_compose_with_an_unstorable_character_shows_the_problem_beside_the_field(
    owner: Visitor, desk: dict[str, Any], where: str
) -> None:
    draft = f"./compose/{new_id()}"
    typed = form(desk) | {where: "a\x00b"}
    page = (await owner.post(draft, typed)).text
    assert "A character that cannot be stored (U+0000) was taken out" in page
    refused = await owner.post(draft + "/send", typed)
    assert refused.status_code == 200
    assert "cannot be stored" in refused.text
    assert await items(owner) == 0


async def test_removed_account_stays_chosen_as_a_problem_until_unticked(owner: Visitor, desk: dict[str, Any]) -> None:
    draft = f"./compose/{new_id()}"
    both = form(desk) | {"account": [desk["tiktok"], desk["youtube"]]}
    await owner.post(draft, both)
    await owner.post(f"./accounts/{desk['youtube']}/remove")
    page = (await owner.get(draft)).text
    assert "@harbour.films is no longer connected. Remove it." in page
    assert "An account that was removed" in page
    assert "Ready: " not in page
    refused = await owner.post(draft + "/send", sent(page))
    assert "no longer connected" in refused.text
    assert await items(owner) == 0
    answer = await owner.post(draft + "/send", sent(page) | {"account": [desk["tiktok"]]})
    assert "hx-redirect" in answer.headers


async def test_compose_for_an_invalid_day_shows_the_problem(owner: Visitor) -> None:
    moved = (await owner.get("./compose?at=soon%26x%3D1&clip=x")).headers["location"]
    page = (await owner.get(moved)).text
    assert "Choose a day and a time." in page
    assert "1 chosen clip no longer exists" in page


BROKEN = [
    {"clips": 5},
    {"unknown": "field"},
    {"by_clip": {"x": None}},
    "nothing like it",
    {"accounts": ["TIKTOK"], "by_account": {"TIKTOK": {"privacyLevel": {"no": "text"}}}},
    {"accounts": ["YOUTUBE"], "by_platform": {"youtube": {"tags": 5}}},
    {"accounts": ["YOUTUBE"], "by_platform": {"youtube": {"publishAt": 12}}},
]


@pytest.mark.parametrize("stored", BROKEN)
async def test_unreadable_draft_shows_its_data_and_can_be_deleted(
    owner: Visitor, installation: Installation, desk: dict[str, Any], stored: Any
) -> None:
    stored = json.loads(json.dumps(stored).replace("TIKTOK", desk["tiktok"]).replace("YOUTUBE", desk["youtube"]))
    whole, broken = new_id(), new_id()
    for id in (whole, broken):
        await owner.post(f"./compose/{id}", form(desk, text=f"Draft {id}"))
    async with installation.database.begin() as session:
        await session.execute(update(Draft).where(Draft.id == broken).values(content=stored))
    listed = await owner.get("./drafts")
    assert listed.status_code == 200
    # The list shows the other drafts, and can delete this one.
    assert f"Draft {whole}" in listed.text
    assert f"/compose/{broken}/delete" in listed.text
    page = await owner.get(f"./compose/{broken}")
    assert page.status_code == 200
    if "This draft cannot be shown" in page.text:
        assert "Stored data" in page.text
        assert f'href="{owner.base}/drafts"' in page.text
    else:
        assert 'id="compose"' in page.text
    assert (await owner.post(f"./compose/{broken}/delete")).status_code == 303
    assert (await owner.get("./drafts")).text.count("/delete") == 1


@pytest.mark.parametrize(
    ("path", "said"),
    [("/nothing.png", "responds with 404"), ("/__sandbox/subtitles.vtt", "Not a JPEG or PNG picture")],
)
async def test_compose_page_checks_the_linked_thumbnail(
    owner: Visitor, desk: dict[str, Any], sandbox: Sandbox, path: str, said: str
) -> None:
    typed = form(desk, account=[desk["youtube"]], **{"platform.youtube.thumbnailUrl": sandbox.url + path})
    page = (await owner.post(f"./compose/{new_id()}", typed)).text
    assert said in page


@pytest.mark.parametrize("at", ["9999-12-31T23:59", "0001-01-01T00:00", "0002-02-02T02:02", "9999-12-31T00:00"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Sao_Paulo", "UTC"])
@pytest.mark.parametrize("own", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_day_at_the_limit_of_the_calendar_is_rejected_in_every_zone(
    owner: Visitor, desk: dict[str, Any], at: str, zone: str, own: str
) -> None:
    """Some zones have no name for such an instant; the page must not return 500 while a person types a year."""
    owner.client.cookies.set("clipcast_zone", own)
    draft = f"./compose/{new_id()}"
    for path in (draft, draft + "/send"):
        answer = await owner.post(path, form(desk, when="later", at=at, zone=zone))
        assert (answer.status_code, "Ready: " in answer.text) == (200, False)
    assert (await owner.get(draft)).status_code == 200


async def test_page_asks_once_before_the_same_clip_and_caption_go_out_again(
    owner: Visitor, desk: dict[str, Any]
) -> None:
    assert "hx-redirect" in (await owner.post(f"./compose/{new_id()}/send", form(desk))).headers
    path = f"./compose/{new_id()}"
    typed = await owner.post(path, form(desk))
    hint = "You already have a post of this clip with this caption for TikTok @"
    assert typed.text.count(hint) == 1
    assert "send-again" not in typed.text
    asked = await owner.post(path + "/send", form(desk))
    assert "hx-redirect" not in asked.headers
    assert asked.text.count(hint) == 1
    assert "/send?again=true" in asked.text
    assert await items(owner) == 1
    assert "hx-redirect" in (await owner.post(path + "/send?again=true", form(desk))).headers
    assert await items(owner) == 2
    other = await owner.post(f"./compose/{new_id()}/send", form(desk, text="Other words"))
    assert "hx-redirect" in other.headers


async def test_edited_scheduled_post_is_no_double_of_itself(owner: Visitor, desk: dict[str, Any]) -> None:
    more = {"when": "later", "at": f"{some_day()}T18:30"}
    sent_to = (await owner.post(f"./compose/{new_id()}/send", form(desk, **more))).headers["hx-redirect"]
    post = sent_to.rpartition("/")[2]
    edited = form(desk, **more) | {"replaces": post, "replaces_version": "1"}
    assert "hx-redirect" in (await owner.post(f"./compose/{new_id()}/send", edited)).headers
    assert await items(owner) == 1


async def test_owner_chooses_what_happens_to_doubles(owner: Visitor) -> None:
    assert '<option value="warn" selected>' in (await owner.get("./settings")).text
    assert (await owner.post("./settings/duplicates", {"duplicates": "never"})).status_code == 422
    assert (await owner.post("./settings/duplicates", {"duplicates": "refuse"})).status_code == 303
    page = (await owner.get("./settings")).text
    assert '<option value="refuse" selected>' in page
    assert "workspace.changed" in page


async def test_drafts_are_told_apart_and_found(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    made = await owner.post("./clients", {"name": "Night Bakery Films", "color": "3", "timezone": "UTC"})
    client = UUID(made.headers["location"].split("/clients/")[1].split("/")[0])
    async with installation.database.begin() as session:
        of_youtube = Connection.id == UUID(desk["youtube"])
        await session.execute(update(Connection).where(of_youtube).values(client_id=client, username="bakery.tv"))
    ids = {}
    for title, account in (("Rye at dawn", "youtube"), ("100% butter", "tiktok")):
        ids[title] = str(new_id())
        await owner.post(
            f"./compose/{ids[title]}", form(desk, title=title, text=title, account=[desk[account]], page="one")
        )
    # Captions of one platform, and of one account.
    quoted, own = 'Say "salt\\pepper"', "Spelt for one account"
    for title, texts in (
        (quoted, {"by_platform": {"instagram": {"caption": quoted}}}),
        (own, {"by_account": {desk["youtube"]: {"description": own, "title": "Grain"}}}),
    ):
        ids[title] = str(new_id())
        await owner.post(f"./compose/{ids[title]}", form(desk, page="one"))
        async with installation.database.begin() as session:
            of_clip = EMPTY | {"clips": [desk["clip"]], "accounts": [desk["youtube"]]} | texts
            await session.execute(update(Draft).where(Draft.id == UUID(ids[title])).values(content=of_clip))
    page = html.unescape((await owner.get("./drafts")).text)
    rows = {title: page.split(f'id="draft-{id}"')[1].split("</tr>")[0] for title, id in ids.items()}
    for title, row in rows.items():
        assert title in row
        assert "/thumbnail?w=72" in row
        assert "Harbour Owner" in row
        assert "Delete this draft? Its content is lost." in row
    assert "Night Bakery Films" in rows["Rye at dawn"]
    assert "YouTube @bakery.tv: draft" in rows["Rye at dawn"]
    assert "TikTok @harbour.films: draft" in rows["100% butter"]
    found = {
        "rye dawn": ["Rye at dawn"],
        'say "salt\\': [quoted],
        "spelt": [own],
        "grain": [own],
        "bakery.tv": ["Rye at dawn", quoted, own],
        "0%": ["100% butter"],
        "r_e": [],
        "clip": list(ids),
    }
    for words, titles in found.items():
        page = (await owner.get(f"./drafts?{urlencode({'q': words})}")).text
        assert {title for title, id in ids.items() if f'id="draft-{id}"' in page} == set(titles), words
        assert ("No draft matches" in page) == (not titles)
