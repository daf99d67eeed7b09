"""The settings of accounts' last posts, which the compose page offers again when a person adds the accounts."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError
from clipcast.connections.repository import connections_by_id
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.last_settings import LastSettings, last_settings, offer_again, still_offered
from clipcast.web.caches import caches
from clipcast.web.viewers import Member


@dataclass
class Remembered:
    """The accounts of a draft with their last settings, and which of them are added."""

    accounts: list[Connection] = field(default_factory=list)
    last: LastSettings = field(default_factory=dict)
    added: Collection[str] = ()

    def fill(self, content: dict[str, Any]) -> None:
        """Fill the settings of the added accounts in. What the draft says wins."""
        offer_again(content, self.accounts, self.last, self.added)


async def remember(member: Member, request: Request, chosen: Iterable[str], added: Collection[str]) -> Remembered:
    """Return what to offer for the `added` accounts among the chosen ones, without what they do not offer now.

    This may ask platforms, so that no transaction may be open.
    """
    ids = [id for text in chosen if (id := parse_id(text))] if added else []
    if not ids:
        return Remembered()
    installation, mine = member.installation, member.workspace.id
    async with installation.database.session() as session:
        accounts = list((await connections_by_id(session, mine, ids)).values())
    last = await last_settings(installation.database.hot_pool, mine, accounts)
    cache, _ = caches(request)

    async def check_offered(account: Connection) -> None:
        id, model = str(account.id), PLATFORMS[account.platform].metadata
        settings = last.get(id, {})
        if id not in added or not settings.keys() & set(model.offered_fields):
            return
        try:
            options = await cache.options_of(installation, account)
        except AppError:
            options = {}
        last[id] = still_offered(model, settings, options)

    await asyncio.gather(*map(check_offered, accounts))
    return Remembered(accounts, last, added)


async def fields_as_last(member: Member, content: dict[str, Any], accounts: list[Connection]) -> set[str]:
    """Return the names of the form's fields that say the same as the last post of their account, or of all accounts."""
    last = await last_settings(member.installation.database.hot_pool, member.workspace.id, accounts)
    found = set()
    for account in accounts:
        settings = last.get(str(account.id), {})
        own = content["by_account"].get(str(account.id), {})
        found |= {f"account.{account.id}.{name}" for name, value in settings.items() if own.get(name) == value}
    for platform, shared in content["by_platform"].items():
        theirs = [last.get(str(one.id), {}) for one in accounts if one.platform == platform]
        found |= {
            f"platform.{platform}.{name}"
            for name, value in shared.items()
            if theirs and all(settings.get(name) == value for settings in theirs)
        }
    return found
