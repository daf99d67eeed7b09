"""Identify an item's post in an account's list, for platforms without a better handle."""

from collections.abc import Iterable
from typing import Any

from clipcast.platforms.base import Publication


async def single_unmatched_post(p: Publication[Any], post_ids: Iterable[str]) -> str | None:
    """Return the only one of these posts that no other item recorded; None if there is none or more than one."""
    unmatched = [post_id for post_id in post_ids if not await p.is_post_of_other_item(post_id)]
    return unmatched[0] if len(unmatched) == 1 else None
