"""What is not approved is not sent: holding, approving, expiring, and asking again."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from clipcast.clock import clock
from clipcast.database.models.events import Event
from clipcast.database.models.reviews import ReviewLink
from clipcast.jobs.queue import promote
from clipcast.publishing.housekeeping import delete_expired
from clipcast.reviews.late import tell_late
from clipcast.testing.harness import Caller
from clipcast.workspaces.service import create_key
from tests.reviews.conftest import EMAIL, Desk, in_hours


async def test_unapproved_post_stays_pending_past_its_time_and_goes_out_at_a_new_one(desk: Desk) -> None:
    post = await desk.create(hours=2)
    assert (await desk.stage.show(post))["review"] == "waiting"
    clock.move(timedelta(days=3))  # far beyond CLIPCAST_MISSED_GRACE
    await desk.stage.run_all()
    shown = await desk.stage.show(post)
    assert (shown["status"], shown["review"], await desk.sent()) == ("pending", "expired", 0)
    late = await desk.approve(post)
    assert (late.json()["state"], late.json()["needs_time"]) == ("approved", True)
    await desk.stage.run_until_ended()
    assert await desk.sent() == 0  # an approval after the time sends nothing late
    assert (await desk.patch(post, scheduled_at=in_hours(1))).json()["review"] == "approved"
    await desk.stage.run_until_ended()
    assert ((await desk.stage.show(post))["status"], await desk.sent()) == ("completed", 2)


async def test_approved_post_goes_out_at_its_time_and_not_before(desk: Desk) -> None:
    post = await desk.create(hours=2)
    approved = (await desk.approve(post)).json()
    assert (approved["state"], approved["needs_time"]) == ("approved", False)
    assert approved["reviewers"][0]["decided_by"] == "test"
    await desk.stage.run_all()
    assert await desk.sent() == 0
    clock.move(timedelta(hours=2, seconds=1))
    await desk.stage.run_until_ended()
    assert await desk.sent() == 2


async def test_post_without_a_time_goes_out_when_it_is_approved(desk: Desk) -> None:
    post = await desk.create(hours=None)
    await desk.stage.run_all()
    assert await desk.sent() == 0
    await desk.approve(post)
    await desk.stage.run_until_ended()
    assert ((await desk.stage.show(post))["status"], await desk.sent()) == ("completed", 2)


async def test_publish_now_and_null_time_do_not_send_an_unapproved_post(desk: Desk) -> None:
    post = await desk.create()
    refused = await desk.stage.caller.post(f"/posts/{post}/publish")
    assert (refused.status_code, refused.json()["code"]) == (409, "post_in_review")
    moved = (await desk.patch(post, scheduled_at=None)).json()
    assert (moved["status"], moved["review"], moved["scheduled_at"]) == ("pending", "waiting", None)
    await desk.stage.run_all()
    assert await desk.sent() == 0
    await desk.approve(post)
    await desk.stage.run_until_ended()
    assert await desk.sent() == 2


async def test_change_of_words_clip_or_accounts_asks_again_and_a_new_time_does_not(desk: Desk) -> None:
    caller, post = desk.stage.caller, await desk.create()
    first, second = (one["id"] for one in (await desk.stage.show(post))["items"])
    other = await caller.upload(desk.stage.clip, "other.mp4")

    async def words() -> None:
        assert (await desk.retitle(post, "Ebb")).status_code == 200

    async def one_item() -> None:
        path = f"/posts/{post}/items/{first}"
        assert (await caller.call("PATCH", path, json={"editId": other})).status_code == 200

    async def fewer_accounts() -> None:
        assert (await caller.call("DELETE", f"/posts/{post}/items/{second}")).status_code == 204

    for revision, change in enumerate((words, one_item, fewer_accounts), 1):
        assert (await desk.approve(post)).json()["state"] == "approved"
        assert (await desk.patch(post, scheduled_at=in_hours(80 + revision))).json()["review"] == "approved"
        await change()
        shown = await desk.review(post)
        assert (shown["state"], shown["revision"]) == ("waiting", revision + 1)
        assert shown["reviewers"][0]["decision"] is None
        stale = await desk.approve(post, revision=revision)
        assert (stale.status_code, stale.json()["code"]) == (409, "review_changed")
        assert stale.json()["revision"] == revision + 1
    clock.move(timedelta(days=30))
    await desk.stage.run_all()
    assert await desk.sent() == 0
    unchanged = await desk.retitle(post, "Ebb")
    assert (unchanged.status_code, (await desk.review(post))["revision"]) == (200, 4)


async def test_everybody_must_approve_and_anybody_can_object(desk: Desk) -> None:
    post = await desk.create(members=[EMAIL], links=[desk.link_id], rule="all", message="The new cut is in.")
    assert [(one["kind"], one["name"]) for one in (await desk.review(post))["reviewers"]] == [
        ("member", "Ana"),
        ("link", "Casa Verde"),
    ]
    assert (await desk.approve(post, 0)).json()["state"] == "waiting"
    shown = await desk.review(post)
    wish = {"reviewer_id": shown["reviewers"][1]["id"], "revision": 1, "text": "Longer <b>please</b>"}
    objected = (await desk.act(post, "request-changes", wish)).json()
    assert objected["state"] == "changes_requested"
    assert [(one["text"], one["public"]) for one in objected["comments"]] == [("Longer <b>please</b>", True)]
    assert (await desk.approve(post, 1)).json()["state"] == "approved"
    # The latest decision counts, where anybody decides.
    other = await desk.create(members=[EMAIL], links=[desk.link_id])
    reviewers = (await desk.review(other))["reviewers"]
    assert (await desk.approve(other, 0)).json()["state"] == "approved"
    wish["reviewer_id"] = reviewers[1]["id"]
    assert (await desk.act(other, "request-changes", wish)).json()["state"] == "changes_requested"
    clock.move(timedelta(hours=73))
    await desk.stage.run_until_ended()
    assert ((await desk.stage.show(other))["review"], await desk.sent()) == ("expired", 2)


async def test_withdrawn_review_sends_nothing_until_it_is_sent_again_or_removed(desk: Desk) -> None:
    post = await desk.create(hours=2)
    await desk.approve(post)
    assert (await desk.act(post, "withdraw")).json()["state"] == "withdrawn"
    refused = await desk.approve(post)
    assert (refused.status_code, refused.json()["code"]) == (409, "review_withdrawn")
    assert (await desk.retitle(post, "Ebb")).json()["review"] == "withdrawn"
    clock.move(timedelta(hours=3))
    await desk.stage.run_all()
    assert await desk.sent() == 0
    path = f"/posts/{post}/review"
    late = await desk.stage.caller.call("DELETE", path)
    assert (late.status_code, late.json()["code"]) == (409, "review_expired")
    await desk.patch(post, scheduled_at=in_hours(1))
    again = await desk.stage.caller.post(path, {"members": [EMAIL]})
    assert (again.json()["state"], [one["name"] for one in again.json()["reviewers"]]) == ("waiting", ["Ana"])
    assert (await desk.stage.caller.call("DELETE", path)).status_code == 204
    assert (await desk.stage.show(post))["review"] is None
    await desk.stage.run_until_ended()
    assert await desk.sent() == 2


async def test_scheduled_post_is_sent_for_review_and_a_begun_one_is_not(desk: Desk) -> None:
    caller = desk.stage.caller
    post = (await caller.post("/posts", desk.body())).json()["post_id"]
    assert (await desk.stage.show(post))["review"] is None
    assert (await caller.get(f"/posts/{post}/review")).status_code == 404
    sent = await caller.post(f"/posts/{post}/review", {"links": [desk.link_id]})
    assert (sent.status_code, sent.json()["state"], sent.json()["requested_by"]) == (200, "waiting", "test")
    clock.move(timedelta(days=4))
    await desk.stage.run_all()
    assert await desk.sent() == 0
    begun = (await caller.post("/posts", desk.body(None, allow_duplicate=True))).json()["post_id"]
    late = await caller.post(f"/posts/{begun}/review", {"links": [desk.link_id]})
    assert (late.status_code, late.json()["code"]) == (409, "post_not_pending")


async def test_item_of_a_begun_approved_post_is_moved_but_not_changed(desk: Desk) -> None:
    """A worker has claimed one item, the other still waits: nobody has approved another text for it."""
    post = await desk.create(hours=1)
    await desk.approve(post)
    clock.move(timedelta(hours=1, seconds=1))
    await promote(desk.stage.installation.database)
    await desk.stage.claim(limit=1)
    [waiting] = [one["id"] for one in (await desk.stage.show(post))["items"] if one["status"] == "pending"]
    change = {"metadata": {"youtube": {"title": "Never seen"}}}
    caller = desk.stage.caller
    for refused in (
        await desk.patch(post, items=[{"id": waiting} | change]),
        await caller.call("PATCH", f"/posts/{post}/items/{waiting}", json=change),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "post_approved")
    assert (await desk.act(post, "withdraw")).json()["code"] == "post_not_pending"
    assert (await desk.patch(post, scheduled_at=in_hours(1))).status_code == 200


async def test_problems_of_a_request_for_review_are_reported_with_all_others(desk: Desk) -> None:
    caller = desk.stage.caller
    stranger = "0198c7a4-b185-7c46-8d3f-5e6f7a8b9c0d"
    review = {"members": ["nobody@example.org", EMAIL], "links": [stranger, "x"]}
    body = desk.body(review=review) | {"scheduled_at": "2020-01-01T00:00:00Z"}
    for path in ("/posts", "/posts/validate"):
        problems = (await caller.post(path, body)).json()["errors"]
        assert [(one["path"], one["code"]) for one in problems] == [
            ("/scheduled_at", "in_the_past"),
            ("/review/members/0", "not_found"),
            ("/review/links/0", "not_found"),
            ("/review/links/1", "not_found"),
        ]
    for wrong, code in (({}, "no_reviewer"), ({"rule": "most", "links": [desk.link_id]}, "not_allowed")):
        [problem] = (await caller.post("/posts", desk.body(review=wrong))).json()["errors"]
        assert problem["path"].startswith("/review"), problem
        assert problem["code"] == code
    assert (await caller.get("/posts")).json()["pagination"]["total_count"] == 0


async def test_lists_show_reviews_by_state(desk: Desk) -> None:
    caller = desk.stage.caller
    waiting, approved, late = await desk.create(50), await desk.create(60), await desk.create(1)
    await desk.approve(approved)
    clock.move(timedelta(hours=2))
    found = (await caller.get("/reviews")).json()
    assert [(one["post_id"], one["state"]) for one in found["reviews"]] == [
        (late, "expired"),
        (approved, "approved"),
        (waiting, "waiting"),
    ]
    for state, post in (("waiting", waiting), ("approved", approved), ("expired", late)):
        page = (await caller.get("/reviews", params={"state": state})).json()
        assert ([one["post_id"] for one in page["reviews"]], page["pagination"]["total_count"]) == ([post], 1)
    summaries = {one["post_id"]: one["review"] for one in (await caller.get("/posts")).json()["posts"]}
    assert summaries == {waiting: "waiting", approved: "approved", late: "expired"}


async def test_only_a_key_with_the_scope_decides(desk: Desk) -> None:
    post = await desk.create()
    reviewer = (await desk.review(post))["reviewers"][0]["id"]
    async with desk.stage.installation.database.begin() as session:
        _, key = await create_key(session, "writer", [UUID(desk.stage.caller.workspace_id)], ("posts:write",))
    writer = Caller(desk.stage.caller.http, key, desk.stage.caller.workspace_id)
    body = {"reviewer_id": reviewer, "revision": 1}
    assert (await writer.post(f"/posts/{post}/review/approve", body)).json()["code"] == "scope_missing"
    assert (await writer.call("DELETE", f"/posts/{post}/review")).json()["code"] == "scope_missing"
    foreign = await Caller.create(desk.stage.installation, desk.stage.caller.http, "Other")
    for method, path, sent in (
        ("GET", f"/posts/{post}/review", None),
        ("POST", f"/posts/{post}/review/approve", body),
        ("POST", f"/posts/{post}/review/withdraw", None),
        ("POST", f"/posts/{post}/review", {"links": [desk.link_id]}),
        ("DELETE", f"/review-links/{desk.link_id}", None),
    ):
        assert (await foreign.call(method, path, json=sent)).status_code == 404, path
    assert (await foreign.get("/review-links")).json() == {"links": []}
    wrong = {"reviewer_id": post, "revision": 1}
    assert (await desk.act(post, "approve", wrong)).status_code == 404


async def test_people_are_told_an_hour_before_and_when_the_time_has_passed(desk: Desk) -> None:
    caller, database = desk.stage.caller, desk.stage.installation.database
    await caller.post("/webhooks", {"url": "https://hooks.example.org/x"})
    post, _ = await desk.create(hours=5), await desk.create(hours=30)
    done = await desk.create(hours=5)
    await desk.approve(done)

    async def events() -> list[tuple[str, str]]:
        async with database.session() as session:
            query = select(Event.type, Event.data).where(Event.type.like("review.expir%")).order_by(Event.sequence)
            return [(type, data["post_id"]) for type, data in await session.execute(query)]

    assert await tell_late(database) == 0
    clock.move(timedelta(hours=4, minutes=1))
    assert [await tell_late(database), await tell_late(database)] == [1, 0]
    clock.move(timedelta(hours=1))
    assert [await tell_late(database), await tell_late(database)] == [1, 0]
    assert await events() == [("review.expiring", post), ("review.expired", post)]
    await desk.patch(post, scheduled_at=in_hours(0.5))
    assert await tell_late(database) == 1  # of the new time
    assert [type for type, _ in await events()][-1] == "review.expiring"


async def test_links_that_have_ended_are_deleted_but_for_those_of_a_review(desk: Desk) -> None:
    """A link is kept for a day after its end, and as long as a post was sent with it."""
    caller, installation = desk.stage.caller, desk.stage.installation
    await desk.create()
    revoked, unused = [(await caller.post("/review-links", {"name": name})).json()["id"] for name in ("one", "two")]
    await caller.call("DELETE", f"/review-links/{revoked}")

    async def left_after(moved: timedelta) -> set[str]:
        clock.move(moved)
        await delete_expired(installation.database, installation.storage)
        async with installation.database.session() as session:
            return {str(id) for id in await session.scalars(select(ReviewLink.id))}

    assert await left_after(timedelta(hours=23)) == {desk.link_id, revoked, unused}
    assert await left_after(timedelta(hours=2)) == {desk.link_id, unused}
    assert await left_after(timedelta(days=13)) == {desk.link_id, unused}
    assert await left_after(timedelta(days=1)) == {desk.link_id}
