"""Accounts by their names, and texts that all targets share."""

from typing import Any

import pytest

from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.shorthand import with_texts
from clipcast.testing.harness import ACCOUNT, Caller, Stage

NAME = f"@{ACCOUNT}"


async def body_of(stage: Stage, *targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"videos": [{"editId": await stage.caller.upload(stage.clip), "targets": list(targets)}]} | more


async def created(stage: Stage, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Create the post and return its items."""
    response = await stage.caller.post("/posts", body)
    assert response.status_code == 201, response.text
    items: list[dict[str, Any]] = (await stage.show(response.json()["post_id"]))["items"]
    return items


async def problems(stage: Stage, body: dict[str, Any]) -> list[dict[str, Any]]:
    response = await stage.caller.post("/posts", body)
    assert response.status_code == 422, response.text
    found: list[dict[str, Any]] = response.json()["errors"]
    return found


@pytest.mark.parametrize("name", [NAME, NAME.upper(), f"threads:{NAME}"])
async def test_name_of_an_account_stands_for_its_connection(stage: Stage, name: str) -> None:
    connection = await stage.connect("threads")
    target = {"connectionId": name, "metadata": {"threads": {"text": "Tide"}}}
    [item] = await created(stage, await body_of(stage, target))
    assert item["connection_id"] == connection


async def test_name_that_several_accounts_have_is_an_error_that_lists_them(stage: Stage) -> None:
    for platform in ("threads", "bluesky"):
        await stage.connect(platform)
    [problem] = await problems(stage, await body_of(stage, {"connectionId": NAME}))
    assert (problem["path"], problem["code"]) == ("/videos/0/targets/0/connectionId", "ambiguous_account")
    assert problem["limit"] == [f"bluesky:{NAME}", f"threads:{NAME}"]
    assert all(name in problem["message"] for name in problem["limit"])
    [item] = await created(stage, await body_of(stage, {"connectionId": problem["limit"][0]}))
    assert item["platform"] == "bluesky"


@pytest.mark.parametrize("name", ["@nobody", f"youtube:{NAME}", "@", "threads:", f"threads{NAME}"])
async def test_unknown_name_is_an_error_once(stage: Stage, name: str) -> None:
    await stage.connect("threads")
    [problem] = await problems(stage, await body_of(stage, {"connectionId": name}))
    assert (problem["path"], problem["code"]) == ("/videos/0/targets/0/connectionId", "not_found")
    assert name in problem["message"]


async def test_account_of_another_workspace_has_no_name_here(stage: Stage) -> None:
    await stage.connect("threads")
    other = await Caller.create(stage.installation, stage.caller.http, "Other")
    edit = await other.upload(stage.clip)
    response = await other.post("/posts", {"videos": [{"editId": edit, "targets": [{"connectionId": NAME}]}]})
    assert [one["code"] for one in response.json()["errors"]] == ["not_found"]


async def test_two_names_of_one_account_are_the_same_target(stage: Stage) -> None:
    connection = await stage.connect("threads")
    found = await problems(stage, await body_of(stage, {"connectionId": connection}, {"connectionId": NAME}))
    assert [one["code"] for one in found] == ["not_unique"]


async def test_common_texts_fill_each_platforms_fields(stage: Stage) -> None:
    for platform in ("youtube", "threads", "bluesky"):
        await stage.connect(platform)
    targets = [
        {"connectionId": f"youtube:{NAME}"},
        {"connectionId": f"threads:{NAME}", "metadata": {"threads": {"text": "Own"}}},
        {"connectionId": f"bluesky:{NAME}"},
    ]
    body = await body_of(stage, *targets, common={"title": "Light", "text": "First light", "tags": ["harbour"]})
    body["videos"][0]["common"] = {"title": "First light"}
    assert [item["metadata"] for item in await created(stage, body)] == [
        {"youtube": {"title": "First light", "description": "First light", "tags": ["harbour"]}},
        {"threads": {"text": "Own"}},
        {"bluesky": {"text": "First light", "tags": ["harbour"]}},
    ]


async def test_common_text_beyond_a_platforms_limit_is_that_targets_problem(stage: Stage) -> None:
    for platform in ("threads", "bluesky"):
        await stage.connect(platform)
    targets = [{"connectionId": f"{platform}:{NAME}"} for platform in ("threads", "bluesky")]
    body = await body_of(stage, *targets, common={"text": "a" * 400})
    found = await problems(stage, body)
    assert [(one["path"], one["code"]) for one in found] == [("/videos/0/targets/1/metadata/bluesky/text", "too_long")]


async def test_malformed_common_texts_are_errors(stage: Stage) -> None:
    await stage.connect("threads")
    body = await body_of(stage, {"connectionId": NAME}, common={"text": 5, "tags": "harbour", "texts": ""})
    assert {(one["path"], one["code"]) for one in await problems(stage, body)} == {
        ("/common/text", "wrong_type"),
        ("/common/tags", "wrong_type"),
        ("/common/texts", "unknown_field"),
    }


@pytest.mark.parametrize("metadata", ["text", ["a"], {"youtube": {}}, {"threads": []}])
def test_texts_do_not_change_metadata_that_has_another_problem(metadata: Any) -> None:
    target = {"metadata": metadata}
    assert with_texts(target, PLATFORMS["threads"], {"text": "Tide"}) == target
