"""Members who see some clients only are told of these alone, and reviewers of what waits for them."""

from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.database.limits import Limit, limited
from clipcast.database.models.jobs import Job
from clipcast.database.models.notices import NoticeEntry
from clipcast.database.models.people import Membership
from clipcast.jobs.kinds import NOTIFY
from clipcast.notices import inbox
from clipcast.notices.habits import GATHER
from clipcast.testing.harness import Stage
from tests.mail_server import MailServer
from tests.notices.conftest import Office


@pytest.fixture
async def posts(office: Office, stage: Stage) -> dict[str, str]:
    """Return the ids of two clients, and of an account and a post of each, in the stage's workspace."""
    office.workspaces["Stage"] = UUID(stage.caller.workspace_id)
    found, edit = {}, await stage.caller.upload(stage.clip)
    for name in ("ours", "theirs"):
        client = (await stage.caller.post("/clients", {"name": name, "timezone": "UTC"})).json()["id"]
        account = await stage.connect("youtube", "harbour.films" if name == "ours" else "tidepool")
        await stage.caller.call("PATCH", f"/connections/{account}", json={"client_id": client})
        target = {"connectionId": account, "metadata": {"youtube": {"title": f"Caption of {name}"}}}
        made = await stage.caller.post("/posts", {"videos": [{"editId": edit, "targets": [target]}]})
        found |= {name: client, f"account {name}": account, f"post {name}": made.json()["post_id"]}
    return found


async def headlines(office: Office, user: str, limit: Limit | None = None) -> list[str]:
    database = office.installation.database
    async with database.begin() as session:
        channel = await inbox.inbox_of(session, office.users[user], office.workspaces["Stage"])
    async with (limited(database, limit) if limit else database).session() as session:
        shown = [one.headline for one in await inbox.list_notices(session, channel)]
        assert await inbox.unread(session, office.users[user], office.workspaces["Stage"]) == len(shown)
        return shown


async def test_limited_member_is_told_of_the_own_clients_alone(office: Office, posts: dict[str, str]) -> None:
    """Neither posts nor accounts of others, and nothing that is of no account; older notices are hidden, too."""
    await office.member("bo", "editor", "Stage")
    await office.tell("item.failed", workspace="Stage", post_id=posts["post theirs"])
    ours = [UUID(posts["ours"])]
    limit = Limit(tuple(ours), office.users["bo"])
    assert await headlines(office, "bo") == ["1 item has failed"]
    assert await headlines(office, "bo", limit) == []
    async with office.installation.database.begin() as session:
        mine = update(Membership).where(Membership.user_id == office.users["bo"])
        await session.execute(mine.values(client_ids=ours))
    for name in ("theirs", "ours"):
        await office.tell("review.expired", workspace="Stage", post_id=posts[f"post {name}"])
        await office.tell("connection.needs_reconnect", workspace="Stage", connection_id=posts[f"account {name}"])
    await office.tell("review.commented", workspace="Stage")
    assert await headlines(office, "bo", limit) == [
        "1 account must be connected again", "1 post was not approved in time"
    ]  # fmt: skip


async def test_reviewers_are_told_what_waits_for_an_approval(office: Office, posts: dict[str, str]) -> None:
    await office.member("rita", "reviewer", "Stage")
    await office.member("vic", "viewer", "Stage")
    for type in ("item.failed", "review.requested", "review.expiring", "review.approved"):
        await office.tell(type, workspace="Stage", post_id=posts["post ours"])
    assert await headlines(office, "rita") == [
        "1 post is not approved, and its time is near", "1 post waits for an approval"
    ]  # fmt: skip
    assert await headlines(office, "vic") == []


async def test_what_waits_is_dropped_when_the_member_may_no_longer_see_it(
    office: Office, posts: dict[str, str], mail_server: MailServer
) -> None:
    """Because of the clients, or of the role. What they still see is sent."""
    mine = Membership.workspace_id == office.workspaces["Stage"]
    for name in ("bo", "cy", "di"):
        await office.member(name, "owner", "Stage")
    await office.tell("job.dead", workspace="Stage")
    for client in ("theirs", "ours"):
        await office.tell("item.failed", workspace="Stage", post_id=posts[f"post {client}"])
    async with office.installation.database.begin() as session:
        values = (
            ("bo", {"client_ids": [UUID(posts["ours"])], "role": "editor"}), ("cy", {"role": "editor"}),
            ("di", {"client_ids": [], "role": "editor"}),
        )  # fmt: skip
        for name, changed in values:
            await session.execute(
                update(Membership).where(mine, Membership.user_id == office.users[name]).values(changed)
            )
    clock.move(GATHER)
    await office.send()
    subjects = {str(mail["To"]).split()[0]: mail["Subject"] for mail in mail_server.mails}
    assert subjects == {
        "bo": "Clipcast: 1 item has failed: Workspace",
        "cy": "Clipcast: 2 items have failed: Workspace",
    }
    async with office.installation.database.session() as session:
        assert not (await session.scalars(select(NoticeEntry))).all()
        assert not (await session.scalars(select(Job).where(Job.kind == NOTIFY))).all()
