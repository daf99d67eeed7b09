"""Who approves the posts of a client: the rule, those whom it asks, and posts that would go around it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.problems import AppError, ValidationFailed
from clipcast.database.models.connections import Connection
from clipcast.database.models.people import Membership, User
from clipcast.database.models.workspaces import ApiKey
from clipcast.posts.refusals import reason_of
from clipcast.posts.reviewing import send_to_reviewers
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


WITHOUT_APPROVAL = ["posts:read", "posts:write", "connections:read", "connections:write"]


async def set_scopes(desk: Desk, *more: str) -> None:
    async with desk.stage.installation.database.begin() as session:
        await session.execute(update(ApiKey).values(scopes=[*WITHOUT_APPROVAL, *more]))


@pytest.mark.parametrize("rule_of_client", ["any", "all"])
async def test_who_may_not_approve_cannot_ask_for_less_than_the_rule(
    desk: Desk, client: str, rule_of_client: str
) -> None:
    """Neither with a link of its own, nor with others whose approval suffices; asking more people is free."""
    caller, theirs, own = desk.stage.caller, await link_of(desk, client), await link_of(desk, client)
    await rule(desk, client, rule_of_client, links=[theirs])
    for_any = {"members": [EMAIL]}, {"links": [theirs]}, {"members": [EMAIL], "links": [own], "rule": "all"}
    for_all = {"members": [EMAIL], "links": [theirs], "rule": "all"}
    everybody = {"members": [EMAIL], "links": [theirs, own], "rule": "all"}
    enough = [for_all, everybody, *(for_any if rule_of_client == "any" else ())]
    weak = [{"links": [own]}, {"members": [EMAIL], "links": [theirs, own], "rule": "any"}]
    weak += [] if rule_of_client == "any" else [*for_any, for_all | {"rule": "any"}]
    await set_scopes(desk)
    pending = (await caller.post("/posts", desk.body())).json()["post_id"]
    for review in weak:
        for refused in (
            await caller.post("/posts", desk.body(review=review)),
            await caller.post(f"/posts/{pending}/review", review),
        ):
            assert refused.status_code == 422, review
            assert {one["code"] for one in refused.json()["errors"]} == {"weaker_review"}, review
            assert "Casa Verde" in refused.text
        checked = await caller.post("/posts/validate", desk.body(review=review))
        assert "weaker_review" in {one["code"] for one in checked.json()["errors"]}, review
    for review in enough:
        assert (await caller.post("/posts", desk.body(review=review))).status_code == 201, review
        assert (await caller.post(f"/posts/{pending}/review", review)).status_code == 200, review
    await set_scopes(desk, "reviews:decide")
    for review in weak:
        assert (await caller.post("/posts", desk.body(review=review))).status_code == 201, review
    # Nobody is left to approve: then naming somebody else is less, too.
    await change_member(desk, role="viewer")
    await caller.call("DELETE", f"/review-links/{theirs}")
    await set_scopes(desk)
    refused = await caller.post("/posts", desk.body(review={"links": [own]}))
    assert {one["code"] for one in refused.json()["errors"]} == {"weaker_review"}


async def test_accounts_leave_a_rule_only_by_who_may_approve(desk: Desk, client: str) -> None:
    """Neither moving the account nor deleting the client is a way around the rule."""
    caller, moved = desk.stage.caller, f"/connections/{desk.accounts[0]}"
    await rule(desk, client)
    await set_scopes(desk)
    for refused in (
        await caller.call("PATCH", moved, json={"client_id": None}),
        await caller.call("DELETE", f"/clients/{client}"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "review_required")
    assert (await caller.call("PATCH", moved, json={"client_id": client})).status_code == 200
    await set_scopes(desk, "reviews:decide")
    assert (await caller.call("PATCH", moved, json={"client_id": None})).status_code == 200
    assert (await caller.call("DELETE", f"/clients/{client}")).status_code == 204


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
    # Nor with a review that others alone could end, unless the key may skip the review.
    await set_scopes(desk)
    await caller.post(f"/posts/{post}/review", {"links": [desk.link_id]})
    for refused in (
        await desk.patch(post, items=[{"id": item["id"]} | patch]),
        await caller.call("PATCH", f"/posts/{post}/items/{item['id']}", json=patch),
    ):
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["code"] == "weaker_review"
    await set_scopes(desk, "reviews:decide")
    back = {"id": item["id"], "connectionId": desk.accounts[0]}
    assert (await caller.call("PATCH", f"/posts/{post}/items/{item['id']}", json=patch)).status_code == 200
    assert (await desk.patch(post, items=[back])).status_code == 200
    assert (await desk.patch(post, items=[{"id": item["id"]} | patch])).status_code == 200
    assert (await desk.patch(post, items=[back])).status_code == 200
    await set_scopes(desk)
    await caller.post(f"/posts/{post}/review", {"members": [EMAIL]})
    assert (await desk.patch(post, items=[{"id": item["id"]} | patch])).status_code == 200
    assert (await desk.review(post))["state"] == "waiting"


async def test_post_is_sent_to_the_reviewers_of_its_client_or_to_chosen_ones(desk: Desk, client: str) -> None:
    caller, mine = desk.stage.caller, UUID(desk.stage.caller.workspace_id)
    post = (await caller.post("/posts", desk.body())).json()["post_id"]
    live = (await caller.post("/posts", desk.body(None))).json()["post_id"]
    await desk.stage.run_due()

    async def send(id: str, wanted: ReviewRequest | None = None) -> None:
        async with desk.stage.installation.database.begin() as session:
            await send_to_reviewers(session, mine, id, BY, wanted)

    with pytest.raises(ValidationFailed) as refused:
        await send(post)
    assert reason_of(refused.value).startswith("Its client has no reviewers.")
    await rule(desk, client)
    await send(post)
    assert (await desk.review(post))["reviewers"][0]["name"] == "Ana"
    with pytest.raises(ValidationFailed) as refused:
        await send(post, ReviewRequest(links=[desk.link_id], rule="all"))
    assert reason_of(refused.value).startswith("Posts of Casa Verde need the approval of one of its reviewers,")
    await send(post, ReviewRequest(members=[EMAIL], links=[desk.link_id], rule="all"))
    assert (await desk.review(post))["rule"] == "all"
    for id, reason in ((live, "it is going out or has gone out."), (str(new_id()), "it is gone.")):
        with pytest.raises(AppError) as left_out:
            await send(id)
        assert reason_of(left_out.value) == reason


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
