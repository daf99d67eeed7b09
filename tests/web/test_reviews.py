"""The pages of reviews: sending, deciding, and the page of a link for people without a sign-in."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.audit import AuditEntry
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from tests.web.browser import sent as fields_of
from tests.web.conftest import Visitor, form

MARKUP = "<script>alert(1)</script> مرحبا 🌊 " + "x" * 120


@pytest.fixture
async def post(owner: Visitor, desk: dict[str, Any]) -> str:
    """Return the path of a scheduled post."""
    sent = form(desk, when="later", at=f"{some_day()}T18:30", text=MARKUP)
    return str((await owner.post(f"./compose/{new_id()}/send", sent)).headers["hx-redirect"])


async def send_by_link(owner: Visitor, post: str, **more: object) -> str:
    """Send the post for review with a new link, and return the link's path."""
    sent = await owner.post(f"{post}/review", {"review.new_link": "Casa Verde"} | more)
    assert sent.status_code == 200, sent.text
    return "/r/" + re.findall(r'id="review-link">http[^<]+/r/([\w-]+)<', sent.text)[0]


def hidden(page: str) -> tuple[str, str]:
    """Return the address of the page's form without its action, and the revision that it shows."""
    path = re.findall(r'action="(/r/[\w-]+/[\w-]+)/', page)[0]
    return path, re.findall(r'name="revision" value="(\d+)"', page)[0]


async def state_of(owner: Visitor, post: str) -> str:
    page = (await owner.get("./review/" + post.rsplit("/", 1)[1])).text
    return re.findall(r'<article class="one".*?<span class="pill \w+">.*?<span>([^<]+)</span>', page, re.DOTALL)[0]


async def test_client_approves_without_a_script_takes_back_and_asks_for_a_change(
    owner: Visitor, visitors: Callable[[], Visitor], post: str, installation: Installation
) -> None:
    link = await send_by_link(owner, post, **{"review.message": "New cut"})
    client = visitors()
    client.headers = {}  # over http, browsers name no site
    answer = await client.get(link)
    page = answer.text
    assert answer.status_code == 200
    assert "<script" not in page
    assert "script-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; مرحبا 🌊" in page
    assert "from <bdi>Night Bakery</bdi>" in page
    for private in ("/w/", "clip.mp4.", "owner@example.org", "harbour.films"):
        assert private not in page, private
    assert "Casa Verde" in page
    assert "1 post for you to review" in page
    assert "Approve it, or say what to change." in page
    # The video and its picture open without a sign-in, for an hour.
    [video] = re.findall(r'src="(/files/[^"]+)"', page)
    assert (await client.get(video)).status_code == 200
    path, revision = hidden(page)
    nameless = await client.post(f"{path}/approve", {"revision": revision})
    assert nameless.status_code == 422
    assert "Write your name" in nameless.text
    for name in ("x" * 200, "\u202e", " "):
        assert (await client.post(f"{path}/approve", {"revision": revision, "name": name})).status_code == 422
    approved = await client.post(f"{path}/approve", {"revision": revision, "name": "Zoë 🌊 مرحبا"}, Origin="null")
    assert approved.status_code == 303
    assert approved.headers["referrer-policy"] == "no-referrer"
    assert await state_of(owner, post) == "Approved"
    page = (await client.get(link)).text
    assert "You approved it" in page
    assert "Zoë 🌊 مرحبا" in page  # kept in the cookie
    assert 'name="name"' not in page
    assert (await client.post(f"{path}/take-back", {"revision": revision})).status_code == 303
    assert await state_of(owner, post) == "In review"
    empty = await client.post(f"{path}/changes", {"revision": revision, "text": " ", "at": "soon"})
    assert empty.status_code == 422
    assert "such as 0:14" in empty.text
    wish = {"revision": revision, "text": "<b>Longer</b> & slower", "at": "0:01"}
    assert (await client.post(f"{path}/changes", wish)).status_code == 303
    assert await state_of(owner, post) == "Changes asked for"
    seen = (await owner.get("./review/" + post.rsplit("/", 1)[1])).text
    assert "&lt;b&gt;Longer&lt;/b&gt; &amp; slower" in seen
    assert 'data-second="1.0">at 0:01<' in seen
    async with installation.database.session() as session:
        query = select(AuditEntry.actor_kind, AuditEntry.actor_name, AuditEntry.action).order_by(AuditEntry.id)
        entries = [tuple(row) for row in await session.execute(query.where(AuditEntry.action.like("review.%")))]
    assert entries == [
        ("user", "Harbour Owner", "review.requested"),
        ("link", "Zoë 🌊 مرحبا", "review.approved"),
        ("link", "Zoë 🌊 مرحبا", "review.taken_back"),
        ("link", "Zoë 🌊 مرحبا", "review.changes_requested"),
    ]


async def test_open_page_keeps_its_post_when_others_come_and_it_leaves_the_list(
    owner: Visitor, visitors: Callable[[], Visitor], desk: dict[str, Any], post: str
) -> None:
    """A comment that is being written, and the key of Approve, belong to the post that the page shows."""
    link = await send_by_link(owner, post)
    page = (await owner.get("./review")).text
    [refresh] = re.findall(r'id="live"[^>]* hx-get="([^"]+)"', page)
    own = f'action="{owner.base}/review/{post.rsplit("/", 1)[1]}/comments"'
    assert own in page
    newer = form(desk, when="later", at=f"{some_day()}T19:30", text="Newer")
    later = str((await owner.post(f"./compose/{new_id()}/send", newer)).headers["hx-redirect"])
    await send_by_link(owner, later)
    assert own not in (await owner.get("./review")).text
    page = (await owner.get(refresh.replace("&amp;", "&"))).text
    assert own in page
    assert "review chosen" not in page
    client = visitors()
    path, revision = hidden((await client.get(link)).text)
    await client.post(f"{path}/approve", {"revision": revision, "name": "Zoë"})
    page = (await owner.get(refresh.replace("&amp;", "&"))).text
    assert own in page
    assert page.count('class="title" href="') == 1  # the list of what waits
    # A post that was removed gives its place to the first one.
    assert "Newer" in (await owner.get(f"./review?shown={new_id()}")).text


async def test_second_person_of_a_link_does_not_act_as_the_first(
    owner: Visitor, visitors: Callable[[], Visitor], post: str
) -> None:
    link, first, second = await send_by_link(owner, post), visitors(), visitors()
    path, revision = hidden((await first.get(link)).text)
    await first.post(f"{path}/approve", {"revision": revision, "name": "Zoë"})
    assert 'name="name"' in (await second.get(link)).text
    said = {"revision": revision, "text": "Late?"}
    nameless = await second.post(f"{path}/comment", said)
    assert nameless.status_code == 422
    assert "Write your name" in nameless.text
    back = await second.post(f"{path}/take-back", {"revision": revision})
    assert back.status_code == 303
    assert "set-cookie" not in back.headers
    assert await state_of(owner, post) == "In review"
    assert (await second.post(f"{path}/comment", said | {"name": "Ben"})).status_code == 303
    page = (await second.get(link)).text
    assert "Ben" in page
    assert "You are <bdi>Ben</bdi>" in page


async def test_link_that_is_guessed_revoked_expired_or_another_clients_shows_the_same_page(
    owner: Visitor, visitors: Callable[[], Visitor], desk: dict[str, Any], post: str
) -> None:
    link, client = await send_by_link(owner, post), visitors()
    mine, revision = hidden((await client.get(link)).text)
    other_post = form(desk, when="later", at=f"{some_day(1)}T18:30", text="For another client")
    second = str((await owner.post(f"./compose/{new_id()}/send", other_post)).headers["hx-redirect"])
    other = await send_by_link(owner, second, **{"review.new_link": "Harbour"})
    page = (await client.get(other)).text
    assert "For another client" in page
    assert "مرحبا" not in page
    theirs, _ = hidden(page)
    gone = (await client.get("/r/" + "A" * 43)).text
    approval = {"revision": revision, "name": "Zoë"}
    crossed = f"{link}/{theirs.rsplit('/', 1)[1]}/approve"  # my link, their post
    for answer in (
        await client.get("/r/x"),
        await client.post(f"/r/{'A' * 43}/{new_id()}/approve", approval),
        await client.post(crossed, approval),
        await client.post(f"{link}/nothing/approve", approval),
        await client.post(f"{mine}/delete", approval),
    ):
        assert (answer.status_code, answer.text) == (404, gone)
    assert await state_of(owner, second) == "In review"
    # Withdrawn: the post is not on the page any more.
    await owner.post("./review/" + post.rsplit("/", 1)[1] + "/withdraw")
    assert "مرحبا" not in (await client.get(link)).text
    assert (await client.post(f"{mine}/approve", approval)).status_code == 404
    assert await state_of(owner, post) == "Review withdrawn"
    # Revoked, and expired.
    [first, _] = re.findall(r'action="[^"]+(/review/links/[\w-]+/revoke)"', (await owner.get("./review/links")).text)
    await owner.post("." + first)
    assert ((await client.get(other)).status_code, (await client.get(other)).text) == (404, gone)
    clock.move(timedelta(days=14, minutes=1))
    assert ((await client.get(link)).status_code, (await client.get(link)).text) == (404, gone)


async def test_post_whose_only_link_is_revoked_says_that_nobody_can_approve_it(owner: Visitor, post: str) -> None:
    await send_by_link(owner, post)
    links = (await owner.get("./review/links")).text
    assert "Its page is gone at once. 1 post waits for this approval. It is not sent until" in links
    shown = "./review/" + post.rsplit("/", 1)[1]
    assert "Nobody can approve it" not in (await owner.get(shown)).text
    await owner.post("." + re.findall(r'action="[^"]+(/review/links/[\w-]+/revoke)"', links)[0])
    page = (await owner.get(shown)).text
    assert "Nobody can approve it any more" in page
    assert f'<a class="button" href="{post}/review">' in page
    assert "if it is approved by then" not in page
    # Somebody else is asked, and can.
    await owner.post(post + "/review", {"review.member": "owner@example.org", "review.rule": "any"})
    assert "Nobody can approve it" not in (await owner.get(shown)).text


async def test_post_that_nobody_can_approve_says_so_and_needs_somebody(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], post: str
) -> None:
    """Its link is revoked, its link expires, its last reviewer is removed or becomes a viewer, one of all is gone."""
    await invited("reviewer")
    id = post.rsplit("/", 1)[1]
    member = re.findall(r"/settings/members/([\w-]+)/remove", (await owner.get("./settings")).text)[-1]
    reviewer = {"review.member": ["new-reviewer@example.org"]}

    async def is_stuck() -> bool:
        pages = [(await owner.get(path)).text for path in (f"./review/{id}", post, ".")]
        found = {"Nobody can approve it any more" in page for page in pages}
        assert len(found) == 1
        assert ("if it is approved by then" in pages[0]) != found.copy().pop()
        again = f'href="{post}/review"'
        assert {again in page.partition('class="talk"')[0] for page in pages[1:]} == found
        assert (f'id="unapproved-{id}"' in pages[2]) == ('<span class="count bad">1</span>' in pages[2])
        return found.pop()

    async def revoke() -> None:
        [address] = re.findall(
            r'action="[^"]+(/review/links/[\w-]+/revoke)" data-confirm="[^"]* 1 post waits for this approval',
            (await owner.get("./review/links")).text,
        )
        await owner.post("." + address)

    await send_by_link(owner, post)
    assert not await is_stuck()
    await revoke()
    assert await is_stuck()
    talk = (await owner.get(f"./review/{id}")).text.partition('<ul class="comments">')[2].partition("</ul>")[0]
    assert re.search(r'<li class="event">.*The link for <bdi>Casa Verde</bdi> has ended · <time', talk)
    await send_by_link(owner, post, **reviewer)
    assert not await is_stuck()
    await revoke()
    assert not await is_stuck()  # the member still can
    await send_by_link(owner, post, **reviewer, **{"review.rule": "all"})
    assert not await is_stuck()
    await revoke()
    assert await is_stuck()
    await owner.post(f"{post}/review", reviewer)
    assert not await is_stuck()
    assert "1 post waits for this approval." in (await owner.get("./settings")).text
    await owner.post(f"./settings/members/{member}", {"role": "viewer"})
    assert await is_stuck()
    await owner.post(f"./settings/members/{member}", {"role": "reviewer"})
    assert not await is_stuck()
    await owner.post(f"./settings/members/{member}/remove")
    assert await is_stuck()
    await send_by_link(owner, post)
    assert not await is_stuck()
    clock.move(timedelta(days=15))
    await owner.sign_in()
    page = (await owner.get(f"./review/{id}")).text
    assert "Nobody can approve it any more" in page
    assert f'id="unapproved-{id}"' in (await owner.get(".")).text


async def test_edit_in_compose_asks_again_keeps_the_comments_and_a_new_time_does_not(
    owner: Visitor, visitors: Callable[[], Visitor], desk: dict[str, Any], post: str
) -> None:
    link, client = await send_by_link(owner, post), visitors()
    path, revision = hidden((await client.get(link)).text)
    await client.post(f"{path}/comment", {"revision": revision, "name": "Zoë", "text": "Nice one"})
    await client.post(f"{path}/approve", {"revision": revision})

    async def edit(where: str, **changes: object) -> str:
        draft = (await owner.post(where + "/edit")).headers["location"]
        shown = (await owner.get(draft)).text
        names = ("page", "version", "replaces", "replaces_version")
        kept = {name: re.findall(f'<input type="hidden" name="{name}" value="([^"]*)">', shown)[0] for name in names}
        sent = form(desk, when="later", at=f"{some_day()}T18:30", text=MARKUP) | kept | changes
        return str((await owner.post(draft + "/send", sent)).headers["hx-redirect"])

    moved = await edit(post, at=f"{some_day(3)}T09:00")
    assert await state_of(owner, moved) == "Approved"
    changed = await edit(moved, text="Other words")
    assert await state_of(owner, changed) == "In review"
    stale = await client.post(f"{path}/approve", {"revision": revision})
    # The view moves to the words, where the notice is, and the notice is at the buttons, too.
    where, _, view = stale.headers["location"].partition("#")
    assert "said=changed" in where
    shown = (await client.get(where)).text
    assert view == f"words-{path.rsplit('/', 1)[1]}"
    _, beside = shown.split('<article class="card for-review"')
    assert beside.count("has changed since you opened it") == 2 == shown.count("has changed since you opened it")
    assert beside.index("has changed") > beside.index(f'role="alert" id="{view}"')
    assert beside.rindex("has changed") > beside.index("Other words") < beside.index('class="decision"')
    page = (await client.get(link)).text
    assert "Other words" in page
    assert "Nice one" in page
    again, revision = hidden(page)
    assert again == path
    await client.post(f"{path}/approve", {"revision": revision})
    assert await state_of(owner, changed) == "Approved"


async def test_forms_of_a_link_keep_the_view_at_their_problems(
    owner: Visitor, visitors: Callable[[], Visitor], post: str
) -> None:
    """The page has no script: the part behind # of a form's address keeps the view, also without a redirect."""
    page = (await visitors().get(await send_by_link(owner, post))).text
    view = "#" + re.findall(r'class="decision" id="([^"]+)"', page)[0]
    addresses = re.findall(r'action="(/r/[^"]+)"', page)
    assert len(addresses) == 3
    assert [one for one in addresses if not one.endswith(view)] == []


async def test_time_of_a_comment_is_in_the_clip(owner: Visitor, visitors: Callable[[], Visitor], post: str) -> None:
    """Seconds end at 59, and no comment is about a time after the end, by a link and by a member."""
    link, client = await send_by_link(owner, post), visitors()
    path, revision = hidden((await client.get(link)).text)
    said = {"revision": revision, "name": "Zoë", "text": "There"}
    own = "./review/" + post.rsplit("/", 1)[1]
    for at, problem in (("9:99", "such as 0:14"), ("99:00", "The clip is 0:04 long."), ("6", "The clip is 0:04 long.")):
        for answer in (
            await client.post(f"{path}/comment", said | {"at": at}),
            await client.post(f"{path}/changes", said | {"at": at}),
            await owner.post(f"{own}/comments", said | {"at": at}),
            await owner.post(f"{own}/changes", said | {"at": at}),
        ):
            assert answer.status_code == 422, at
            assert 'name="at"' in answer.text
            assert re.search(rf'class="problem" id="[^"]+-problem" role="alert">[^<]*{problem}', answer.text), at
    assert (await client.post(f"{path}/comment", said | {"at": "0:04"})).status_code == 303


async def test_named_members_decide_and_others_do_not(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], post: str
) -> None:
    viewer, reviewer = await invited("viewer"), await invited("reviewer")
    id = post.rsplit("/", 1)[1]
    nobody = await owner.post(f"{post}/review", {"review.rule": "all"})
    assert nobody.status_code == 422
    assert "Choose who must approve it." in nobody.text
    assert f'href="{post}/review"' in (await owner.get(post)).text
    assert "Publish now" in (await owner.get(post)).text
    form_page = (await owner.get(f"{post}/review")).text
    assert "new-reviewer@example.org" in form_page
    assert "new-viewer@example.org" not in form_page  # viewers only read
    asked = await owner.post(f"{post}/review", {"review.member": ["new-viewer@example.org"]})
    assert "is a viewer. Reviewers, editors and owners approve posts" in asked.text
    members = {"review.member": ["new-reviewer@example.org", "owner@example.org"], "review.rule": "all"}
    assert (await owner.post(f"{post}/review", members)).headers["location"].endswith(f"/review/{id}")
    page = (await owner.get("./review")).text
    assert "Sent, not opened" in page
    of_post = (await owner.get(post)).text
    assert "It is sent when its reviewers have approved it." in of_post
    assert "Publish now" not in of_post
    waiting = (await reviewer.get("./review/count")).text
    assert re.findall(r'class="count">(\d+)<', waiting) == ["1"]
    for name, who in (("0", owner), ("1", reviewer)):
        assert await state_of(owner, post) == "In review", name
        assert (await who.post(f"./review/{id}/approve", {"revision": 1})).status_code == 303
    assert await state_of(viewer, post) == "Approved"
    assert 'class="count"' not in (await reviewer.get("./review/count")).text
    assert (await reviewer.post(f"./review/{id}/comments", {"text": "Good", "at": "2"})).status_code == 303
    assert 'data-second="2.0">at 0:02<' in (await owner.get(f"./review/{id}")).text
    long = await owner.post(f"./review/{id}/comments", {"text": "x" * 2001})
    assert (long.status_code, "At most 2000 characters" in long.text) == (422, True)
    # The owner alone now: others may not decide, viewers may not comment, and neither sends or withdraws.
    await owner.post(f"{post}/review", {"review.member": ["owner@example.org"]})
    for path, sent in (
        ("approve", {"revision": 1}),
        ("changes", {"revision": 1, "text": "No"}),
        ("comments", {"text": "No"}),
        ("withdraw", {}),
        ("remove", {}),
    ):
        assert (await viewer.post(f"./review/{id}/{path}", sent)).status_code == 403, path
        answer = await reviewer.post(f"./review/{id}/{path}", sent)
        assert answer.status_code == (303 if path == "comments" else 403), path
    assert (await viewer.post(f"{post}/review", members)).status_code == 403
    assert (await viewer.get("./review/links")).status_code == 200
    assert (await viewer.post("./review/links", {"name": "x"})).status_code == 403
    assert await state_of(owner, post) == "In review"
    assert (await owner.post(f"./review/{id}/remove")).headers["location"] == post
    assert (await owner.get(f"./review/{id}")).status_code == 404


@pytest.mark.parametrize("name", ["👩\u200d🍳 Ana", "می\u200cخواهم"])
async def test_names_with_joiners_are_names(
    owner: Visitor, visitors: Callable[[], Visitor], post: str, name: str
) -> None:
    """Of links, of the people who have one, and of a client's people; changes of direction are taken out of them."""
    link, client = await send_by_link(owner, post, **{"review.new_link": f"{name}\u202e"}), visitors()
    page = (await client.get(link)).text
    path, revision = hidden(page)
    assert (await client.post(f"{path}/approve", {"revision": revision, "name": f"\u202e{name}"})).status_code == 303
    assert name in (await client.get(link)).text
    assert name in (await owner.get("./review/" + post.rsplit("/", 1)[1])).text
    assert (await owner.post("./review/links", {"name": name})).status_code == 200
    made = await owner.post("./clients", {"name": name, "timezone": "UTC", "color": "4"})
    of_client = made.headers["location"].rsplit("/", 1)[0] + "/reviewers"
    assert "review-link" in (await owner.post(f"{of_client}/links", {"name": name})).text
    links = (await owner.get("./review/links")).text
    assert links.count(name) >= 3
    assert "\u202e" not in links


async def test_editor_cannot_go_around_the_reviewers_of_a_client(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], desk: dict[str, Any]
) -> None:
    """An editor who asks somebody else is told whom to ask, on the form and for many posts; an owner may."""
    editor, reviewer = await invited("editor"), await invited("reviewer")
    made = await owner.post("./clients", {"name": "Casa Verde", "timezone": "Europe/Lisbon", "color": "4"})
    client = made.headers["location"].rsplit("/", 1)[0]
    await owner.post(f"{client}/accounts", {"account": [desk["tiktok"], desk["youtube"]]})
    ids = re.findall(r'name="reviewer" value="([\w-]+)".*?(\S+@\S+)<', (await owner.get(f"{client}/reviewers")).text)
    [asked] = [id for id, email in ids if "new-reviewer@" in email]
    assert (await owner.post(f"{client}/reviewers", {"rule": "any", "reviewer": asked})).status_code == 303
    sent = form(desk, when="later", at=f"{some_day()}T18:30")
    post = (await editor.post(f"./compose/{new_id()}/send", sent)).headers["hx-redirect"]
    assert await state_of(reviewer, post) == "In review"
    for wanted in ({"review.member": "new-editor@example.org"}, {"review.new_link": "Mine"}):
        refused = await editor.post(f"{post}/review", wanted)
        assert refused.status_code == 422
        assert "Posts of Casa Verde need the approval of one of its reviewers" in refused.text
    assert "Mine" not in (await owner.get("./review/links")).text
    many = {"action": "review", "chosen": post.rsplit("/", 1)[1], "review.member": "new-editor@example.org"}
    assert "need the approval of one of its reviewers" in (await editor.post("./posts/bulk", many)).text
    both = {"review.member": ["new-editor@example.org", "new-reviewer@example.org"], "review.rule": "all"}
    assert (await editor.post(f"{post}/review", both)).status_code == 303
    assert (await editor.post(f"{client}/accounts/move", {"account": desk["tiktok"], "to": ""})).status_code == 403
    assert (await editor.post(f"{client}/delete")).status_code == 403
    assert (await owner.post(f"{post}/review", {"review.member": "owner@example.org"})).status_code == 303


async def test_post_of_a_page_that_names_an_approval_goes_out_with_one_only(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], desk: dict[str, Any]
) -> None:
    """If the client's rule ends while the page is open, the page says so before it publishes."""
    await invited("reviewer")
    made = await owner.post("./clients", {"name": "Casa Verde", "timezone": "Europe/Lisbon", "color": "4"})
    client = made.headers["location"].rsplit("/", 1)[0]
    await owner.post(f"{client}/accounts", {"account": [desk["tiktok"], desk["youtube"]]})
    ids = re.findall(r'name="reviewer" value="([\w-]+)"', (await owner.get(f"{client}/reviewers")).text)
    assert (await owner.post(f"{client}/reviewers", {"rule": "any", "reviewer": ids})).status_code == 303
    draft = f"./compose/{new_id()}"

    def shown(page: str) -> dict[str, Any]:
        return {name: fields_of(page)[name][0] for name in ("plan.shown", "approval.shown")}

    page = shown((await owner.post(draft, form(desk))).text)
    assert page["approval.shown"] == "on"
    assert (await owner.post(f"{client}/reviewers", {"rule": "none"})).status_code == 303
    refused = await owner.post(draft + "/send", form(desk) | page)
    assert "Nothing was sent" in refused.text
    assert shown(refused.text)["approval.shown"] == ""
    assert "hx-redirect" in (await owner.post(draft + "/send", form(desk) | shown(refused.text))).headers


async def test_tries_at_links_are_limited_and_tell_nothing(
    owner: Visitor, post: str, visitors: Callable[[], Visitor]
) -> None:
    link, client = await send_by_link(owner, post), visitors()
    statuses = [(await client.get("/r/guess")).status_code for _ in range(121)]
    assert (statuses[119], statuses[120]) == (404, 429)
    # Guesses of others behind the same address do not close a link. It has a limit of its own.
    statuses = [(await client.get(link)).status_code for _ in range(121)]
    assert (statuses[0], statuses[119], statuses[120]) == (200, 200, 429)
    assert (await client.post(f"{link}/{new_id()}/comment", {"name": "Ana"})).status_code == 429
    clock.move(timedelta(minutes=2))
    assert (await client.get(link)).status_code == 200
    assert (await client.get("/r/guess")).status_code == 404


async def test_page_of_a_link_shows_what_waits_first_and_each_text_once(
    owner: Visitor, visitors: Callable[[], Visitor], desk: dict[str, Any]
) -> None:
    async def make(hour: str, text: str) -> str:
        typed = form(desk, when="later", at=f"{some_day()}T{hour}", text=text, title="Morning")
        typed["account"] = [desk["tiktok"], desk["youtube"]]
        return str((await owner.post(f"./compose/{new_id()}/send", typed)).headers["hx-redirect"])

    first, second = await make("17:30", "The first caption"), await make("18:30", "The second caption")
    link = await send_by_link(owner, first, **{"review.message": "The new cut is in."})
    [id] = re.findall(r'name="review.link" value="([^"]+)"', (await owner.get(f"{second}/review")).text)
    await owner.post(f"{second}/review", {"review.link": id})
    client = visitors()
    page = (await client.get(link)).text
    assert page.index("The first caption") < page.index("The second caption")
    # TikTok and YouTube have the same text. YouTube alone has a title.
    assert page.count("The first caption") == 1
    assert page.count("Morning</strong> <small>Title on YouTube</small>") == 2
    assert page.count("TikTok") == page.count('<span class="sr">TikTok</span>') == 2
    assert re.search(r"<bdi>Harbour Owner</bdi> · .*?</p><p class=\"said\" dir=\"auto\">The new cut is in\.</p>", page)
    path, revision = hidden(page)
    approved = await client.post(f"{path}/approve", {"revision": revision, "name": "Zoë"})
    # The page keeps the place: the post stays where it was, and its decision is in view.
    where = approved.headers["location"]
    page = (await client.get(where.partition("#")[0])).text
    assert page.index("The first caption") < page.index("You approved it") < page.index("The second caption")
    assert f'id="{where.partition("#")[2]}"' in page
    page = (await client.get(link)).text
    assert "1 post for you to review" in page
    assert page.index("The second caption") < page.index("The first caption")


async def test_compose_sends_for_review_to_chosen_people(owner: Visitor, desk: dict[str, Any]) -> None:
    """Also a client without a rule of review: until they approve, nothing goes out."""
    draft = f"./compose/{new_id()}"
    assert 'data-opens="for-review"' in (await owner.get(draft)).text
    offered = await owner.post(f"{draft}/reviewers", form(desk) | {"review.member": "owner@example.org"})
    assert 'name="review.member" value="owner@example.org" checked' in offered.text
    nobody = await owner.post(f"{draft}/send?review=true", form(desk))
    assert "Choose who must approve it." in nobody.text.split('data-spot="beside:reviewers"')[1]
    stranger = await owner.post(f"{draft}/send?review=true", form(desk) | {"review.member": "nobody@example.org"})
    assert "nobody@example.org" in stranger.text.split('data-spot="beside:reviewers"')[1]
    wanted = form(desk) | {"review.member": "owner@example.org", "review.message": "Look"}
    post = (await owner.post(f"{draft}/send?review=true", wanted)).headers["hx-redirect"]
    assert await state_of(owner, post) == "In review"
    assert "</bdi>: Look<" in (await owner.get("./review/" + post.rsplit("/", 1)[1])).text
    # The question about doubles keeps it.
    asked = (await owner.post(f"./compose/{new_id()}/send?review=true", wanted)).text
    assert "/send?again=true&amp;review=true" in asked
    assert ">Send for review again</button>" in asked
    # A plan: each of its posts.
    spread = wanted | {"when": "repeat", "at": f"{some_day()}T18:30", "repeat.times": "2", "repeat.unit": "weeks"}
    spread |= {"repeat.every": "1", "text": "Twice"}
    path = (await owner.post(f"./compose/{new_id()}/send?again=true&review=true", spread)).headers["hx-redirect"]
    assert "state=in_review" in path
