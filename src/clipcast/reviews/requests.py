"""Who is asked to approve a post: the members and links that a body names, found and checked."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from clipcast.clients.review_rules import members_who_see, rules_of
from clipcast.common.ids import parse_id
from clipcast.common.problems import Problem
from clipcast.database.hot_queries import Executor
from clipcast.reviews import repository
from clipcast.reviews.schemas import ReviewRequest

NOBODY = (
    "Posts of {client} need an approval, but none of its reviewers can give it any more. Choose reviewers of the "
    "client, or name some for this post."
)
SEVERAL = (
    "Posts of {client} need an approval, but none of its reviewers sees all clients of this post. Review links show "
    "one client only. Name members who see all of them, or make a post for each client."
)


@dataclass(frozen=True)
class Request:
    """A checked request for a review."""

    members: Collection[UUID]
    links: Collection[UUID]
    rule: str
    message: str


async def check_request(
    executor: Executor, workspace_id: UUID, wanted: ReviewRequest, path: str, client_ids: Collection[UUID | None]
) -> tuple[Request, list[Problem]]:
    """Return the request, and the problems of its reviewers: those who cannot approve the post, or nobody at all.

    `client_ids` are those of the post's accounts.
    """
    emails = [email.strip().lower() for email in wanted.members]
    link_ids = [parse_id(id) for id in wanted.links]
    members = await repository.members_of(executor, workspace_id, emails)
    links = await repository.open_links_of(executor, workspace_id, [id for id in link_ids if id])
    problems = [
        Problem(f"{path}/members/{index}", "not_found", message)
        for index, email in enumerate(emails)
        if (message := _why_not(members.get(email), email, client_ids))
    ]
    problems += [
        Problem(
            f"{path}/links/{index}",
            "not_found",
            f"There is no open review link '{wanted.links[index][:60]}'. It may have ended. Create a new one.",
        )
        for index, id in enumerate(link_ids)
        if id not in links
    ]
    problems += [
        Problem(f"{path}/links/{index}", "not_found", "The link shows posts of one other client. Choose another link.")
        for index, id in enumerate(link_ids)
        if id in links and links[id] and {links[id]} != set(client_ids)
    ]
    if not emails and not link_ids:
        problems.append(Problem(path, "no_reviewer", "Nobody is asked. Name a member or a review link."))
    asked = {one.id for one in members.values()}
    return Request(asked, set(links), wanted.rule, wanted.message), problems


def _why_not(member: repository.FoundMember | None, email: str, client_ids: Collection[UUID | None]) -> str | None:
    """Return why somebody cannot approve a post of these clients; None if it is a member who can."""
    if member is None:
        return f"The workspace has no member '{email[:100]}'."
    if member.role == "viewer":
        return (
            f"'{email[:100]}' is a viewer. Reviewers, editors and owners approve posts. Ask an owner for another role."
        )
    if member.client_ids is not None and not set(client_ids) <= set(member.client_ids):
        return f"'{email[:100]}' sees other clients only. Choose a member who sees the post."
    return None


async def request_by_rules(
    executor: Executor, workspace_id: UUID, client_ids: Collection[UUID | None]
) -> tuple[Request | None, list[Problem]]:
    """Return who must approve a post over accounts of these clients by their rules; None if no client has a rule.

    Only reviewers who see the whole post are asked. A client with a rule but without such a reviewer is a problem.
    """
    rules = await rules_of(executor, workspace_id, [id for id in client_ids if id])
    if not rules:
        return None, []
    problems: list[Problem] = []
    members, links = set[UUID](), set[UUID]()
    several = len(client_ids) > 1
    for one in rules:
        # The people of a link see posts of their client only.
        open_links = frozenset[UUID]() if several else one.links
        able = await members_who_see(executor, workspace_id, one.members, client_ids) if several else one.members
        if not able and not open_links:
            message = SEVERAL if several else NOBODY
            problems.append(Problem("/review", "no_reviewer", message.format(client=one.client)))
        members |= able
        links |= open_links
    is_any = len(rules) == 1 and rules[0].rule == "any"
    return Request(members, links, "any" if is_any else "all", ""), problems
