"""Who is asked to approve a post: the members and links that a body names, found and checked."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from clipcast.clients.review_rules import rules_of
from clipcast.common.ids import parse_id
from clipcast.common.problems import Problem
from clipcast.database.hot_queries import Executor
from clipcast.reviews import repository
from clipcast.reviews.schemas import ReviewRequest

NOBODY = (
    "Posts of {client} need an approval, but none of its reviewers can give it any more. An owner can choose other "
    "reviewers of the client."
)
SEVERAL = (
    "Posts of {client} need an approval, but none of its reviewers sees all clients of this post. Review links show "
    "one client only. Make a post for each client."
)
WEAKER = (
    "Posts of {client} need the approval of {whom} of its reviewers, and this review could end without. Ask them, with "
    "everybody's approval if you ask others too. Or let an owner of the workspace send it."
)
WHOM = {"any": "one", "all": "each"}


@dataclass(frozen=True)
class Request:
    """A checked request for a review."""

    members: Collection[UUID]
    links: Collection[UUID]
    rule: str
    message: str

    @property
    def reviewers(self) -> set[UUID]:
        """The ids of the members and links."""
        return {*self.members, *self.links}


async def check_request(
    executor: Executor,
    workspace_id: UUID,
    wanted: ReviewRequest,
    path: str,
    client_ids: Collection[UUID | None],
    may_skip_review: bool,
) -> tuple[Request, list[Problem]]:
    """Return the request, and the problems of its reviewers: those who cannot approve the post, or nobody at all.

    `client_ids` are those of the post's accounts. Unless the caller `may_skip_review`, a review that needs less than
    the rules of these clients is a problem, too.
    """
    emails = [email.strip().lower() for email in wanted.members]
    link_ids = [parse_id(id) for id in wanted.links]
    members = await repository.members_of(executor, workspace_id, emails, client_ids)
    links = await repository.open_links_of(executor, workspace_id, [id for id in link_ids if id])
    problems = [
        Problem(f"{path}/members/{index}", "not_found", message)
        for index, email in enumerate(emails)
        if (message := _why_not(members.get(email), email))
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
    request = Request(asked, set(links), wanted.rule, wanted.message)
    if not problems and not may_skip_review:
        problems = await check_rules(executor, workspace_id, request.reviewers, request.rule, path, client_ids)
    return request, problems


async def check_rules(
    executor: Executor,
    workspace_id: UUID,
    asked: Collection[UUID],
    rule: str,
    path: str,
    client_ids: Collection[UUID | None],
) -> list[Problem]:
    """Return a problem for each client of a post whose rule needs more than a review that asks these by `rule`."""
    return [
        Problem(path, "weaker_review", WEAKER.format(client=one.client, whom=WHOM[one.rule]))
        for one in await rules_of(executor, workspace_id, client_ids)
        if not one.is_kept_by(asked, rule)
    ]


def _why_not(member: repository.FoundMember | None, email: str) -> str | None:
    """Return why somebody cannot approve the post; None if it is a member who can."""
    if member is None:
        return f"The workspace has no member '{email[:100]}'."
    if member.may_approve:
        return None
    if member.role == "viewer":
        return (
            f"'{email[:100]}' is a viewer. Reviewers, editors and owners approve posts. Ask an owner for another role."
        )
    return f"'{email[:100]}' sees other clients only. Choose a member who sees the post."


async def request_by_rules(
    executor: Executor, workspace_id: UUID, client_ids: Collection[UUID | None]
) -> tuple[Request | None, list[Problem]]:
    """Return who must approve a post over accounts of these clients by their rules; None if no client has a rule.

    Only reviewers who see the whole post are asked. A client with a rule but without such a reviewer is a problem.
    """
    rules = await rules_of(executor, workspace_id, client_ids)
    if not rules:
        return None, []
    message = SEVERAL if len(client_ids) > 1 else NOBODY
    problems = [
        Problem("/review", "no_reviewer", message.format(client=one.client)) for one in rules if not one.reviewers
    ]
    members = frozenset[UUID]().union(*(one.members for one in rules))
    links = frozenset[UUID]().union(*(one.links for one in rules))
    is_any = len(rules) == 1 and rules[0].rule == "any"
    return Request(members, links, "any" if is_any else "all", ""), problems
