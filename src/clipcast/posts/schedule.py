"""`schedule` in a body of POST /posts: the next free posting time of its accounts."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from clipcast.clients.slots import FreeTime, load_times, lock_client, next_free_times
from clipcast.common.problems import Problem
from clipcast.common.words import listed
from clipcast.database.hot_queries import Executor
from clipcast.posts.references import ReferencedConnection

PATH = "/schedule"
NEXT = "next"


def wants_slot(body: Any) -> bool:
    """Return whether a body asks for a posting time."""
    schedule = body.get("schedule") if isinstance(body, dict) else None
    return isinstance(schedule, dict) and schedule.get("slot") == NEXT


async def find_slot(
    executor: Executor, workspace_id: UUID, body: dict[str, Any], accounts: Collection[ReferencedConnection], take: bool
) -> tuple[FreeTime | None, list[Problem]]:
    """Return the next free posting time for a body that wants one, and the problems that prevent it.

    `accounts` are those of its targets. To `take` the time, the executor must be in a transaction: the client is held
    until it ends.
    """
    if problems := _rules(body, accounts):
        return None, problems
    if not accounts:
        return None, []  # the check of the targets reports it
    [client_id] = {account.client_id for account in accounts}
    assert client_id is not None
    if take:
        await lock_client(executor, workspace_id, client_id)
    ids = [account.id for account in accounts]
    client = (await load_times(executor, workspace_id, [client_id], ids))[client_id]
    if not client.of_accounts(ids):
        return None, [_without_times(client.times or client.own, len(ids))]
    found = await next_free_times(executor, client, ids, 1)
    if not found:
        message = "All posting times of the next 365 days are taken. Add posting times to the client."
        return None, [Problem(PATH, "no_free_time", message)]
    return found[0], []


def _rules(body: dict[str, Any], accounts: Collection[ReferencedConnection]) -> list[Problem]:
    problems = []
    if body.get("scheduled_at") is not None:
        message = "A post has one time, and both schedule and scheduled_at name one. Remove one of them."
        problems.append(Problem(PATH, "two_times", message))
    videos = body.get("videos")
    if isinstance(videos, list) and len(videos) > 1:
        message = (
            f"A posting time takes one clip, and the post has {len(videos)}. "
            "Send one post for each clip, or give scheduled_at."
        )
        problems.append(Problem(PATH, "several_clips", message, 1, len(videos)))
    without = sorted(f"{one.platform}:@{one.username}" for one in accounts if one.client_id is None)
    clients = {account.client_id for account in accounts}
    if without:
        names = listed(without[:5])
        message = (
            f"Posting times belong to clients, and {names} belongs to none. "
            "Give it to a client (PATCH /connections/{connection_id}), or give scheduled_at."
        )
        problems.append(Problem(PATH, "no_client", message))
    elif len(clients) > 1:
        message = (
            f"A posting time is of one client, and the accounts belong to {len(clients)}. "
            "Send one post for each client, or give scheduled_at."
        )
        problems.append(Problem(PATH, "several_clients", message, 1, len(clients)))
    return problems


def _without_times(has_any: Any, accounts: int) -> Problem:
    if has_any and accounts > 1:
        message = (
            "The accounts have no posting time in common, because some have times of their own. "
            "Send one post for each of these groups, or give scheduled_at."
        )
        return Problem(PATH, "no_common_time", message)
    message = (
        "The client has no posting times. Add some (PUT /clients/{client_id}/posting-times), or give scheduled_at."
    )
    return Problem(PATH, "no_posting_times", message)
