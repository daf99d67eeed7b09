"""Actions on many accounts: what was done, what could not be done and why, and the way back."""

import html
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from clipcast.common.ids import new_id
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from tests.web.conftest import Visitor

HTMX = {"hx-request": "true"}


@pytest.fixture
async def clients(owner: Visitor) -> list[str]:
    """Return the ids of two clients."""
    made = [await owner.post("./clients", {"name": name, "timezone": "UTC"}) for name in ("Alba", "Orbit")]
    return [str(one.headers["location"]).split("/")[-2] for one in made]


async def act(owner: Visitor, action: str, *ids: str, **more: str) -> str:
    answer = await owner.post("./accounts/bulk", {"action": action, "chosen": list(ids)} | more, **HTMX)
    assert answer.status_code == 200, answer.text
    assert answer.headers["hx-trigger"] == "refresh,bulk-done"
    return answer.text


async def undo(owner: Visitor, said: str) -> str:
    """Press Undo in what an action has said."""
    fields = {
        name: html.unescape(re.findall(rf'name="{name}" value="([^"]*)"', said)[0]) for name in ("action", "before")
    }
    answer = await owner.post("./accounts/bulk/undo", fields, **HTMX)
    assert answer.status_code == 200, answer.text
    return answer.text


async def stored(installation: Installation, *ids: str) -> list[Connection]:
    async with installation.database.session() as session:
        return [await session.get_one(Connection, UUID(id)) for id in ids]


async def test_accounts_move_together_and_back(
    owner: Visitor, desk: dict[str, Any], clients: list[str], installation: Installation
) -> None:
    both = desk["tiktok"], desk["youtube"]
    await act(owner, "move", desk["tiktok"], to=clients[0])
    said = await act(owner, "move", *both, str(new_id()), to=clients[0])
    # One moved; one was there, and one is gone: each is named with its reason.
    assert "1 account moved to Alba." in said
    assert "2 of 3 could not be moved" in said
    assert "TikTok @harbour.films</bdi></a>: it belongs to Alba already." in said
    assert "it is no longer connected." in said
    assert [str(one.client_id) for one in await stored(installation, *both)] == [clients[0]] * 2
    moved = await act(owner, "move", *both, to=clients[1])
    assert "2 accounts moved to Orbit." in moved
    assert "2 accounts moved back." in await undo(owner, moved)
    assert [str(one.client_id) for one in await stored(installation, *both)] == [clients[0]] * 2
    # The page shows them by client, finds them by the client's name, and keeps to the client of the address.
    page = (await owner.get("./accounts")).text
    assert page.index("<bdi>Alba</bdi>", page.index("accounts-table")) < page.index(f'id="connection-{both[0]}"')
    assert f'id="connection-{both[0]}"' in (await owner.get("./accounts?q=alba")).text
    assert "No account matches" in (await owner.get("./accounts?q=nobody")).text
    assert f'id="connection-{both[0]}"' not in (await owner.get(f"./accounts?client={clients[1]}")).text
    assert (await owner.post("./accounts/bulk", {"action": "move", "chosen": both[0], "to": "x"})).status_code == 404


async def test_labels_are_given_taken_away_and_found(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    both = desk["tiktok"], desk["youtube"]
    await act(owner, "label", desk["tiktok"], label="Main")
    said = await act(owner, "label", *both, label="main, <b>En français</b>")
    tiktok, youtube = await stored(installation, *both)
    # A label is spelt as it was first.
    assert tiktok.labels == youtube.labels == ["Main", "<b>En français</b>"]
    page = (await owner.get("./accounts?label=Main")).text
    assert "&lt;b&gt;En français" in page
    assert "<b>En" not in page
    await undo(owner, said)
    tiktok, youtube = await stored(installation, *both)
    assert (tiktok.labels, youtube.labels) == (["Main"], [])
    assert f'id="connection-{both[1]}"' not in (await owner.get("./accounts?label=Main")).text
    await act(owner, "label", *both, remove="Main")
    assert (await stored(installation, both[0]))[0].labels == []
    full = await act(owner, "label", *both, label=",".join(f"label {number}" for number in range(21)))
    assert "@harbour.films would have 21 labels, maximum 20." in full
    for fields in ({"label": " , "}, {"label": "x" * 60}, {"label": "‮"}):
        refused = await owner.post("./accounts/bulk", {"action": "label", "chosen": both[0]} | fields)
        assert refused.status_code == 422, fields


async def test_accounts_pause_together_and_resume(
    owner: Visitor, desk: dict[str, Any], installation: Installation, invited: Callable[[str], Awaitable[Visitor]]
) -> None:
    both = desk["tiktok"], desk["youtube"]
    await act(owner, "pause", desk["tiktok"])
    said = await act(owner, "pause", *both)
    assert "1 account paused." in said
    assert "it is paused already." in said
    assert {one.status for one in await stored(installation, *both)} == {"disabled"}
    assert "1 account resumed." in await undo(owner, said)  # the one that this action has paused
    assert [one.status for one in await stored(installation, *both)] == ["disabled", "active"]
    resumed = await act(owner, "resume", *both)
    assert "it is not paused." in resumed
    # What goes out cannot be taken back.
    assert "Undo" not in resumed
    editor = await invited("editor")
    for path, fields in (
        ("bulk", {"action": "pause", "chosen": both[0]}),
        ("bulk/undo", {"action": "resume", "before": json.dumps({both[0]: None})}),
    ):
        assert (await editor.post(f"./accounts/{path}", fields)).status_code == 403
    assert 'value="pause"' not in (await editor.get("./accounts")).text


async def test_nonsense_changes_nothing(owner: Visitor, desk: dict[str, Any], clients: list[str]) -> None:
    for path, fields in (
        ("bulk", {"action": "move"}),
        ("bulk", {"action": "explode", "chosen": desk["tiktok"]}),
        ("bulk/undo", {"action": "move", "before": "nonsense"}),
        ("bulk/undo", {"action": "move", "before": "[1]"}),
        ("bulk/undo", {"action": "move", "before": '{"x": 1}'}),
    ):
        assert (await owner.post(f"./accounts/{path}", fields)).status_code == 422, (path, fields)
    strange = {"action": "label", "before": json.dumps({desk["tiktok"]: 5})}
    assert (await owner.post("./accounts/bulk/undo", strange)).status_code == 200
    # Another workspace's accounts are not there.
    second = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    elsewhere = await owner.post(f"{second}/accounts/bulk", {"action": "pause", "chosen": desk["tiktok"]}, **HTMX)
    assert "it is no longer connected." in elsewhere.text
    # Without a script, the result is a page.
    page = await owner.post("./accounts/bulk", {"action": "move", "chosen": desk["tiktok"], "to": clients[0]})
    assert "1 account moved to Alba." in page.text
    assert "<h1>Accounts</h1>" in page.text


async def test_link_is_for_the_one_client_of_the_accounts(
    owner: Visitor, desk: dict[str, Any], clients: list[str]
) -> None:
    both = {"action": "link", "chosen": [desk["tiktok"], desk["youtube"]]}
    refused = await owner.post("./accounts/bulk", both)
    assert (refused.status_code, "these accounts are of no client" in refused.text) == (422, True)
    await act(owner, "move", desk["tiktok"], to=clients[0])
    assert (await owner.post("./accounts/bulk", both)).status_code == 422
    await act(owner, "move", desk["youtube"], to=clients[0])
    made = await owner.post("./accounts/bulk", both, **HTMX)
    assert "/connect/for/" in made.text
    assert "<bdi>Alba</bdi>" in made.text
