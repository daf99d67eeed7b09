"""Members and keys that see some clients only: every page and every operation, with the ids of another client."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text, update

from clipcast.common.ids import new_id
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from clipcast.workspaces.service import create_key
from tests.web.conftest import PASSWORD, Visitor, form
from tests.web.test_csv_import import send

OURS, THEIRS, LOOSE, BOTH = "Harbour Ours", "Quarry Theirs", "Loose caption", "Mixed caption"
# Rows of the other client, of accounts without one, and of posts over several.
TABLES = (
    "posts", "items", "drafts", "reviews", "reviewers", "review_comments", "review_links", "clients", "connections",
    "account_sets", "posting_times", "paused_days", "hashtag_sets", "client_reviewers", "api_keys", "webhooks",
)  # fmt: skip
# Routes that answer as long as the page is open, and those that send a file of the library, which all members share.
WORKSPACE = "/w/{workspace_id}"
LONG = (WORKSPACE + "/events",)


@dataclass
class Agency:
    """A workspace with two clients. The member sees one. `hidden`: ids of the other, by the parameters of routes."""

    owner: Visitor
    member: Visitor
    ours: str
    account: str
    post: str
    hidden: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def found(self, answer: httpx2.Response) -> list[str]:
        """Return what of the other client an answer tells, beside the ids that the request itself named."""
        asked = str(answer.request.url) + str(answer.request.content, "utf-8", "replace")
        return [one for one in self.secrets if one in answer.text and one not in asked]


async def rows(installation: Installation) -> dict[str, str]:
    """Return the content of all rows of clients, as text by table."""
    found = {}
    async with installation.database.session() as session:
        for table in TABLES:
            query = text(
                f"SELECT coalesce(string_agg(CAST(to_jsonb(t) AS text), ' ' ORDER BY t.id), '') FROM {table} t"
            )
            found[table] = str((await session.execute(query)).scalar_one())
    return found


@pytest.fixture
async def agency(
    owner: Visitor, visitors: Callable[[], Visitor], desk: dict[str, Any], installation: Installation
) -> Agency:
    ids = {}
    for name in (OURS, THEIRS):
        made = await owner.post("./clients", {"name": name, "timezone": "Europe/Lisbon", "color": "4"})
        ids[name] = made.headers["location"].split("/")[-2]
    await owner.post(f"./clients/{ids[OURS]}/accounts", {"account": desk["tiktok"]})
    await owner.post(f"./clients/{ids[THEIRS]}/accounts", {"account": desk["youtube"]})
    async with installation.database.begin() as session:
        for id, handle in ((desk["tiktok"], "our.handle"), (desk["youtube"], "their.handle")):
            await session.execute(update(Connection).where(Connection.id == UUID(id)).values(username=handle))

    async def schedule(accounts: list[str], words: str) -> str:
        fields = {f"account.{desk['youtube']}.privacyStatus": "private"}
        sent = form(desk, account=accounts, text=words, title=words, when="later", at=f"{some_day()}T18:30", **fields)
        answer = await owner.post(f"./compose/{new_id()}/send", sent)
        return str(answer.headers["hx-redirect"]).rsplit("/", 1)[1]

    post = await schedule([desk["tiktok"]], "Our caption")
    theirs = await schedule([desk["youtube"]], "Their caption")
    both = await schedule([desk["tiktok"], desk["youtube"]], BOTH)
    sent = await owner.post(f"./posts/{theirs}/review", {"review.new_link": "Their people", "review.message": "Psst"})
    assert "review-link" in sent.text
    await owner.post(f"./review/{theirs}/comments", {"text": "Their comment"})
    await owner.post(f"./clients/{ids[THEIRS]}/words/sets", {"name": "Their set", "tags": "#theirs"})
    await owner.post(f"./clients/{ids[THEIRS]}/times", {"weekday": ["0"], "at": "18:30"})
    draft = str(new_id())
    await owner.post(f"./compose/{draft}", form(desk, account=[desk["youtube"]], text="Their draft"))
    await owner.post("./compose/accounts/sets", {"account": desk["youtube"], "set_name": "Their account set"})
    await owner.post("./developers/keys", {"name": "Their key", "scopes": "posts:read", "days": "0"})
    clients = {"sees": "some", "client": ids[OURS], "role": "editor", "note": "Newcomer"}
    made = await owner.post("./settings/invitations", clients)
    member = visitors()
    link = made.text.split('id="new-invitation">')[1].split("<")[0]
    person = {"name": "Bo", "email": "bo@example.org", "password": PASSWORD}
    assert (await member.post(link, person)).status_code == 303
    member.base = owner.base
    async with installation.database.session() as session:
        item = (
            await session.execute(text("SELECT id FROM items WHERE post_id = :id"), {"id": UUID(theirs)})
        ).scalar_one()
        one = {
            "link_id": "SELECT id FROM review_links", "set_id": "SELECT id FROM account_sets",
            "key_id": "SELECT id FROM api_keys WHERE name = 'Their key'",
            "reviewer_id": "SELECT id FROM reviewers",
        }  # fmt: skip
        hidden = {name: str((await session.execute(text(query))).scalar_one()) for name, query in one.items()}
    hidden |= {
        "client_id": ids[THEIRS], "post_id": theirs, "item_id": str(item), "draft_id": draft, "kind": "posts",
        "connection_id": desk["youtube"], "id": theirs, "both": both,
    }  # fmt: skip
    secrets = {
        THEIRS, BOTH, "their.handle", "Their caption", "Their people", "Psst", "Their comment", "Their set", "#theirs",
        "Their draft", "Their account set", "Their key", *(hidden[name] for name in hidden if name not in ("kind",)),
    }  # fmt: skip
    return Agency(owner, member, ids[OURS], desk["tiktok"], post, hidden, secrets)


def routes_of(application: FastAPI, prefix: str) -> Iterator[tuple[str, str]]:
    """Return the method and the path of each of the application's routes below a prefix."""
    for router in application.routes:
        for route in getattr(router, "effective_route_contexts", list)():
            if route.path.startswith(prefix) and route.path not in LONG:
                yield from ((method, route.path) for method in sorted(route.methods - {"HEAD"}))


def pages(application: FastAPI, method: str) -> list[str]:
    """Return the paths of the workspace's pages within it."""
    return [path[len(WORKSPACE) :] for one, path in routes_of(application, WORKSPACE) if one == method]


def filled(path: str, hidden: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: hidden.get(match[1], hidden["post_id"]), path)


async def test_no_page_tells_a_limited_member_of_another_client(
    agency: Agency, application: FastAPI, installation: Installation
) -> None:
    """Each page is asked for with the other client's ids; the lists also plain, by search and with the filter."""
    member, hidden = agency.member, agency.hidden
    paths = [filled(path, hidden) for path in pages(application, "GET")]
    assert len(paths) > 50
    asked = [*paths, *(f"/posts?q={word}" for word in ("Their", "Mixed", hidden["post_id"], hidden["item_id"]))]
    asked += [f"/palette?q={word}" for word in ("quarry", "their", hidden["post_id"], hidden["connection_id"])]
    asked += [f"{path}?client={hidden['client_id']}" for path in ("", "/calendar", "/posts", "/clips", "/connections")]
    asked += [f"{path}?client=none" for path in ("/calendar", "/posts", "/connections")]
    asked += [f"/calendar?view={view}&at={some_day()}" for view in ("month", "week", "list")]
    asked += [f"/review?state={state}" for state in ("waiting", "approved", "expired")]
    asked += [
        f"/posts/{hidden['both']}",
        f"/posts?account={hidden['connection_id']}",
        f"/posts/{hidden['both']}/review",
    ]
    for path in asked:
        answer = await member.get("." + path)
        assert answer.status_code < 500, path
        assert agency.found(answer) == [], path
    # The same places show the owner all of it, and the member what is theirs.
    everything = "".join(
        [(await agency.owner.get("." + path)).text for path in ("/posts", "/review", "/clients", "/drafts")]
    )
    for word in (THEIRS, "Their caption", BOTH):
        assert word in everything, word
    own = "".join(
        [
            (await member.get("." + path)).text
            for path in ("/posts", "/clients", "/connections", f"/posts/{agency.post}")
        ]
    )
    for word in (OURS, "Our caption", "our.handle"):
        assert word in own, word
    counts = (await member.get("./posts")).text
    assert re.findall(r'All <span class="count">(\d+)<', counts) == ["1"]
    assert (await member.get(f"./posts/{hidden['post_id']}")).status_code == 404
    assert (await member.get(f"./posts/{hidden['both']}")).status_code == 404


async def test_no_form_of_a_limited_member_changes_another_client(
    agency: Agency, application: FastAPI, installation: Installation
) -> None:
    """Each form is sent with the other client's ids. No row of that client changes, and no answer tells of it."""
    member, hidden = agency.member, agency.hidden
    before = await rows(installation)
    typed: dict[str, Any] = {
        "account": hidden["connection_id"], "chosen": [hidden["post_id"], hidden["both"]], "to": hidden["client_id"],
        "client": hidden["client_id"], "name": "Mine now", "text": "Mine now", "tags": "#mine", "day": some_day(),
        "at": f"{some_day(3)}T10:00", "time": "10:00", "timezone": "UTC", "zone": "UTC", "revision": "1", "color": "2",
        "review.member": "bo@example.org", "review.rule": "any", "signature": "Mine", "weekday": "2", "set": new_id(),
        "post": [hidden["post_id"], hidden["both"]], "reviewer": hidden["reviewer_id"], "rule": "none", "url": "https://x.y/z",
        "version": "1", "minutes": "5", "first": some_day(), "last": some_day(2), "from": hidden["client_id"],
    }  # fmt: skip
    asked = [(path, typed) for path in pages(application, "POST") if "{" in path]
    asked += [("/posts/bulk", typed | {"action": action}) for action in ("move", "retry", "remove", "copy")]
    asked += [("/posts/bulk", {"action": "remove", "all": "on", "q": "Their"}), ("/clients", typed)]
    asked += [("/connections/move", typed), ("/compose/accounts/sets", typed | {"set_name": "Their account set"})]
    assert len(asked) > 50
    for path, fields in asked:
        answer = await member.post("." + filled(path, hidden), fields)
        assert answer.status_code < 500, path
        assert agency.found(answer) == [], path
    sent = await member.post(f"./compose/{new_id()}/send", typed | {"clip": hidden["post_id"], "when": "now"})
    assert "hx-redirect" not in sent.headers
    after = await rows(installation)
    changed = [table for table in TABLES if after[table] != before[table]]
    # A draft of their own that names an account they do not see, and links without a client, are all that may be new.
    for table in changed:
        assert table == "drafts", (table, before[table], after[table])
        assert before[table] in after[table] or hidden["draft_id"] in after[table]
    async with installation.database.session() as session:
        stored = await session.execute(
            text("SELECT content ->> 'text' FROM drafts WHERE id = :id"), {"id": UUID(hidden["draft_id"])}
        )
        assert stored.scalar_one() == "Their draft"


async def test_limited_member_works_within_the_client(agency: Agency, desk: dict[str, Any]) -> None:
    """An editor of one client schedules, moves and removes posts of it, and cannot create or leave clients."""
    member = agency.member
    sent = form(desk, text="By Bo", when="later", at=f"{some_day(1)}T18:30")
    post = (await member.post(f"./compose/{new_id()}/send", sent)).headers["hx-redirect"]
    assert (await member.get(post)).status_code == 200
    await member.post("./posts/bulk", {"chosen": post.rsplit("/", 1)[1], "action": "remove"})
    assert (await member.get(post)).status_code == 404
    made = await member.post("./clients", {"name": "New", "timezone": "UTC", "color": "4"})
    assert "You see some clients only, so you cannot create clients" in made.text
    assert (await member.post(f"./clients/{agency.ours}/delete")).status_code == 403
    moved = await member.post(f"./clients/{agency.ours}/accounts/move", {"account": agency.account, "to": ""})
    assert moved.status_code == 403
    saved = await member.post(f"./clients/{agency.ours}/settings", {"name": THEIRS, "timezone": "UTC", "color": "4"})
    assert saved.status_code == 422  # the name is taken, also by a client that is not seen
    assert (await member.post(f"./clients/{agency.ours}/reviewers/links", {"name": "Our people"})).status_code == 200
    links = (await member.get("./review/links")).text
    assert "Our people" in links
    assert "Their people" not in links


async def test_owner_limits_and_frees_members(
    agency: Agency, installation: Installation, visitors: Callable[[], Visitor]
) -> None:
    owner, member = agency.owner, agency.member
    async with installation.database.session() as session:
        bo = (await session.execute(text("SELECT id FROM users WHERE email = 'bo@example.org'"))).scalar_one()
        boss = (await session.execute(text("SELECT id FROM users WHERE email <> 'bo@example.org'"))).scalar_one()
    page = (await owner.get("./settings")).text
    assert re.search(rf"Sees\s+<bdi>{OURS}</bdi>", page)
    nothing = await owner.post(f"./settings/members/{bo}/clients", {"sees": "some"})
    assert nothing.status_code == 422
    assert "Choose at least one client" in nothing.text
    unknown = await owner.post(f"./settings/members/{bo}/clients", {"sees": "some", "client": str(new_id())})
    assert "was deleted" in unknown.text
    himself = await owner.post(f"./settings/members/{boss}/clients", {"sees": "some", "client": agency.ours})
    assert "Owners see all clients" in himself.text
    await owner.post(f"./settings/members/{bo}/clients", {"sees": "all"})
    assert THEIRS in (await member.get("./clients")).text
    await owner.post(f"./settings/members/{bo}/clients", {"sees": "some", "client": agency.hidden["client_id"]})
    assert (await member.get(f"./posts/{agency.post}")).status_code == 404
    # A client that is deleted takes nothing off the limit: nobody sees more than before.
    await owner.post(f"./clients/{agency.hidden['client_id']}/delete")
    assert "Our caption" not in (await member.get("./posts")).text
    assert "Their caption" not in (await member.get("./posts")).text
    # Who becomes an owner sees all.
    await owner.post(f"./settings/members/{bo}", {"role": "owner"})
    assert OURS in (await member.get("./clients")).text
    invited = await owner.post("./settings/invitations", {"role": "owner", "sees": "some", "client": agency.ours})
    assert "Owners see all clients" in invited.text


async def test_no_operation_tells_a_limited_key_of_another_client(
    agency: Agency, application: FastAPI, installation: Installation
) -> None:
    """Every operation of the API with the other client's ids, by a key that is limited to a client."""
    hidden, workspace = agency.hidden, agency.owner.base.rsplit("/", 1)[1]
    async with installation.database.begin() as session:
        _, secret = await create_key(session, "ours", [UUID(workspace)], client_ids=[UUID(agency.ours)])
    before = await rows(installation)
    bodies: list[dict[str, Any]] = [
        {}, {"client_id": hidden["client_id"]}, {"name": "Mine now"}, {"post_ids": [hidden["post_id"], hidden["both"]]},
        {"members": ["bo@example.org"]}, {"reviewer_id": hidden["reviewer_id"], "revision": 1, "text": "Mine"},
        {"text": "Mine"}, {"name": "Mine", "client_id": hidden["client_id"]},
        {"scheduled_at": f"{some_day(3)}T10:00:00Z"}, {"posting_times": [], "paused_days": []},
    ]  # fmt: skip
    headers = {"X-Api-Key": secret, "Content-Type": "application/json"}
    number = 0
    for method, path in routes_of(application, "/api/v1/"):
        if "{" not in path and method != "GET":
            continue
        for body in bodies if method != "GET" else ({},):
            content = None if method == "GET" else json.dumps(body)
            answer = await agency.owner.client.request(method, filled(path, hidden), content=content, headers=headers)
            number += 1
            assert answer.status_code < 500, (method, path, body)
            assert agency.found(answer) == [], (method, path, body)
    assert number > 150
    post = {"videos": [{"editId": str(new_id()), "targets": [{"connectionId": hidden["connection_id"]}]}]}
    for path in ("/posts", "/posts/validate"):
        answer = await agency.owner.client.post("/api/v1" + path, json=post, headers=headers)
        assert "not_found" in answer.text
        assert agency.found(answer) == []
    assert await rows(installation) == before
    own = await agency.owner.client.get("/api/v1/posts", headers=headers)
    assert [one["post_id"] for one in own.json()["posts"]] == [agency.post]
    assert own.json()["pagination"]["total_count"] == 1
    for method, path, whole in (
        ("POST", "/clients", {"name": "x", "timezone": "UTC"}),
        ("POST", "/webhooks", {"url": "https://example.org/hook", "events": ["post.completed"]}),
        ("POST", "/review-links", {"name": "x"}),
        ("PATCH", "/workspace", {"conform": "never"}),
        ("PATCH", f"/connections/{agency.account}", {"client_id": None}),
    ):
        refused = await agency.owner.client.request(method, f"/api/v1{path}", json=whole, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "limited_to_clients"), path


async def test_name_of_another_person_shows_nothing_of_hers(
    agency: Agency, desk: dict[str, Any], installation: Installation
) -> None:
    """People choose their names themselves. What has no account is seen by the one who saved it."""
    hers, own = str(new_id()), str(new_id())
    rows = f"edit_id,to,title\r\n{desk['clip']},@our.handle,Tide\r\n".encode()
    async with installation.database.begin() as session:
        await session.execute(text("UPDATE users SET name = 'Mia'"))
    for visitor, draft, words in ((agency.owner, hers, "Of the owner"), (agency.member, own, "Of Bo")):
        await visitor.post(f"./compose/{draft}", form(desk, account=[], text=words))
        await visitor.post(f"./compose/{draft}/templates", form(desk, account=[], text=words, template_name=words))
        assert not (await send(visitor, rows, f"./posts/import?name={words}.csv")).is_error
    for page in (f"/compose/{hers}", "/drafts", f"/compose/{own}/templates", "/posts/import"):
        assert "Of the owner" not in (await agency.member.get("." + page)).text, page
    for page in (f"/compose/{own}", f"/compose/{own}/templates", "/posts/import"):
        assert "Of Bo" in (await agency.member.get("." + page)).text, page
