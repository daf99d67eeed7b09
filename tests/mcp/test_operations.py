"""Operations of a document become tools, and their arguments become requests."""

from typing import Any

import pytest

from clipcast.mcp.api import ToolError
from clipcast.mcp.confirmation import plain, question_of
from clipcast.mcp.operations import Operation, operations_of, snake_case
from clipcast.mcp.results import RESULT_MAX, bounded
from clipcast.server.app import describe


@pytest.fixture(scope="module")
def operations() -> dict[str, Operation]:
    return operations_of(describe())


def test_arguments_go_to_their_places(operations: dict[str, Operation]) -> None:
    request = operations["retry_post_item"].request({"post_id": "a/b", "item_id": "i", "force": True})
    assert (request.method, request.path) == ("POST", "/posts/a%2Fb/items/i/retry")
    assert (request.query, request.body, request.keyed) == ({"force": "true"}, None, True)
    change = operations["update_post"].request({"post_id": "p", "scheduled_at": None})
    assert (change.path, change.body) == ("/posts/p", {"scheduled_at": None})
    assert operations["validate_post"].request({"videos": []}).reads


def test_every_tool_that_creates_can_be_repeated(operations: dict[str, Operation]) -> None:
    created = {snake_case(one["operationId"]) for _, one in posts_of(describe()) if "201" in one["responses"]}
    assert created | {"import_video"} == {one.name for one in operations.values() if one.creates}
    create, post = operations["create_post"], {"videos": []}
    assert create.tool.annotations
    assert create.tool.annotations.idempotent_hint
    first, *others = (
        create.request(arguments).idempotency_key
        for arguments in (
            post,
            post | {"idempotency_key": None},
            post | {"scheduled_at": None},
            post | {"idempotency_key": "2"},
        )
    )
    assert others.count(first) == 1
    assert create.request(post | {"idempotency_key": "2"}).body == post
    retry = operations["retry_post"]
    assert retry.request({"post_id": "p"}).idempotency_key is None
    assert "idempotency_key" not in retry.properties


def posts_of(document: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(path, methods["post"]) for path, methods in document["paths"].items() if "post" in methods]


def test_operations_without_json_are_no_tools() -> None:
    def operation(name: str, kind: str) -> dict[str, Any]:
        found = {"operationId": name, "summary": name, "description": name}
        return found | {"responses": {"200": {"content": {kind: {}}}, "404": {"content": {"text/html": {}}}}}

    paths = {
        "/a": {"get": operation("watchPost", "text/event-stream")},
        "/b": {"get": operation("getPost", "application/json")},
        "/c": {
            "post": operation("importPlan", "application/json") | {"requestBody": {"content": {"text/csv": {}}}},
        },
    }
    assert operations_of({"paths": paths}).keys() == {"get_post"}


def test_long_schema_stands_in_one_tool(operations: dict[str, Operation]) -> None:
    target = operations["create_post"].properties["videos"]["items"]["properties"]["targets"]["items"]
    assert "privacyLevel" in str(target["properties"]["metadata"])
    assert "privacyLevel" not in str(operations["validate_post"].properties)
    assert "see `videos` of create_post" in str(operations["validate_post"].properties)
    assert "review.commented" in str(operations["create_webhook"].properties)
    events = operations["update_webhook"].properties["events"]["anyOf"][0]["items"]
    assert events == {"type": "string", "description": "Values: see `events` of create_webhook."}


@pytest.mark.parametrize(
    ("name", "arguments", "question"),
    [
        ("create_post", {"videos": [], "scheduled_at": "2031-01-01T00:00:00Z"}, None),
        ("create_post", {"videos": [{"targets": [{"connection_id": "a"}, 1]}, 2]}, "Publish now to bluesky:@harbour?"),
        ("create_post", {"videos": "x", "common": {"text": "y"}}, "Publish now to the accounts? Text: y"),
        ("create_post", {"videos": [], "schedule": {"slot": "next"}}, None),
        (
            "create_post",
            {
                "videos": [
                    {
                        "common": {"title": "Dawn"},
                        "targets": [
                            {"connectionId": "a", "metadata": {"bluesky": {"text": "first\nlight"}}},
                            {"connectionId": "b", "metadata": {"youtube": {"title": "Dawn", "description": "Fog"}}},
                        ],
                    }
                ]
            },
            "Publish now to bluesky:@harbour, b? Texts: Dawn | first light | Fog",
        ),
        ("update_webhook", {"webhook_id": "w", "url": "https://x"}, "Change a webhook: webhook_id w, url https://x?"),
        ("update_post", {"post_id": "p", "items": []}, None),
        ("update_post", {"post_id": "p", "scheduled_at": None}, "Update a post: post_id p, scheduled_at None?"),
        ("update_post_item", {"post_id": "p", "item_id": "i"}, None),
        ("retry_post", {"post_id": "p"}, "Retry a post's failed items: post_id p?"),
        ("delete_video", {"video_id": "v"}, "Delete a video: video_id v?"),
        ("list_posts", {}, None),
        ("validate_post", {"videos": []}, None),
        ("create_render", {"video_id": "v"}, None),
    ],
)
def test_question_is_asked_before_something_is_published_or_deleted(
    operations: dict[str, Operation], name: str, arguments: dict[str, Any], question: str | None
) -> None:
    assert question_of(operations[name], arguments, {"a": "bluesky:@harbour"}) == question


@pytest.mark.parametrize("name", ["create_webhook", "update_webhook", "rotate_webhook_secret", "update_workspace"])
def test_question_is_asked_before_events_go_elsewhere(operations: dict[str, Operation], name: str) -> None:
    assert question_of(operations[name], {})


def test_text_of_an_agent_has_no_line_and_no_control_character() -> None:
    assert plain("First\r\n\x1b[2Klight\u202e\u2028 ?") == "First [2Klight ?"


def test_names_are_those_of_the_first_clients() -> None:
    assert [snake_case(one) for one in ("getPost", "listPostItemAttempts")] == ["get_post", "list_post_item_attempts"]


def test_large_result_is_cut_and_says_so() -> None:
    posts = [{"post_id": str(number), "text": "x" * 500} for number in range(1000)]
    cut = bounded({"posts": posts, "pagination": {"total_count": 1000}})
    assert 50 < len(cut["posts"]) < 100
    assert cut["pagination"] == {"total_count": 1000}
    assert cut["left_out"].startswith("posts has 1000 entries; this result shows")
    assert len(str(cut)) < RESULT_MAX * 1.1
    assert bounded({"posts": posts[:3]}) == {"posts": posts[:3]}
    whole = bounded({"text": "y" * RESULT_MAX})
    assert whole["left_out"].startswith("The result has")


def test_arguments_that_do_not_exist_are_named(operations: dict[str, Operation]) -> None:
    with pytest.raises(ToolError, match="no argument 'pots'") as caught:
        operations["list_posts"].request({"pots": 1})
    assert "status, client, label, page, limit" in caught.value.fix
