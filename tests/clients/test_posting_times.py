"""Posting times by the API: what is rejected, and that what is sent is what is read."""

from typing import Any

import pytest

from clipcast.testing.harness import Caller, Stage
from tests.clients.test_service import make

TIME = {"weekday": "monday", "at": "18:30"}


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"times": [TIME | {"at": "24:00"}]}, "/times/0/at", "invalid_time"),
        ({"times": [TIME | {"at": "9:00"}]}, "/times/0/at", "invalid_time"),
        ({"times": [TIME | {"at": 1830}]}, "/times/0/at", "invalid_time"),
        ({"times": [TIME | {"weekday": "Monday"}]}, "/times/0/weekday", "not_allowed"),
        ({"times": [TIME, TIME]}, "/times/1", "not_unique"),
        ({"times": [TIME] * 101}, "/times", "too_long"),
        ({"jitter_minutes": 6}, "/jitter_minutes", "too_large"),
        ({"jitter_minutes": -1}, "/jitter_minutes", "too_small"),
        ({"paused": [{"first_day": "2026-12-26", "last_day": "2026-12-24"}]}, "/paused/0", "wrong_order"),
        ({"paused": [{"first_day": "2026-12-24", "last_day": "2028-12-24"}]}, "/paused/0", "too_long"),
        ({"paused": [{"first_day": "2026-02-30", "last_day": "2026-12-24"}]}, "/paused/0/first_day", "invalid_day"),
        ({"paused": [{"first_day": "20261224", "last_day": "2026-12-24"}]}, "/paused/0/first_day", "invalid_day"),
        ({"accounts": [{"connection_id": "x", "times": [TIME]}]}, "/accounts/0/connection_id", "not_found"),
        ({"accounts": [{"connection_id": "x", "times": []}]}, "/accounts/0/times", "too_short"),
    ],
)
async def test_posting_times_that_cannot_be_are_rejected_with_their_field(
    caller: Caller, body: dict[str, Any], path: str, code: str
) -> None:
    client = await make(caller)
    response = await caller.call("PUT", f"/clients/{client['id']}/posting-times", json=body)
    assert response.status_code == 422, response.text
    assert [(one["path"], one["code"]) for one in response.json()["errors"]] == [(path, code)]


async def test_what_was_sent_is_what_is_read(stage: Stage) -> None:
    """Times come in the order of the week. Another client's account cannot be named."""
    client, account = await make(stage.caller), await stage.connect("youtube")
    path = f"/clients/{client['id']}/posting-times"
    sunday = {"weekday": "sunday", "at": "09:05"}
    body: dict[str, Any] = {
        "times": [sunday, TIME],
        "jitter_minutes": 5,
        "paused": [{"first_day": "2026-12-24", "last_day": "2026-12-26"}],
        "accounts": [{"connection_id": account, "times": [TIME]}],
    }
    refused = await stage.caller.call("PUT", path, json=body)
    assert [one["path"] for one in refused.json()["errors"]] == ["/accounts/0/connection_id"]
    await stage.caller.call("PATCH", f"/connections/{account}", json={"client_id": client["id"]})
    sent = await stage.caller.call("PUT", path, json=body)
    assert sent.json() == body | {"times": [TIME, sunday], "timezone": "Europe/Lisbon"}
    assert (await stage.caller.get(path)).json() == sent.json()
    # An account that leaves takes its own times with it.
    await stage.caller.call("PATCH", f"/connections/{account}", json={"client_id": None})
    assert (await stage.caller.get(path)).json()["accounts"] == []
    empty = (await stage.caller.call("PUT", path, json={})).json()
    assert empty == {"times": [], "jitter_minutes": 0, "paused": [], "accounts": [], "timezone": "Europe/Lisbon"}
