"""What a platform sends is not always what it documents. It never hangs an item, nor becomes an error of ours."""

import os

import pytest

from clipcast.platforms import http as platform_http
from clipcast.platforms.responses import Response, received
from clipcast.testing.case import Case
from clipcast.testing.harness import Stage
from clipcast.testing.odd import BODIES, ODD_TEXT, Mutator

SEEDS = range(int(os.environ.get("PROVE_ODD_SEEDS", "4")))
STATUSES = (400, 401, 403, 404, 409, 422, 429, 500, 503)


async def check(stage: Stage, case: Case, post: str, mutator: Mutator) -> str:
    """Assert that the item ended or waits, made at most one video, and has no internal error."""
    item = await stage.item(post)
    told = "\n".join([f"{item['status']} {item['error']}", *mutator.changed])
    assert item["error"] is None or item["error"]["class"] != "internal", told
    assert item["status"] in ("published", "failed") or item["next_attempt_at"], told
    assert len(await stage.sandbox.posts(case.platform)) <= 1, told
    # What came in is shown by every page and answer that shows the item.
    for path in (f"/posts/{post}", f"/posts/{post}/items/{item['id']}/attempts", "/posts", "/connections"):
        assert (await stage.caller.get(path)).status_code == 200, told
    return str(item["status"])


@pytest.mark.parametrize("seed", SEEDS)
async def test_odd_responses_for_a_while_are_got_over_or_classified(
    stage: Stage, case: Case, connection: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Most of the first responses are odd. The work that they are about has been done."""
    mutator = Mutator(seed)

    async def sometimes(response, *limit: int) -> Response:  # type: ignore[no-untyped-def]
        if len(mutator.changed) < 8 and mutator.random.random() < 0.7:
            return await mutator.received(response, *limit)
        return await received(response, *limit)

    monkeypatch.setattr(platform_http, "received", sometimes)
    post = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    await check(stage, case, post, mutator)


@pytest.mark.parametrize("seed", SEEDS[:2])
async def test_odd_text_at_every_string_is_stored_and_shown(
    stage: Stage, case: Case, connection: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Ids, names, addresses, tokens and messages of any text, for as long as the item lives."""
    mutator = Mutator(seed, ODD_TEXT, ())
    monkeypatch.setattr(platform_http, "received", mutator.received)
    post = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    await check(stage, case, post, mutator)
    options = await stage.caller.get(f"/connections/{connection}/options")
    assert options.status_code in (200, 409, 503), options.text


@pytest.mark.parametrize("seed", SEEDS[:2])
async def test_odd_refusals_are_classified(stage: Stage, case: Case, connection: str, seed: int) -> None:
    """A request is refused, and nothing was done, with a body that says nothing that can be understood."""
    mutator = Mutator(seed)
    for request in case.requests:
        body = mutator.random.choice(BODIES).decode("latin-1")
        status = mutator.random.choice(STATUSES)
        mutator.changed.append(f"{request}: {status} {body[:300]!r}")
        await stage.sandbox.fault(case.platform, request, "before", "status", status=status, body=body)
    post = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    await check(stage, case, post, mutator)
