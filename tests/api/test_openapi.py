"""The OpenAPI document, and the API held against it."""

from typing import Any

import httpx2
import pytest

from clipcast.server.app import describe
from clipcast.testing.harness import API

OPERATIONS = {
    "createPost", "listPosts", "getPost", "updatePost", "publishPost", "retryPostItem", "deletePostItem", "deletePost",
    "validatePost", "listConnections", "getConnection", "getWorkspace", "startUpload", "completeUpload", "createRender",
    "listRenders", "getRender", "downloadRender", "deleteRender", "getRenderLimits", "listPlatforms",
    "getConnectionOptions", "listPostItemAttempts", "retryPost",
    "getPostItem", "updatePostItem",
    "startAssetUpload", "completeAssetUpload", "listAssets", "deleteAsset",
    "listVideos", "deleteVideo",
}  # fmt: skip


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe()


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


async def test_document_needs_no_key(http: httpx2.AsyncClient) -> None:
    answer = await http.get(API + "/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.")


def test_every_operation_is_named_and_described(document: dict[str, Any]) -> None:
    assert {operation["operationId"] for operation in operations(document)} == OPERATIONS
    for operation in operations(document):
        assert operation["summary"], operation["operationId"]
        assert len(operation["description"]) > 20, operation["operationId"]
        assert operation["responses"]["401"]["content"]["application/problem+json"]


def test_request_bodies_are_complete_without_references(document: dict[str, Any]) -> None:
    bodies = [
        o["requestBody"]["content"]["application/json"]["schema"] for o in operations(document) if "requestBody" in o
    ]
    assert len(bodies) == 9
    for schema in bodies:
        assert schema["properties"]
        assert "$ref" not in str(schema)


def test_the_body_of_a_post_names_every_platforms_fields(document: dict[str, Any]) -> None:
    schema = document["paths"]["/posts"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    target = schema["properties"]["videos"]["items"]["properties"]["targets"]["items"]
    platforms = target["properties"]["metadata"]["properties"]
    assert {"tiktok", "youtube"} <= set(platforms)
    assert "privacyLevel" in str(platforms["tiktok"])
    assert "selfDeclaredMadeForKids" in str(platforms["youtube"])


async def test_paths_are_relative_to_the_server(document: dict[str, Any], http: httpx2.AsyncClient) -> None:
    assert document["servers"] == [{"url": API}]
    assert {"/posts", "/posts/{post_id}", "/videos/upload"} <= set(document["paths"])
    for path, operations in document["paths"].items():
        if "get" in operations and "{" not in path:
            answer = await http.get(document["servers"][0]["url"] + path)
            assert answer.status_code == 401, path


def test_headers_are_components_and_parameters_of_no_operation(document: dict[str, Any]) -> None:
    for operation in operations(document):
        assert {one["in"] for one in operation.get("parameters", [])} <= {"path", "query"}, operation["operationId"]
    headers = {one["name"] for one in document["components"]["parameters"].values()}
    assert headers == {"X-Workspace-Id", "Idempotency-Key", "If-Match"}
    for name in headers:
        assert f"`{name}`" in document["info"]["description"]


def test_upload_operations_return_200(document: dict[str, Any]) -> None:
    responses = document["paths"]["/videos/upload"]["post"]["responses"]
    assert "200" in responses
    assert "201" not in responses
    video = document["components"]["schemas"]["Video"]["required"]
    expected = {
        "description", "author", "platform", "thumbnail_url", "credits_cost", "credits_original", "discount_percent",
        "force_watermark", "current_balance",
    }  # fmt: skip
    assert expected <= set(video)
