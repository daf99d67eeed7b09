"""Composing over HTTP: saved as typed, sent once, and never around what POST /posts checks."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from clipcast.clock import clock
from clipcast.ids import new_id
from clipcast.instants import parse_instant
from clipcast.web.times import LOCAL_INPUT, shown
from tests.harness import Sandbox, some_day
from tests.web.conftest import Visitor, form


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
    """Two tabs, or an impatient hand, before the first save."""
    path = f"./compose/{new_id()}/send"
    answers = await asyncio.gather(*(owner.post(path, form(desk)) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {204}
    assert len({answer.headers["hx-redirect"] for answer in answers}) == 1
    assert await items(owner) == 1


async def test_what_is_wrong_is_said_and_kept(owner: Visitor, desk: dict[str, Any]) -> None:
    path = f"./compose/{new_id()}"
    wrong = form(desk) | {f"account.{desk['tiktok']}.privacyLevel": "", "text": "x" * 2201}
    answer = await owner.post(path + "/send", wrong)
    assert "hx-redirect" not in answer.headers
    assert "This field is required." in answer.text
    assert "At most 2200 UTF-16 units; this has 2201." in answer.text
    assert await items(owner) == 0
    assert "x" * 2201 in (await owner.get(path)).text


async def test_a_time_that_is_not_chosen_is_not_now(owner: Visitor, desk: dict[str, Any]) -> None:
    for at in ("", "soon"):
        answer = await owner.post(f"./compose/{new_id()}/send", form(desk, when="later", at=at))
        assert "Choose a day and a time." in answer.text, at
    past = (clock.now() - timedelta(hours=1)).strftime(LOCAL_INPUT)
    answer = await owner.post(f"./compose/{new_id()}/send", form(desk, when="later", at=past))
    assert "in the future" in answer.text
    assert await items(owner) == 0


async def test_the_zone_is_that_of_the_form(owner: Visitor, desk: dict[str, Any]) -> None:
    more = {"when": "later", "at": f"{some_day()}T18:30", "zone": "America/Sao_Paulo"}
    answer = await owner.post(f"./compose/{new_id()}", form(desk, **more))
    assert shown(parse_instant(f"{some_day()}T18:30:00-03:00"), ZoneInfo("America/Sao_Paulo")) in answer.text
    assert f"{some_day()}T21:30:00.000Z" in answer.text


async def test_what_the_platform_offers_is_offered(owner: Visitor, desk: dict[str, Any], sandbox: Sandbox) -> None:
    await sandbox.change_account("tiktok", private=True)
    answer = await owner.post(
        f"./compose/{new_id()}",
        form(desk) | {f"account.{desk['tiktok']}.privacyLevel": "PUBLIC_TO_EVERYONE"},
    )
    assert "The account offers: " in answer.text


async def test_nothing_of_another_workspace(
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


async def test_a_scheduled_post_is_edited_in_its_place(owner: Visitor, desk: dict[str, Any]) -> None:
    at = form(desk, when="later", at=f"{some_day()}T18:30")
    first = (await owner.post(f"./compose/{new_id()}/send", at)).headers["hx-redirect"]
    draft = (await owner.post(first + "/edit")).headers["location"]
    page = (await owner.get(draft)).text
    assert "Edit a scheduled post" in page
    replaces = re.findall(r'name="replaces" value="([\w-]+)"', page)[0]
    changed = await owner.post(draft + "/send", at | {"replaces": replaces, "text": "Better"})
    assert (await owner.get(first)).status_code == 404
    assert "Better" in (await owner.get(changed.headers["hx-redirect"])).text
    assert await items(owner) == 1


async def test_what_has_begun_is_not_replaced(owner: Visitor, desk: dict[str, Any]) -> None:
    first = (await owner.post(f"./compose/{new_id()}/send", form(desk))).headers["hx-redirect"]
    again = await owner.post(f"./compose/{new_id()}/send", form(desk, replaces=first.rsplit("/", 1)[1]))
    assert again.status_code == 409
    assert await items(owner) == 1


async def test_several_clips_and_accounts(owner: Visitor, desk: dict[str, Any]) -> None:
    both = form(desk) | {"account": [desk["tiktok"], desk["youtube"]]}
    cells = [f"{desk['clip']}/{desk['tiktok']}", f"{desk['clip']}/{desk['youtube']}"]
    answer = await owner.post(f"./compose/{new_id()}", both | {"cell.shown": cells, "cell": cells[1:]})
    assert ">1 item<" in answer.text
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
