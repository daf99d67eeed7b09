"""Rate limits hold over all API processes, simulated by several limiters and applications with one database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import text

from clipcast.api.rate_limits import KeyLimiter, Rate, count_attempts, network_of
from clipcast.clock import clock
from clipcast.database import Database
from clipcast.installation import Installation
from clipcast.publishing.housekeeping import delete_expired
from clipcast.server.app import create_app
from clipcast.testing.harness import API, Caller

KEY = b"k" * 16


def start_of_a_minute() -> None:
    """So that a test's requests fall into one minute of the clock."""
    clock.move(timedelta(seconds=60 - clock.now().timestamp() % 60))


@asynccontextmanager
async def process(installation: Installation) -> AsyncIterator[httpx2.AsyncClient]:
    """Simulate another API process: a limiter with its own counts."""
    transport = httpx2.ASGITransport(create_app(installation))
    async with httpx2.AsyncClient(transport=transport, base_url=installation.settings.public_base) as client:
        yield client


@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize("limit", [1, 3, 50, 1200])
async def test_requests_of_a_key_over_four_processes_stay_below_the_limit(database: Database, limit: int) -> None:
    start_of_a_minute()
    limiters = [KeyLimiter() for _ in range(4)]

    async def ask(limiter: KeyLimiter) -> int:
        return sum([await limiter.take(database.hot_pool, KEY, limit) is None for _ in range(limit)])

    allowed = sum(await asyncio.gather(*(ask(limiter) for limiter in limiters)))
    assert allowed <= limit
    assert allowed >= limit * 0.9


@pytest.mark.usefixtures("stopped_clock")
async def test_concurrent_requests_in_one_process_stay_below_the_limit(database: Database) -> None:
    start_of_a_minute()
    limiter = KeyLimiter()
    waits = await asyncio.gather(*(limiter.take(database.hot_pool, KEY, 100) for _ in range(150)))
    assert waits.count(None) == 100


@pytest.mark.usefixtures("stopped_clock")
async def test_previous_minute_counts_by_its_part_in_the_last_60_s(database: Database) -> None:
    start_of_a_minute()
    limiter = KeyLimiter()
    assert [await limiter.take(database.hot_pool, KEY, 10) for _ in range(10)] == [None] * 10
    wait = await limiter.take(database.hot_pool, KEY, 10)
    assert wait is not None
    assert wait in (66, 67)  # a tenth of the next minute makes room for one
    clock.move(timedelta(seconds=60))
    assert await limiter.take(database.hot_pool, KEY, 10) is not None
    clock.move(timedelta(seconds=30))
    allowed = [await limiter.take(database.hot_pool, KEY, 10) for _ in range(10)]
    assert allowed.count(None) == 5
    clock.move(timedelta(minutes=5))
    assert [await limiter.take(database.hot_pool, KEY, 10) for _ in range(10)] == [None] * 10


@pytest.mark.usefixtures("stopped_clock")
async def test_request_after_the_returned_wait_is_allowed(database: Database) -> None:
    start_of_a_minute()
    limiter = KeyLimiter()
    for _ in range(3):
        assert await limiter.take(database.hot_pool, KEY, 3) is None
    wait = await limiter.take(database.hot_pool, KEY, 3)
    assert wait is not None
    clock.move(timedelta(seconds=wait))
    assert await limiter.take(database.hot_pool, KEY, 3) is None


async def test_keys_do_not_share_a_limit(database: Database) -> None:
    limiter = KeyLimiter()
    for key in (b"a" * 16, b"b" * 16):
        assert await limiter.take(database.hot_pool, key, 1) is None


@pytest.mark.usefixtures("stopped_clock")
async def test_key_at_two_processes_gets_429(installation: Installation, caller: Caller) -> None:
    start_of_a_minute()
    settings = installation.settings.model_copy(update={"rate_limit_per_minute": 5})
    object.__setattr__(installation, "settings", settings)
    async with process(installation) as one, process(installation) as two:
        headers = {"X-Api-Key": caller.key}
        codes = [(await http.get(API + "/workspace", headers=headers)).status_code for http in (one, two) * 4]
    assert codes == [200] * 5 + [429] * 3


@pytest.mark.usefixtures("stopped_clock", "cheap_passwords")
async def test_sign_ins_over_two_processes_are_counted_exactly(installation: Installation) -> None:
    form = {"email": "owner@example.org", "password": "guess"}

    async def sign_in(http: httpx2.AsyncClient) -> httpx2.Response:
        # On a busy machine, an attempt may reach the lock time-out of the others' row. Its transaction is rolled back
        # then, so that it is not counted, and it is sent again.
        for _ in range(20):
            if (response := await http.post("/sign-in", data=form)).status_code != 503:
                break
            await asyncio.sleep(0.05)
        return response

    async with process(installation) as one, process(installation) as two:
        answers = await asyncio.gather(*map(sign_in, (one, two) * 8))
        codes = [answer.status_code for answer in answers]
        assert (codes.count(422), codes.count(429)) == (10, 6)
        wait = int(next(answer for answer in answers if answer.status_code == 429).headers["retry-after"])
        assert 890 <= wait <= 900
        clock.move(timedelta(seconds=wait))
        assert (await two.post("/sign-in", data=form)).status_code == 422


@pytest.mark.usefixtures("stopped_clock")
async def test_rejected_attempt_is_not_counted(database: Database) -> None:
    rates = (Rate(2, timedelta(minutes=1)), Rate(3, timedelta(hours=1)))
    assert [await count_attempts(database, [("a", rates)]) for _ in range(2)] == [None, None]
    for _ in range(5):
        wait = await count_attempts(database, [("a", rates), ("b", rates)])
        assert wait is not None
        assert 55 <= wait <= 60
    clock.move(timedelta(minutes=1))
    assert await count_attempts(database, [("a", rates), ("b", rates)]) is None
    hour = await count_attempts(database, [("a", rates)])
    assert hour is not None
    assert 3500 < hour <= 3540
    assert await count_attempts(database, [("b", rates)]) is None


async def test_attempts_with_names_in_opposite_order_never_deadlock(database: Database) -> None:
    rates = (Rate(1000, timedelta(minutes=1)),)
    named = [("a", rates), ("b", rates), ("c", rates)]
    turns = [named, named[::-1]] * 20
    assert set(await asyncio.gather(*(count_attempts(database, turn) for turn in turns))) == {None}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_network_of_an_address(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_expired_counts_are_deleted(installation: Installation) -> None:
    await KeyLimiter().take(installation.database.hot_pool, KEY, 5)
    await count_attempts(installation.database, [("a", (Rate(5, timedelta(hours=1)),))])

    async def rows() -> int:
        async with installation.database.connect() as connection:
            query = text("SELECT (SELECT count(*) FROM rate_windows) + (SELECT count(*) FROM attempt_logs)")
            return int((await connection.execute(query)).scalar_one())

    await delete_expired(installation.database, installation.storage)
    assert await rows() == 2
    clock.move(timedelta(hours=1, minutes=1))
    await delete_expired(installation.database, installation.storage)
    assert await rows() == 0
