"""Recognising our own post in an account's list, where the platform gives no better handle."""

from collections.abc import Iterable
from typing import Any

from clipcast.platforms.base import Publication


async def single_unmatched_post(p: Publication[Any], post_ids: Iterable[str]) -> str | None:
    """The one of these posts that no other item of ours is; None when there is none, or more than one."""
    fresh = [post_id for post_id in post_ids if not await p.is_post_of_other_item(post_id)]
    return fresh[0] if len(fresh) == 1 else None
