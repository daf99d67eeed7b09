"""Who is asked to approve a post: the members and links that a body names, found and checked."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from clipcast.common.ids import parse_id
from clipcast.common.problems import Problem
from clipcast.database.hot_queries import Executor
from clipcast.reviews import repository
from clipcast.reviews.schemas import ReviewRequest


@dataclass(frozen=True)
class Request:
    """A checked request for a review."""

    members: Collection[UUID]
    links: Collection[UUID]
    rule: str
    message: str


async def check_request(
    executor: Executor, workspace_id: UUID, wanted: ReviewRequest, path: str
) -> tuple[Request, list[Problem]]:
    """Return the request, and the problems of its reviewers: members and links that do not exist, or nobody at all."""
    emails = [email.strip().lower() for email in wanted.members]
    link_ids = [parse_id(id) for id in wanted.links]
    members = await repository.members_of(executor, workspace_id, emails)
    links = await repository.open_links_of(executor, workspace_id, [id for id in link_ids if id])
    problems = [
        Problem(f"{path}/members/{index}", "not_found", f"The workspace has no member {email[:100]!r}.")
        for index, email in enumerate(emails)
        if email not in members
    ]
    problems += [
        Problem(
            f"{path}/links/{index}",
            "not_found",
            f"There is no open review link {wanted.links[index][:60]!r}. It may have ended. Create a new one.",
        )
        for index, id in enumerate(link_ids)
        if id not in links
    ]
    if not emails and not link_ids:
        problems.append(Problem(path, "no_reviewer", "Nobody is asked. Name a member or a review link."))
    return Request(set(members.values()), links, wanted.rule, wanted.message), problems
