"""Statements that follow a commit: a failure is logged, and later ones are sent."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import after_commit
from clipcast.database.after_commit import AfterCommit
from clipcast.database.hot_queries import Statement

FIRST, SECOND, THIRD = Statement("SELECT 1"), Statement("SELECT 2"), Statement("SELECT 3")


class FailingPool:
    """A pool that fails once, and keeps what it has sent."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.sent: list[Statement] = []

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[Any]:
        if statement is FIRST:
            raise self._error
        self.sent.append(statement)
        return []


@pytest.mark.parametrize("error", [RuntimeError("a bug"), DatabaseUnavailable("no route"), OSError(5)])
async def test_statement_that_fails_is_logged_and_the_others_are_sent(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    logged: list[str] = []
    for level in ("warning", "exception"):
        monkeypatch.setattr(after_commit.log, level, lambda event, **_: logged.append(event))
    pool: Any = FailingPool(error)
    following = AfterCommit(pool)
    following.add(FIRST, {})
    following.add(SECOND, {})
    await following.close()
    assert (logged, pool.sent) == (["not_sent_after_commit"], [SECOND])
    following.add(THIRD, {})
    await asyncio.gather(following.close())
    assert pool.sent == [SECOND, THIRD]
