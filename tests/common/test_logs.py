"""Log lines contain no secrets."""

import json
import os
import pty
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from clipcast.common.logs import without_values
from clipcast.database import Database
from clipcast.database.hot_queries import Statement

SECRET = "topsecret@example.org"
INSERT = (
    "INSERT INTO users (id, email, name, password_hash, created_at) "
    "VALUES (gen_random_uuid(), :email, :name, 'hash', now())"
)


async def by_sqlalchemy(database: Database) -> None:
    async with database.begin() as session:
        for _ in range(2):
            await session.execute(text(INSERT), {"email": SECRET, "name": f"two\n\nlines of {SECRET}"})


async def by_asyncpg(database: Database) -> None:
    async with database.hot_pool.transaction() as transaction:
        for _ in range(2):
            await transaction.fetch(Statement(INSERT), {"email": SECRET, "name": SECRET})


async def a_failing_row(database: Database) -> None:
    insert = INSERT.replace("'hash'", "NULL")
    async with database.begin() as session:
        await session.execute(text(insert), {"email": SECRET, "name": f"two\n\nlines of {SECRET}\nHere"})


@pytest.mark.parametrize("fail", [by_sqlalchemy, by_asyncpg, a_failing_row])
async def test_database_error_is_logged_without_values(
    database: Database, fail: Callable[[Database], Awaitable[None]]
) -> None:
    try:
        await fail(database)
    except Exception as error:
        event = {"event": "x", "exception": traceback.format_exc(), "error": str(error)}
    logged = json.dumps(without_values(None, "", event))
    assert "topsecret" not in logged
    assert "violates" in logged  # the reason stays


PROGRAM = """
import logging, structlog
from clipcast.common.logs import configure
configure("info")
def fail():
    password = "top" + "secret"
    raise RuntimeError("boom" + chr(10) + "DETAIL:  Key (email)=(top" + "secret) already exists.")
try:
    fail()
except RuntimeError:
    structlog.get_logger().exception("failed", more=1)
    logging.getLogger("library").exception("also")
"""


@pytest.mark.parametrize("on_terminal", [False, True])
def test_traceback_shows_no_local_variable(on_terminal: bool) -> None:
    reading, writing = pty.openpty() if on_terminal else os.pipe()
    done = subprocess.Popen([sys.executable, "-c", PROGRAM], stderr=writing)
    os.close(writing)
    shown = b""
    while True:
        try:
            piece = os.read(reading, 65536)
        except OSError:  # how a terminal ends
            break
        if not piece:
            break
        shown += piece
    os.close(reading)
    assert done.wait() == 0
    output = shown.decode()
    assert output.count("boom") == 2
    assert "in fail" in output
    assert "topsecret" not in output
