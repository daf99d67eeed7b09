"""The reviews of the demo's workspace: posts that wait, that are approved, and of which a change is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor
from clipcast.cli.demo_calls import Demo
from clipcast.cli.demo_contents import COFFEE, PLANTS
from clipcast.clients.review_rules import set_rule
from clipcast.clients.rule_schemas import ClientReview
from clipcast.database.models.clients import Client
from clipcast.database.models.people import User
from clipcast.database.models.reviews import ReviewState
from clipcast.installation import Installation
from clipcast.posts import reviewing
from clipcast.reviews.links import create_link
from clipcast.reviews.schemas import ReviewRequest

APPROVED, CHANGES, WAITING = ReviewState.APPROVED, ReviewState.CHANGES_REQUESTED, None


@dataclass(frozen=True)
class Said:
    """A comment of the editor or of the client, perhaps about a second of the clip."""

    by: str
    text: str
    at: float | None = None


@dataclass(frozen=True)
class Reviewed:
    """A post of this title in review, what the client decided, and what both said."""

    title: str
    message: str = ""
    decision: ReviewState | None = WAITING
    said: tuple[Said, ...] = ()


EDITOR, CLIENT = "Editor", "Client"
OF_CLIENT = (
    Reviewed(
        "Rain is the best shower", "The new cut is in.",
        said=(
            Said(CLIENT, "Can we see the drops a second longer? They are the point of the whole thing.", 2.0),
            Said(EDITOR, "Done, the new cut is in. They have a second more now."),
        ),
    ),
    Reviewed(
        "Three plants for dark rooms", decision=APPROVED,
        said=(Said(CLIENT, "Lovely. Go."),),
    ),
    Reviewed(
        "Repotting week", decision=CHANGES,
        said=(Said(CLIENT, "We are closed on Monday. Please write: Tuesday to Saturday.", 0.0),),
    ),
)  # fmt: skip
# The demo's own person is asked for the second client, whose posts all need an approval.
OF_MEMBER = (Reviewed("Latte art, frame by frame", "Is the hook quick enough?"), Reviewed("Barista class on Saturday"))


async def add_reviews(demo: Demo, installation: Installation, posts: dict[str, str]) -> None:
    """Send posts of the demo for review, and decide some. `posts`: their ids by title."""
    workspace_id = UUID(demo.workspace_id)
    async with installation.database.begin() as session:
        person = (await session.scalars(select(User))).one()
        editor = Actor("user", person.id, EDITOR, "", may_skip_review=True)
        plants, coffee = [await _client(session, workspace_id, name) for name in (PLANTS, COFFEE)]
        link, demo.review_link = await create_link(
            session, installation.settings, workspace_id, CLIENT, plants.timezone, editor, plants.id
        )
        await session.flush()
        asked = ClientReview.model_validate({"rule": "any", "members": [person.email]})
        await set_rule(session, coffee, asked, editor)
        link_id = link.id
    client = Actor("link", link_id, CLIENT, "")
    by_link = ReviewRequest(links=[str(link_id)])
    for one in OF_CLIENT:
        await _review(installation, workspace_id, posts[one.title], one, by_link, editor, client)
    by_member = ReviewRequest(members=[demo.email])
    for one in OF_MEMBER:
        await _review(installation, workspace_id, posts[one.title], one, by_member, editor, client)


async def _client(session: AsyncSession, workspace_id: UUID, name: str) -> Client:
    query = select(Client).where(Client.workspace_id == workspace_id, Client.name == name)
    return (await session.scalars(query)).one()


async def _review(
    installation: Installation,
    workspace_id: UUID,
    post_id: str,
    one: Reviewed,
    request: ReviewRequest,
    editor: Actor,
    client: Actor,
) -> None:
    wanted = request.model_copy(update={"message": one.message})
    async with installation.database.begin() as session:
        await reviewing.send_for_review(session, workspace_id, post_id, wanted, editor)
    for said in one.said:
        kind, by = ("member", editor) if said.by == EDITOR else ("link", client)
        async with installation.database.begin() as session:
            await reviewing.add_comment(session, workspace_id, post_id, by, kind, said.text, said.at, public=True)
    if one.decision:
        async with installation.database.begin() as session:
            shown = await reviewing.show_review(session, workspace_id, post_id)
            [reviewer] = shown.reviewers
            await reviewing.decide(session, workspace_id, post_id, reviewer.id, one.decision, shown.revision, client)
