"""Who approves the posts of a client. Callers of these functions commit."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.clients.rule_schemas import NONE, ClientReview
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.database.hot_queries import Executor, Statement, from_session
from clipcast.database.models.clients import Client
from clipcast.people.approvers import IS_OPEN, may_approve

# Members who can approve posts of these clients, and the clients' open links. `asked` are the reviewers of a client.
CHOICES = Statement(f"""
    SELECT * FROM (
        SELECT clients.id AS client_id, users.id, 'member' AS kind, users.name, users.email,
               EXISTS (SELECT FROM client_reviewers AS one
                       WHERE one.client_id = clients.id AND one.user_id = users.id) AS asked
        FROM clients
        JOIN memberships ON memberships.workspace_id = clients.workspace_id AND {may_approve("ARRAY[clients.id]")}
        JOIN users ON users.id = memberships.user_id
        WHERE clients.id = ANY(:client_ids)
        UNION ALL
        SELECT clients.id, review_links.id, 'link', review_links.name, '',
               EXISTS (SELECT FROM client_reviewers AS one
                       WHERE one.client_id = clients.id AND one.link_id = review_links.id)
        FROM clients
        JOIN review_links ON review_links.client_id = clients.id AND {IS_OPEN}
        WHERE clients.id = ANY(:client_ids)
    ) AS choices
    WHERE asked OR NOT :asked_only
    ORDER BY kind DESC, lower(name), id
""")  # noqa: S608 - constants of another file
# Of the clients that have a rule, what it is, and who of its reviewers can approve a post of all `client_ids`. Links
# show posts of one client only.
RULES = Statement(f"""
    SELECT clients.id, clients.name, clients.review_rule AS rule,
           ARRAY(SELECT memberships.user_id FROM client_reviewers AS one
                 JOIN memberships ON memberships.user_id = one.user_id
                                 AND memberships.workspace_id = clients.workspace_id
                                 AND {may_approve("CAST(:client_ids AS uuid[])")}
                 WHERE one.client_id = clients.id) AS members,
           ARRAY(SELECT review_links.id FROM client_reviewers AS one
                 JOIN review_links ON review_links.id = one.link_id
                                  AND ARRAY[review_links.client_id] = CAST(:client_ids AS uuid[]) AND {IS_OPEN}
                 WHERE one.client_id = clients.id) AS links
    FROM clients
    WHERE clients.workspace_id = :workspace_id AND clients.id = ANY(:client_ids) AND clients.review_rule <> 'none'
    ORDER BY clients.name_key
""")  # noqa: S608 - constants of another file
FORGET = Statement("DELETE FROM client_reviewers WHERE client_id = :client_id")
ADD = Statement("""
    INSERT INTO client_reviewers (id, client_id, user_id, link_id)
    SELECT gen_random_uuid(), :client_id, one.user_id, one.link_id
    FROM jsonb_to_recordset(CAST(:reviewers AS jsonb)) AS one(user_id uuid, link_id uuid)
""")


@dataclass(frozen=True)
class Choice:
    """Somebody who can approve posts of a client: a member, or the people of a link."""

    client_id: UUID
    id: UUID
    kind: str
    name: str
    email: str
    # Whether it is a reviewer of the client.
    asked: bool


@dataclass(frozen=True)
class Rule:
    """Who must approve posts of a client: any or all of these."""

    client: str
    rule: str
    members: frozenset[UUID]
    links: frozenset[UUID]

    @property
    def reviewers(self) -> frozenset[UUID]:
        """The ids of the members and links."""
        return self.members | self.links

    def is_kept_by(self, asked: Collection[UUID], rule: str) -> bool:
        """Return whether a review that asks these members and links by `rule` needs what this rule needs.

        Never, if nobody is left of its reviewers.
        """
        needs_each = rule == "all" or len(asked) == 1
        if self.rule == "all":
            return bool(self.reviewers) and needs_each and self.reviewers <= set(asked)
        return bool(self.reviewers & set(asked)) and (needs_each or set(asked) <= self.reviewers)


async def rules_of(executor: Executor, workspace_id: UUID, client_ids: Collection[UUID | None]) -> list[Rule]:
    """Return the rules for a post over accounts of these clients; None stands for accounts without a client.

    Reviewers who cannot approve the whole post are left out.
    """
    if not any(client_ids):
        return []
    values = {"workspace_id": workspace_id, "client_ids": list(client_ids), "now": clock.now()}
    rows = await executor.fetch(RULES, values)
    return [Rule(row["name"], row["rule"], frozenset(row["members"]), frozenset(row["links"])) for row in rows]


async def list_choices(
    session: AsyncSession, client_ids: Collection[UUID], asked_only: bool = False
) -> dict[UUID, list[Choice]]:
    """Return who can approve posts of each of these clients; with `asked_only`, only its reviewers."""
    values = {"client_ids": list(client_ids), "now": clock.now(), "asked_only": asked_only}
    found: dict[UUID, list[Choice]] = {id: [] for id in client_ids}
    for row in await (await from_session(session)).fetch(CHOICES, values):
        found[row["client_id"]].append(Choice(**dict(row)))
    return found


def require_may_release(client: Client, actor: Actor) -> None:
    """Raise AppError 403 if accounts of the client would leave its rule by somebody who may not publish without it."""
    if client.review_rule != NONE and not actor.may_skip_review:
        message = (
            f"Posts of {client.name} need an approval. "
            "Only an owner, or a key with reviews:decide, can move its accounts or delete it."
        )
        raise AppError(403, "review_required", message)


def review_of(client: Client, choices: Collection[Choice]) -> ClientReview:
    """Return the rule of a client as the API shows it."""
    asked = [one for one in choices if one.asked]
    return ClientReview.model_validate(
        {
            "rule": client.review_rule,
            "members": [one.email for one in asked if one.kind == "member"],
            "links": [str(one.id) for one in asked if one.kind == "link"],
        }
    )


async def set_rule(session: AsyncSession, client: Client, wanted: ClientReview, actor: Actor) -> None:
    """Change who approves the posts of a client from now on. Posts that exist stay as they are.

    Raise ValidationFailed for somebody who cannot approve them, and for a rule without anybody.
    """
    await session.flush()
    choices = (await list_choices(session, [client.id]))[client.id]
    members = {one.email: one for one in choices if one.kind == "member"}
    links = {one.id: one for one in choices if one.kind == "link"}
    emails = [email.strip().lower() for email in wanted.members]
    problems = [
        Problem(f"/review/members/{index}", "not_found", _no_member(email, client))
        for index, email in enumerate(emails)
        if email not in members
    ]
    problems += [
        Problem(f"/review/links/{index}", "not_found", f"{client.name} has no open review link '{text[:60]}'.")
        for index, text in enumerate(wanted.links)
        if parse_id(text) not in links
    ]
    if wanted.rule != NONE and not emails and not wanted.links:
        message = "Nobody is named who approves the posts. Name a member, or a review link of the client."
        problems.append(Problem("/review", "no_reviewer", message))
    if problems:
        raise ValidationFailed(problems)
    asked = {members[email].id for email in emails}, {id for text in wanted.links if (id := parse_id(text))}
    before = {one.id for one in choices if one.asked}
    if client.review_rule == wanted.rule and before == asked[0] | asked[1]:
        return
    client.review_rule, client.updated_at = wanted.rule, clock.now()
    executor = await from_session(session)
    await executor.fetch(FORGET, {"client_id": client.id})
    rows: list[dict[str, Any]] = [{"user_id": id} for id in asked[0]] + [{"link_id": id} for id in asked[1]]
    await executor.fetch(ADD, {"client_id": client.id, "reviewers": to_json(rows).decode()})
    details = {"rule": wanted.rule, "reviewers": sorted(map(str, asked[0] | asked[1]))}
    record(session, client.workspace_id, actor, "client.review_changed", client.name, client.id, **details)


def _no_member(email: str, client: Client) -> str:
    return (
        f"No member '{email[:100]}' can approve posts of {client.name}. Viewers, and members of other clients, cannot."
    )
