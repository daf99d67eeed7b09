"""The accounts of the compose page: groups, search, choices of many, saved sets; and the weight of the page."""

import gzip
import re
from typing import Any
from uuid import UUID

from sqlalchemy import update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from tests.web.conftest import Visitor, form

HTMX = {"HX-Request": "true"}
PAGE_BYTES, KEYSTROKE_BYTES = 25_000, 4_000


async def crowd(owner: Visitor, installation: Installation, clients: int = 40, each: int = 7) -> list[UUID]:
    """Give the workspace many clients with accounts, and accounts without one. Return the clients' ids."""
    workspace, ids = UUID(owner.base.rsplit("/", 1)[1]), [new_id() for _ in range(clients)]
    platforms = ("tiktok", "youtube", "instagram", "facebook", "threads", "linkedin", "pinterest")
    async with installation.database.begin() as session:
        for number, id in enumerate(ids):
            name = f"Client {number:02}"
            session.add(Client(id=id, workspace_id=workspace, name=name, name_key=name.lower(), color=number % 12 + 1,
                               timezone="UTC"))  # fmt: skip
        await session.flush()
        for number in range(clients * each + 20):
            client = ids[number // each] if number < clients * each else None
            session.add(Connection(
                workspace_id=workspace, platform=platforms[number % len(platforms)], account_id=f"crowd-{number}",
                username=f"handle{number:03}", display_name=f"Name {number}", scopes=[], sandbox=True, profile={},
                tokens=b"", issued_at=clock.now(), renewable=True, client_id=client,
                status="needs_reconnect" if number % 50 == 3 else "active",
            ))  # fmt: skip
    return ids


async def test_page_with_300_accounts_is_light_and_a_keystroke_lighter(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    [first, *_] = await crowd(owner, installation)
    draft = f"./compose/{new_id()}"
    await owner.post(draft, form(desk))
    opened = (await owner.get(draft)).text
    assert len(gzip.compress(opened.encode())) <= PAGE_BYTES
    # The group of the chosen account is open, the others load their rows when they are opened.
    assert opened.count('name="account"') == 22
    assert f"rows?group={first}" in opened
    shape = re.findall(r'name="shape" value="(\w+)"', opened)[0]
    typed = form(desk) | {"text": "A longer caption " * 20, "shape": shape}
    answer = await owner.post(draft, typed, **HTMX)
    assert len(gzip.compress(answer.text.encode())) <= KEYSTROKE_BYTES
    # Neither a field nor an account comes back.
    assert not re.search(r'<textarea|name="(text|account|title)"', answer.text)
    assert 'data-spot="counts:text"' in answer.text
    # With another account, the fields of its platform come.
    more = await owner.post(draft, typed | {"account": [desk["tiktok"], desk["youtube"]]}, **HTMX)
    assert 'id="form-youtube"' in more.text


async def test_accounts_are_found_by_handle_name_and_client_and_unusable_ones_say_why(
    owner: Visitor, installation: Installation
) -> None:
    [first, *_] = await crowd(owner, installation, clients=3)
    rows = (await owner.get(f"./compose/accounts/rows?group={first}")).text
    assert rows.count('name="account"') == 7
    assert "Sign-in ended" in rows
    assert rows.count("disabled") == 1
    for find, number in (("handle003", 1), ("Name 12", 1), ("client 01", 7), ("nobody", 0), ("%", 0)):
        found = (await owner.get(f"./compose/accounts/found?find={find}")).text
        assert found.count("data-mirror") == number, find
    assert "No account has" in found


async def test_groups_platforms_sets_and_the_last_post_choose_several_accounts(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    [first, *_] = await crowd(owner, installation, clients=3)

    async def choice(query: str) -> list[str]:
        return [one["id"] for one in (await owner.get(f"./compose/accounts/choice?{query}")).json()]

    assert len(await choice(f"group={first}")) == 6  # one of seven cannot be used
    assert desk["tiktok"] in await choice("platform=tiktok")
    assert await choice("last=true") == []
    await owner.post(f"./compose/{new_id()}/send", form(desk, page="a page", version="0"))
    assert await choice("last=true") == [desk["tiktok"]]
    chips = await owner.post(
        "./compose/accounts/sets", {"set_name": "Both of them", "account": [desk["tiktok"], desk["youtube"]]}
    )
    set_id = re.findall(r"set=([\w-]+)", chips.text)[0]
    assert set(await choice(f"set={set_id}")) == {desk["tiktok"], desk["youtube"]}
    # The same name replaces the set.
    await owner.post("./compose/accounts/sets", {"set_name": "Both of them", "account": [desk["youtube"]]})
    assert await choice(f"set={set_id}") == [desk["youtube"]]
    assert (await owner.post("./compose/accounts/sets", {"set_name": "", "account": []})).status_code == 422
    second = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    assert (await owner.get(f"{second}/compose/accounts/choice?set={set_id}")).json() == []
    gone = await owner.post(f"./compose/accounts/sets/{set_id}/delete")
    assert "Both of them" not in gone.text


async def test_turning_a_difference_off_forgets_its_values(owner: Visitor, desk: dict[str, Any]) -> None:
    draft = f"./compose/{new_id()}"
    own = {"own": [desk["tiktok"]], "own.shown": [desk["tiktok"]], f"account.{desk['tiktok']}.title": "Only here"}
    assert "Only here" in (await owner.post(draft, form(desk) | own)).text
    assert "Only here" not in (await owner.post(draft, form(desk) | own | {"own": []})).text
    assert "Only here" not in (await owner.get(draft)).text


async def test_new_post_for_a_client_begins_with_its_usable_accounts_and_the_time(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    [first] = await crowd(owner, installation, clients=1, each=0)
    ids = [UUID(desk["tiktok"]), UUID(desk["youtube"])]
    async with installation.database.begin() as session:
        await session.execute(update(Connection).where(Connection.id.in_(ids)).values(client_id=first))
    await owner.post(f"./accounts/{desk['youtube']}/off")
    moved = (await owner.get(f"./compose?client={first}&at=2030-05-06T10:30:00Z")).headers["location"]
    page = (await owner.get(moved)).text
    assert re.findall(r'name="account"[^>]* value="([^"]*)" checked', page) == [desk["tiktok"]]
    assert re.search(r'id="at"[^>]* value="2030-05-06T10:30"', page)
    assert re.search(r'name="when" value="later" checked', page)
