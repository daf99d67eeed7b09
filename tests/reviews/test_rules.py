"""Who approves the posts of a client: the rule, those whom it asks, and posts that would go around it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.connections import Connection
from clipcast.database.models.people import Membership, User
from clipcast.database.models.workspaces import ApiKey
from clipcast.posts.reviewing import SentMany, send_many
from clipcast.reviews.schemas import ReviewRequest
from tests.reviews.conftest import EMAIL, Desk

BY = Actor("command", UUID(int=0), "test", "")


@pytest.fixture
async def client(desk: Desk) -> str:
    """Return the id of a client that has both accounts."""
    made = await desk.stage.caller.post("/clients", {"name": "Casa Verde", "timezone": "Europe/Lisbon"})
    assert made.json()["review"] == {"rule": "none", "members": [], "links": []}
    for id in desk.accounts:
        await desk.stage.caller.call("PATCH", f"/connections/{id}", json={"client_id": made.json()["id"]})
    return str(made.json()["id"])


async def rule(desk: Desk, client: str, rule: str = "any", **more: Any) -> Any:
    """Set the rule of a client, by default with the member of the desk, and return the response."""
    body = {"review": {"rule": rule, "members": [EMAIL]} | more}
    return await desk.stage.caller.call("PATCH", f"/clients/{client}", json=body)


async def link_of(desk: Desk, client: str) -> str:
    made = await desk.stage.caller.post("/review-links", {"name": "Casa Verde", "client_id": client})
    assert made.json()["client_id"] == client
    return str(made.json()["id"])


async def change_member(desk: Desk, **columns: Any) -> None:
    async with desk.stage.installation.database.begin() as session:
        [user] = await session.scalars(select(User.id).where(User.email == EMAIL))
        await session.execute(update(Membership).where(Membership.user_id == user).values(**columns))


async def test_posts_of_a_client_are_sent_for_review_by_its_rule(desk: Desk, client: str) -> None:
    """A post without `review` waits for all reviewers of its client; it is never sent before."""
    link = await link_of(desk, client)
    set_to = await rule(desk, client, "all", links=[link])
    assert set_to.json()["review"] == {"rule": "all", "members": [EMAIL], "links": [link]}
    for body in (desk.body(), desk.body(None)):
        made = await desk.stage.caller.post("/posts", body)
        assert (made.status_code, made.json()["status"]) == (201, "pending")
        post = made.json()["post_id"]
        review = await desk.review(post)
        assert (review["rule"], [one["kind"] for one in review["reviewers"]]) == ("all", ["member", "link"])
        await desk.stage.run_due()
        assert await desk.sent() == 0
        await desk.approve(post, 0)
        assert (await desk.review(post))["state"] == "waiting"
        await desk.approve(post, 1)
        assert (await desk.review(post))["state"] == "approved"
    # A body that names its reviewers itself asks those.
    own = await desk.create(links=[link], rule="any")
    assert [one["kind"] for one in (await desk.review(own))["reviewers"]] == ["link"]
    await rule(desk, client, "none", members=[])
    assert (await desk.stage.caller.post("/posts", desk.body())).json()["status"] == "pending"
    assert (await desk.stage.caller.get("/reviews")).json()["pagination"]["total_count"] == 3


@pytest.mark.parametrize("gone", [{"role": "viewer"}, {"client_ids": []}, {"workspace_id": None}])
async def test_rule_without_anybody_left_lets_nothing_out(desk: Desk, client: str, gone: dict[str, Any]) -> None:
    """A reviewer who became a viewer, sees other clients, or left cannot approve; then no post is made."""
    await rule(desk, client)
    if "workspace_id" in gone:
        async with desk.stage.installation.database.begin() as session:
            [user] = await session.scalars(select(User).where(User.email == EMAIL))
            await session.delete(await session.get_one(Membership, (user.id, UUID(desk.stage.caller.workspace_id))))
    else:
        await change_member(desk, **gone)
    refused = await desk.stage.caller.post("/posts", desk.body())
    assert refused.status_code == 422
    assert [(one["path"], one["code"]) for one in refused.json()["errors"]] == [("/review", "no_reviewer")]
    checked = await desk.stage.caller.post("/posts/validate", desk.body())
    assert "no_reviewer" in checked.text
    again = await rule(desk, client)
    assert again.json()["errors"][0]["path"] == "/review/members/0"
    named = await desk.stage.caller.post("/posts", desk.body(review={"members": [EMAIL]}))
    assert named.json()["errors"][0]["path"] == "/review/members/0"


async def test_rule_needs_reviewers_the_scope_and_links_of_its_own_client(desk: Desk, client: str) -> None:
    for wrong, path in (
        ({"members": [], "links": []}, "/review"),
        ({"members": ["nobody@example.org"]}, "/review/members/0"),
        ({"links": [desk.link_id]}, "/review/links/0"),
        ({"links": ["x"]}, "/review/links/0"),
        ({"rule": "most"}, "/review/rule"),
    ):
        refused = await rule(desk, client, **wrong)
        assert refused.status_code == 422, wrong
        assert path in {one["path"] for one in refused.json()["errors"]}, wrong
    link = await link_of(desk, client)
    async with desk.stage.installation.database.begin() as session:
        await session.execute(update(ApiKey).values(scopes=["posts:write", "connections:read"]))
    refused = await rule(desk, client, links=[link])
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    made = {"name": "Another", "timezone": "UTC", "review": {"rule": "any", "members": [EMAIL]}}
    assert (await desk.stage.caller.post("/clients", made)).status_code == 403


async def test_link_of_a_client_shows_only_its_posts_and_lives_on_with_each(desk: Desk, client: str) -> None:
    """It cannot be asked about a post of another client, and an account that moves away takes its post along."""
    caller = desk.stage.caller
    made = await caller.post("/review-links", {"name": "Casa Verde", "client_id": client})
    link, url = made.json()["id"], made.json()["url"].removeprefix(desk.stage.installation.settings.public_base)
    post = await desk.create(links=[link])
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert "Tide" in (await caller.http.get(url, headers=headers)).text
    async with desk.stage.installation.database.begin() as session:
        moved = update(Connection).where(Connection.id == UUID(desk.accounts[0]))
        await session.execute(moved.values(client_id=None))
    page = await caller.http.get(url, headers=headers)
    assert (page.status_code, "Tide" in page.text) == (200, False)
    refused = await caller.post("/posts", desk.body(review={"links": [link]}))
    assert refused.json()["errors"][0]["path"] == "/review/links/0"
    refused = await caller.post(f"/posts/{post}/review", {"links": [link]})
    assert refused.status_code == 422
    async with desk.stage.installation.database.begin() as session:
        await session.execute(moved.values(client_id=UUID(client)))
    clock.move(timedelta(days=13))
    await desk.create(hours=72, links=[link])
    clock.move(timedelta(days=13))
    assert (await caller.http.get(url, headers=headers)).status_code == 200
    clock.move(timedelta(days=1, minutes=1))
    assert (await caller.http.get(url, headers=headers)).status_code == 404
    assert (await caller.post("/review-links", {"name": "x", "client_id": str(new_id())})).status_code == 404


async def test_account_of_a_client_with_a_rule_cannot_slip_into_a_post(desk: Desk, client: str) -> None:
    """Neither a change of one item nor of the whole post moves an item there without a review."""
    caller = desk.stage.caller
    await caller.call("PATCH", f"/connections/{desk.accounts[0]}", json={"client_id": None})
    target = {"connectionId": desk.accounts[0], "metadata": {"youtube": {"title": "Tide"}}}
    body = desk.body() | {"videos": [{"editId": desk.edit, "targets": [target]}]}
    post = (await caller.post("/posts", body)).json()["post_id"]
    await rule(desk, client)
    [item] = (await desk.stage.show(post))["items"]
    patch = {"connectionId": desk.accounts[1]}
    for refused in (
        await desk.patch(post, items=[{"id": item["id"]} | patch]),
        await caller.call("PATCH", f"/posts/{post}/items/{item['id']}", json=patch),
    ):
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["code"] == "no_reviewer"
    assert (await desk.stage.show(post))["items"][0]["connection_id"] == desk.accounts[0]
    await caller.post(f"/posts/{post}/review", {"members": [EMAIL]})
    assert (await desk.patch(post, items=[{"id": item["id"]} | patch])).status_code == 200
    assert (await desk.review(post))["state"] == "waiting"


async def test_many_posts_are_sent_and_each_refusal_has_its_reason(desk: Desk, client: str) -> None:
    caller, database = desk.stage.caller, desk.stage.installation.database
    posts = [UUID((await caller.post("/posts", desk.body(hours=24 + number))).json()["post_id"]) for number in range(3)]
    live = UUID((await caller.post("/posts", desk.body(None))).json()["post_id"])
    await desk.stage.run_due()
    unknown, mine = new_id(), UUID(caller.workspace_id)

    async def send(wanted: ReviewRequest | None = None) -> SentMany:
        return await send_many(database, mine, [*posts, live, unknown], BY, wanted)

    found = await send()
    assert found.sent == []
    assert {why.split(".")[0] for id, why in found.refused.items() if id in posts} == {"Its client has no reviewers"}
    await rule(desk, client)
    found = await send()
    assert found.sent == posts
    assert found.refused == {live: "It is going out or has gone out.", unknown: "It is gone."}
    assert (await desk.review(str(posts[0])))["reviewers"][0]["name"] == "Ana"
    found = await send(ReviewRequest(links=[desk.link_id], rule="all"))
    assert found.sent == posts
    assert (await desk.review(str(posts[2])))["rule"] == "all"


async def test_post_over_several_clients_needs_a_reviewer_of_each_rule_who_sees_all(desk: Desk, client: str) -> None:
    """A link, or a member of one client, cannot approve it: the post is refused for each client without anybody."""
    caller = desk.stage.caller
    made = await caller.post("/clients", {"name": "Quinta Azul", "timezone": "Europe/Lisbon"})
    other = made.json()["id"]
    await caller.call("PATCH", f"/connections/{desk.accounts[1]}", json={"client_id": other})
    await rule(desk, client, members=[], links=[await link_of(desk, client)])
    await rule(desk, other)

    async def refused_for() -> list[str]:
        refused = await caller.post("/posts", desk.body())
        assert {one["code"] for one in refused.json()["errors"]} == {"no_reviewer"}
        return [one["message"].split(" need ")[0] for one in refused.json()["errors"]]

    assert await refused_for() == ["Posts of Casa Verde"]
    await rule(desk, client)
    await change_member(desk, client_ids=[UUID(client), UUID(other)])
    post = (await caller.post("/posts", desk.body())).json()["post_id"]
    assert [one["name"] for one in (await desk.review(post))["reviewers"]] == ["Ana"]
    await change_member(desk, client_ids=[UUID(client)])
    assert await refused_for() == ["Posts of Casa Verde", "Posts of Quinta Azul"]
    await rule(desk, other, "none", members=[])
    assert await refused_for() == ["Posts of Casa Verde"]
    # An account of no client: only who sees everything sees the post.
    await caller.call("PATCH", f"/connections/{desk.accounts[1]}", json={"client_id": None})
    assert await refused_for() == ["Posts of Casa Verde"]
    await change_member(desk, client_ids=None)
    assert (await caller.post("/posts", desk.body())).json()["status"] == "pending"
