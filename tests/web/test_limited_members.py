"""Members and keys that see some clients only: every page and every operation, with the ids of another client."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import event, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor
from clipcast.common.ids import new_id
from clipcast.common.problems import AppError
from clipcast.connections import account_sets, client_links
from clipcast.database import hot_queries
from clipcast.database.limits import CHANGING, limit_to, limited
from clipcast.database.models.connections import Connection
from clipcast.database.models.people import Membership
from clipcast.installation import Installation
from clipcast.posts import post_templates
from clipcast.posts.drafts import read
from clipcast.posts.last_settings import last_settings
from clipcast.posts.plans import stored
from clipcast.reviews import links
from clipcast.testing.harness import some_day
from clipcast.workspaces.service import create_key
from tests.database.test_limits import LIMIT, REACHED
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
    """A workspace with two clients. The member sees one.

    `hidden`: ids of the other, by the parameters of routes; `own`: those of the one that is seen.
    """

    owner: Visitor
    member: Visitor
    ours: str
    account: str
    post: str
    hidden: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def found(self, answer: httpx2.Response) -> list[str]:
        """Return what of the other client an answer tells, beside the ids that the request itself named."""
        asked = str(answer.request.url) + str(answer.request.content, "utf-8", "replace")
        return [one for one in self.secrets if one in answer.text and one not in asked]


async def rows(installation: Installation) -> dict[str, str]:
    """Return the content of all rows of clients, as text by table: a line for each row."""
    found = {}
    async with installation.database.session() as session:
        for table in TABLES:
            query = text(
                f"SELECT coalesce(string_agg(CAST(to_jsonb(t) AS text), E'\\n' ORDER BY t.id), '') FROM {table} t"
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
        query = text("SELECT id FROM items WHERE post_id = :id")
        item, own_item = [str((await session.execute(query, {"id": UUID(id)})).scalar_one()) for id in (theirs, post)]
        one = {
            "link_id": "SELECT id FROM review_links", "set_id": "SELECT id FROM account_sets",
            "key_id": "SELECT id FROM api_keys WHERE name = 'Their key'",
            "reviewer_id": "SELECT id FROM reviewers",
        }  # fmt: skip
        hidden = {name: str((await session.execute(text(query))).scalar_one()) for name, query in one.items()}
    hidden |= {
        "client_id": ids[THEIRS], "post_id": theirs, "item_id": item, "draft_id": draft, "kind": "posts",
        "connection_id": desk["youtube"], "id": theirs, "both": both,
    }  # fmt: skip
    secrets = {
        THEIRS, BOTH, "their.handle", "Their caption", "Their people", "Psst", "Their comment", "Their set", "#theirs",
        "Their draft", "Their account set", "Their key", *(hidden[name] for name in hidden if name not in ("kind",)),
    }  # fmt: skip
    own = {
        "client_id": ids[OURS], "post_id": post, "id": post, "item_id": own_item, "kind": "posts",
        "connection_id": desk["tiktok"], "edit_id": desk["clip"], "draft_id": str(new_id()),
    }  # fmt: skip
    return Agency(owner, member, ids[OURS], desk["tiktok"], post, hidden, own, secrets)


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


def foreign_fields(hidden: dict[str, str]) -> dict[str, Any]:
    """Return the fields of all forms, with the other client's ids."""
    return {
        "account": hidden["connection_id"], "chosen": [hidden["post_id"], hidden["both"]], "to": hidden["client_id"],
        "client": hidden["client_id"], "name": "Mine now", "text": "Mine now", "tags": "#mine", "day": some_day(),
        "at": f"{some_day(3)}T10:00", "time": "10:00", "timezone": "UTC", "zone": "UTC", "revision": "1", "color": "2",
        "review.member": "bo@example.org", "review.rule": "any", "signature": "Mine", "weekday": "2", "set": new_id(),
        "post": [hidden["post_id"], hidden["both"]], "reviewer": hidden["reviewer_id"], "rule": "none", "url": "https://x.y/z",
        "version": "1", "minutes": "5", "first": some_day(), "last": some_day(2), "from": hidden["client_id"],
    }  # fmt: skip


async def test_no_page_tells_a_limited_member_of_another_client(
    agency: Agency, application: FastAPI, installation: Installation
) -> None:
    """Each page is asked for with the other client's ids; the lists also plain, by search and with the filter."""
    member, hidden = agency.member, agency.hidden
    paths = [filled(path, hidden) for path in pages(application, "GET")]
    assert len(paths) > 50
    asked = [*paths, *(f"/posts?q={word}" for word in ("Their", "Mixed", hidden["post_id"], hidden["item_id"]))]
    asked += [f"/palette?q={word}" for word in ("quarry", "their", hidden["post_id"], hidden["connection_id"])]
    asked += [f"{path}?client={hidden['client_id']}" for path in ("", "/calendar", "/posts", "/clips", "/accounts")]
    asked += [f"{path}?client=none" for path in ("/calendar", "/posts", "/accounts")]
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
        [(await member.get("." + path)).text for path in ("/posts", "/clients", "/accounts", f"/posts/{agency.post}")]
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
    typed = foreign_fields(hidden)
    asked = [(path, typed) for path in pages(application, "POST") if "{" in path]
    asked += [("/posts/bulk", typed | {"action": action}) for action in ("move", "retry", "remove", "copy")]
    asked += [("/posts/bulk", {"action": "remove", "all": "on", "q": "Their"}), ("/clients", typed)]
    asked += [("/accounts/move", typed), ("/compose/accounts/sets", typed | {"set_name": "Their account set"})]
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


async def test_sheets_of_a_review_offer_only_those_who_see_the_posts(agency: Agency) -> None:
    """Whoever sees the client's posts can approve them, and a client's link is for its own posts."""
    theirs = agency.hidden["connection_id"]
    for accounts, post, has_member, has_link in (
        ([agency.account], [agency.post], True, False),
        ([theirs], [agency.hidden["post_id"]], False, True),
        ([agency.account, theirs], [agency.post, agency.hidden["post_id"]], False, False),
    ):
        sheet = await agency.owner.post(f"./compose/{new_id()}/reviewers", {"account": accounts})
        bulk = await agency.owner.post("./posts/bulk/reviewers", {"chosen": post})
        for offered in (sheet.text, bulk.text):
            assert "owner@example.org" in offered
            assert ("bo@example.org" in offered, "Their people" in offered) == (has_member, has_link), accounts


async def test_limited_member_is_offered_settings_of_seen_posts_only(
    agency: Agency, installation: Installation
) -> None:
    workspace = UUID(agency.owner.base[-36:])
    seen = limited(installation.database, limit_to((UUID(agency.ours),), new_id()))
    async with installation.database.session() as session:
        accounts = list(await session.scalars(select(Connection)))
    theirs = agency.hidden["connection_id"]
    everything = await last_settings(installation.database.hot_pool, workspace, accounts)
    # Nothing of TikTok's is offered again, so that the account they see has no settings.
    assert everything == {theirs: {"privacyStatus": "private"}}
    assert await last_settings(seen.hot_pool, workspace, accounts) == {}


async def test_maximums_count_what_a_limited_member_does_not_see(
    agency: Agency, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workspace has one of each already, of the other client."""
    workspace, ours, theirs = (UUID(id) for id in (agency.owner.base[-36:], agency.ours, agency.hidden["client_id"]))
    me, content = (new_id(), "Bo"), read({"accounts": [agency.hidden["connection_id"]]})
    async with installation.database.begin() as session:
        await client_links.make_client_link(installation, session, workspace, theirs, 7, await owner_of(session))
        await post_templates.save_template(session, workspace, "Theirs", content, "Owner")
        await stored.keep(session, workspace, b"files,to\r\na,b", "x.csv", "UTC", "Owner")
    for module, name in (
        (client_links, "OPEN_MAX"), (links, "LINKS_MAX"), (post_templates, "TEMPLATES_MAX"),
        (stored, "UNFINISHED_MAX"), (account_sets, "SETS_MAX"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 1)
    seen = limited(installation.database, limit_to((ours,), me[0]))

    async def refused(make: Callable[[AsyncSession], Awaitable[Any]]) -> bool:
        try:
            async with seen.begin() as session:
                await make(session)
        except AppError as error:
            return error.code in ("too_many_links", "too_many_imports", "validation_failed")
        return False

    settings, by = installation.settings, Actor("user", *me, "")
    assert await refused(lambda one: client_links.make_client_link(installation, one, workspace, ours, 7, me))
    assert await refused(lambda one: links.create_link(one, settings, workspace, "Ours", "UTC", by, ours))
    assert await refused(lambda one: post_templates.save_template(one, workspace, "Ours", content, "Bo"))
    assert await refused(lambda one: stored.keep(one, workspace, b"files,to\r\na,b", "y.csv", "UTC", "Bo"))
    assert await refused(lambda one: account_sets.save_set(one, workspace, "Ours", [UUID(agency.account)]))


async def owner_of(session: AsyncSession) -> tuple[UUID, str]:
    owner = (await session.scalars(select(Membership).where(Membership.role == "owner"))).one().user
    return owner.id, owner.name


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


# The rows of clients. Other tables are shared, and their rows are not found by a foreign id.
OF_CLIENTS = re.compile(rf"\b({'|'.join(sorted(LIMIT.queries.keys() | REACHED))})\b")
# What may name rows that are not seen: the log of the requests themselves, and a draft of the person's own.
MAY_NAME = re.compile(r"INSERT INTO (logged_requests|drafts|idempotent_answers)\b")


@dataclass
class Recorder:
    """The statements that change or lock rows, sent for somebody who sees `client` only, and name a `foreign` id.

    `database/limits.py` narrows those of the ORM, which then hold the ids of the clients that are seen, or the
    person's, or find nothing. It leaves the others as they are.
    """

    client: str
    person: str
    foreign: set[str]
    reached: list[tuple[str, list[str]]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def note(self, sql: str, values: Any) -> None:
        if not CHANGING.search(sql) or not OF_CLIENTS.search(sql):
            return
        self.seen.add(sql)
        shown = str(values)
        named = [id for id in self.foreign if id in shown]
        narrowed = f"[UUID('{self.client}')]" in shown or self.person in shown or "AND false" in sql
        if named and not MAY_NAME.search(sql) and ("INSERT INTO" in sql or not narrowed):
            self.reached.append((sql, named))

    @contextmanager
    def recording(self, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        send = hot_queries._fetch

        async def fetch(connection: Any, statement: hot_queries.Statement, arguments: list[Any]) -> Any:
            self.note(statement.sql, arguments)
            return await send(connection, statement, arguments)

        def execute(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            self.note(statement, parameters)

        engine = installation.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", execute)
        with monkeypatch.context() as patched:
            patched.setattr(hot_queries, "_fetch", fetch)
            yield
        event.remove(engine, "before_cursor_execute", execute)


@pytest.fixture
async def recorder(agency: Agency, installation: Installation) -> Recorder:
    async with installation.database.session() as session:
        query = " UNION ALL ".join(f"SELECT CAST(id AS text) FROM {table}" for table in TABLES)
        ids = set((await session.execute(text(query))).scalars())
        bo = (await session.execute(text("SELECT id FROM users WHERE email = 'bo@example.org'"))).scalar_one()
    assert {agency.ours, agency.account, agency.post, agency.own["item_id"]} <= ids
    return Recorder(agency.ours, str(bo), ids - set(agency.own.values()))


def mixed(path: str, own: dict[str, str], hidden: dict[str, str]) -> list[str]:
    """Return a path with ids of the person's own client, and with each one in turn of the other."""
    names = re.findall(r"\{(\w+)\}", path)
    return [filled(path, own)] + [filled(path, own | {name: hidden.get(name, hidden["post_id"])}) for name in names]


def last_deletes(path: str) -> bool:
    return re.search("delete|remove|revoke|DELETE|withdraw", path) is not None


async def test_no_form_reaches_a_statement_that_is_not_narrowed_with_a_foreign_id(
    agency: Agency,
    application: FastAPI,
    installation: Installation,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Statements that change or lock rows are sent only for rows that a narrowed statement has found before."""
    member, hidden, before = agency.member, agency.hidden, await rows(installation)
    asked = [(one, path) for path in pages(application, "POST") for one in mixed(path, agency.own, hidden)]
    fields = foreign_fields(hidden) | {"for": hidden["client_id"], "slot": hidden["post_id"]}
    with recorder.recording(installation, monkeypatch):
        for path, _ in sorted(asked, key=lambda one: last_deletes(one[1])):
            assert (await member.post("." + path, fields)).status_code < 500, path
        for action in ("move", "queue", "review", "label", "retry", "remove", "copy"):
            await member.post("./posts/bulk", fields | {"action": action, "add_label": "Mine"})
    assert recorder.reached == []
    assert len(recorder.seen) > 20, "too few forms were accepted to tell"
    assert_kept(before, await rows(installation), recorder.foreign)


async def test_no_operation_reaches_a_statement_that_is_not_narrowed_with_a_foreign_id(
    agency: Agency,
    application: FastAPI,
    installation: Installation,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden, before = agency.hidden, await rows(installation)
    async with installation.database.begin() as session:
        workspace = UUID(agency.owner.base.rsplit("/", 1)[1])
        key, secret = await create_key(session, "ours", [workspace], client_ids=[UUID(agency.ours)])
    recorder.person = str(key.id)
    headers = {"X-Api-Key": secret, "Content-Type": "application/json"}
    target = {"editId": agency.own["edit_id"], "targets": [{"connectionId": hidden["connection_id"]}]}
    own_target = target | {"targets": [{"connectionId": agency.account}]}
    later = {"scheduled_at": f"{some_day(3)}T10:00:00Z"}
    bodies: list[dict[str, Any]] = [
        {}, {"connectionId": hidden["connection_id"]}, {"items": [{"id": hidden["item_id"]}]}, {"videos": [target]},
        {"items": [{"id": agency.own["item_id"], "connectionId": hidden["connection_id"]}]}, later,
        {"videos": [own_target], "review": {"links": [hidden["link_id"]]}} | later, {"links": [hidden["link_id"]]},
        {"reviewer_id": hidden["reviewer_id"], "revision": 1, "text": "Mine"}, {"client_id": hidden["client_id"]},
        {"review": {"rule": "any", "links": [hidden["link_id"]]}}, {"members": ["bo@example.org"]},
        {"name": "Mine", "client_id": hidden["client_id"]}, {"name": "Mine", "tags": ["mine"]},
        {"posting_times": [{"weekday": 0, "at": "10:00", "connection_id": hidden["connection_id"]}]},
    ]  # fmt: skip
    asked = [
        (method, one)
        for method, path in routes_of(application, "/api/v1/")
        for one in mixed(path, agency.own, hidden)
        if method != "GET"
    ]
    with recorder.recording(installation, monkeypatch):
        for method, path in sorted(asked, key=lambda one: last_deletes(" ".join(one))):
            for body in bodies if method != "DELETE" else bodies[:1]:
                answer = await agency.owner.client.request(method, path, content=json.dumps(body), headers=headers)
                assert answer.status_code < 500, (method, path, body)
    assert recorder.reached == []
    assert len(recorder.seen) > 20, "too few operations were accepted to tell"
    assert_kept(before, await rows(installation), recorder.foreign)


def assert_kept(before: dict[str, str], after: dict[str, str], ids: set[str]) -> None:
    """Assert that the rows with these ids are as before."""
    for table, content in before.items():
        for row in content.splitlines():
            if json.loads(row)["id"] in ids:
                assert row in after[table].splitlines(), table


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
