"""What every platform's metadata must take and refuse: at, and one above, each limit."""

from typing import Any

from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.case import Case, TextLimit
from clipcast.testing.harness import Stage


async def validate(stage: Stage, connection: str, platform: str, metadata: dict[str, Any]) -> dict[str, Any]:
    edit = await stage.store(stage.clip)
    target = {"connectionId": connection, "metadata": {platform: metadata}}
    answer = await stage.caller.post("/posts/validate", {"videos": [{"editId": edit, "targets": [target]}]})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_the_longest_text_is_published(stage: Stage, case: Case, connection: str, limit: TextLimit) -> None:
    post_id = await stage.post(connection, case.platform, case.metadata | {limit.name: limit.longest})
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)


async def test_one_unit_more_is_refused(stage: Stage, case: Case, connection: str, limit: TextLimit) -> None:
    found = await validate(stage, connection, case.platform, case.metadata | {limit.name: limit.too_long})
    assert [(e["path"], e["code"]) for e in found["errors"]] == [
        (f"/videos/0/targets/0/metadata/{case.platform}/{limit.name}", limit.code)
    ]
    error = found["errors"][0]
    assert error["actual"] > error["limit"]


async def test_unusable_metadata_is_refused(
    stage: Stage, case: Case, connection: str, refused: tuple[dict[str, Any], str, str]
) -> None:
    metadata, path, code = refused
    found = await validate(stage, connection, case.platform, metadata)
    assert not found["valid"]
    assert (f"/videos/0/targets/0/metadata/{case.platform}{path}", code) in [
        (error["path"], error["code"]) for error in found["errors"]
    ]


async def test_metadata_of_another_platform_is_refused(stage: Stage, case: Case, connection: str) -> None:
    other = next(name for name in PLATFORMS if name != case.platform)
    found = await validate(stage, connection, other, case.metadata)
    assert [(error["path"], error["code"]) for error in found["errors"]] == [
        (f"/videos/0/targets/0/metadata/{other}", "wrong_platform")
    ]
