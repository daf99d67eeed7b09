"""The OpenAPI documents, and the API held against them."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from clipcast.api.openapi_hints import CREATES, HINTS, LOCAL_FILES
from clipcast.common.schemas import MEANINGS, inlined
from clipcast.platforms.base import Platform
from clipcast.platforms.registry import PLATFORMS
from clipcast.server.app import describe, describe_components
from clipcast.testing.harness import API

OPERATIONS = {
    "createPost", "listPosts", "getPost", "updatePost", "publishPost", "retryPostItem", "deletePostItem", "deletePost",
    "validatePost", "listConnections", "getConnection", "getWorkspace", "startUpload", "completeUpload", "createRender",
    "listRenders", "getRender", "downloadRender", "deleteRender", "getRenderLimits", "listPlatforms",
    "getConnectionOptions", "listPostItemAttempts", "retryPost",
    "getPostItem", "updatePostItem",
    "startAssetUpload", "completeAssetUpload", "listAssets", "deleteAsset",
    "listVideos", "deleteVideo", "importVideo", "submitVideo", "listSubmissions", "getSubmission", "deleteSubmission",
    "listFoundClips", "applyTemplate", "deleteFoundClip", "renderFoundClip", "listTemplates", "createTemplate",
    "createWebhook", "listWebhooks", "getWebhook", "updateWebhook", "deleteWebhook", "sendTestEvent",
    "rotateWebhookSecret", "listWebhookDeliveries", "getWebhookDelivery", "replayWebhookDelivery",
    "replayWebhookEvents",
    "updateTemplate", "deleteTemplate", "getBalance", "listBalanceHistory",
    "listHashtagSets", "createHashtagSet", "updateHashtagSet", "deleteHashtagSet",
    "listLabels", "createLabel", "updateLabel", "deleteLabel", "listPostLabels", "setPostLabels",
    "createClient", "listClients", "getClient", "updateClient", "deleteClient", "updateConnection", "getPostingTimes",
    "setPostingTimes", "listNextTimes", "getQueue", "swapPosts", "listReviews", "getReview", "sendForReview",
    "withdrawReview", "deleteReview", "approveReview", "requestChanges", "createReviewComment", "createReviewLink",
    "listReviewLinks", "revokeReviewLink",
    "getVideoInfo", "updateWorkspace", "createBulkDownload", "getBulkDownload",
}  # fmt: skip

OTHER_THAN_JSON = {"streamPostEvents", "createPostsFromPlan"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe()


@pytest.fixture(scope="module")
def components_document() -> dict[str, Any]:
    return describe_components()


@pytest.fixture(scope="module", params=[describe, describe_components], ids=["tools", "components"])
def each_document(request: pytest.FixtureRequest) -> Any:
    return request.param()


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def schemas_in(node: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema that has properties or values, in a part of a document."""
    if isinstance(node, list):
        for inner in node:
            yield from schemas_in(inner)
    elif isinstance(node, dict):
        if "enum" in node or isinstance(node.get("properties"), dict):
            yield node
        for key, inner in node.items():
            if key not in ("example", "examples", "default"):
                yield from schemas_in(inner)


def properties_in(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for schema in schemas_in(document):
        yield from schema.get("properties", {}).items()


@pytest.mark.parametrize("name", ["openapi.json", "openapi.components.json"])
async def test_document_needs_no_key(http: httpx2.AsyncClient, name: str) -> None:
    answer = await http.get(f"{API}/{name}")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.")


def test_every_operation_is_named_and_described(document: dict[str, Any]) -> None:
    assert {operation["operationId"] for operation in operations(document)} == OPERATIONS
    for operation in operations(document):
        assert operation["summary"], operation["operationId"]
        assert len(operation["description"]) > 20, operation["operationId"]
        assert operation["responses"]["401"]["content"]["application/problem+json"]


def test_request_bodies_are_complete_without_references(document: dict[str, Any]) -> None:
    contents = [o["requestBody"]["content"] for o in operations(document) if "requestBody" in o]
    bodies = [content["application/json"]["schema"] for content in contents]
    assert len(bodies) == 35
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
    assert headers == {"X-Workspace-Id", "Idempotency-Key", "If-Match", "Last-Event-ID"}
    for name in headers:
        assert f"`{name}`" in document["info"]["description"]


def test_parameters_are_complete_without_references(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for parameter in operation["parameters"]:
            assert parameter["description"], (operation["operationId"], parameter)
            assert "$ref" not in str(parameter)


def test_annotations_tell_agents_what_an_operation_does(each_document: dict[str, Any]) -> None:
    hints = {operation["operationId"]: operation["x-mcp"] for operation in operations(each_document)}
    names = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
    for operation, value in hints.items():
        assert set(value["annotations"]) == set(names), operation

    def hinted(operation: str) -> set[str]:
        return {name for name in names if hints[operation]["annotations"][name]}

    publishing = {"destructiveHint", "openWorldHint"}
    for operation in ("createPost", "publishPost", "retryPost", "retryPostItem"):
        assert hinted(operation) == publishing
    assert hinted("updatePost") == publishing | {"idempotentHint"}
    assert hinted("validatePost") == {"readOnlyHint", "idempotentHint", "openWorldHint"}
    assert hinted("listPosts") == {"readOnlyHint", "idempotentHint"}
    assert hinted("deletePost") == {"destructiveHint", "idempotentHint"}
    assert hinted("startUpload") == set()
    assert {name for name, value in hints.items() if value.get("localFiles")} == {
        "startUpload", "completeUpload", "startAssetUpload", "completeAssetUpload"
    }  # fmt: skip
    assert {name for name, value in hints.items() if value.get("streams")} <= OTHER_THAN_JSON


def test_hints_are_chosen_for_every_post(components_document: dict[str, Any]) -> None:
    posts = {path["post"]["operationId"] for path in components_document["paths"].values() if "post" in path}
    assert posts <= HINTS.keys(), "Add what these operations do to HINTS of api/openapi_hints.py."
    assert {*HINTS, *LOCAL_FILES, *CREATES} <= {
        operation["operationId"] for operation in operations(components_document)
    }


def test_components_document_has_the_same_operations_and_names_its_schemas(
    document: dict[str, Any], components_document: dict[str, Any]
) -> None:
    """Only the operations that take or return something else than JSON are missing in the document for tools."""
    for_tools, all_of_them = (
        [operation["operationId"] for operation in operations(one)] for one in (document, components_document)
    )
    assert for_tools == [name for name in all_of_them if name not in OTHER_THAN_JSON]
    assert set(all_of_them) == OPERATIONS | OTHER_THAN_JSON
    components = components_document["components"]
    assert {"Post", "Item", "CreatePost", "Metadata", "YouTubeMetadata", "ItemStatus"} <= components["schemas"].keys()
    for reference in re.findall(r"#/components/(\w+)/(\w+)", str(components_document)):
        assert reference[1] in components[reference[0]], reference
    for operation in operations(components_document):
        for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
            for content in holder.get("content", {}).values():
                inline = {key for key in content["schema"] if key not in ("$ref", "anyOf")}
                assert not inline, operation["operationId"]


def test_components_document_has_the_headers_that_operations_accept(components_document: dict[str, Any]) -> None:
    accepted = {
        operation["operationId"]: {one["$ref"].rpartition("/")[2] for one in operation["parameters"] if "$ref" in one}
        for operation in operations(components_document)
    }
    assert accepted["createPost"] == {"WorkspaceId", "IdempotencyKey"}
    assert accepted["validatePost"] == {"WorkspaceId"}
    assert accepted["retryPostItem"] == {"WorkspaceId", "IdempotencyKey", "IfMatch"}
    assert accepted["deletePost"] == {"WorkspaceId", "IfMatch"}
    assert accepted["streamPostEvents"] == {"WorkspaceId", "LastEventId"}


def test_every_property_is_described(each_document: dict[str, Any]) -> None:
    missing = {name for name, schema in properties_in(each_document) if not schema.get("description")}
    assert not missing


def test_every_listed_value_has_a_meaning(each_document: dict[str, Any]) -> None:
    found = [schema for schema in schemas_in(each_document) if "enum" in schema]
    assert len(found) > 20
    for schema in found:
        assert set(schema[MEANINGS]) == set(schema["enum"])
        assert all(len(meaning) > 3 for meaning in schema[MEANINGS].values()), schema


@pytest.mark.parametrize("name", ["ErrorCode", "ProblemCode", "ItemErrorCode", "ItemWarningCode"])
def test_codes_of_errors_are_listed(document: dict[str, Any], name: str) -> None:
    expected = {
        "ErrorCode": "validation_failed",
        "ProblemCode": "too_long",
        "ItemErrorCode": "outcome_unknown",
        "ItemWarningCode": "thumbnail_not_set",
    }
    assert expected[name] in document["components"]["schemas"][name]["enum"]


def test_every_time_has_the_format_date_time(each_document: dict[str, Any]) -> None:
    found = [schema for name, schema in properties_in(each_document) if name.endswith(("_at", "At"))]
    found.append(each_document["components"]["schemas"]["ItemError"]["properties"]["at"])
    assert len(found) > 20
    for schema in found:
        branches = [schema, *schema.get("anyOf", [])]
        assert any(branch.get("format") == "date-time" for branch in branches), schema


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_limits_of_texts_stand_beside_their_counting_rule(platform: Platform[Any]) -> None:
    schema = platform.metadata.model_json_schema(by_alias=True)
    limited = [field for field in schema["properties"].values() if "x-max" in str(field)]
    assert limited
    for field in limited:
        limit = next(one for one in (field, *field.get("anyOf", [])) if "x-max" in one)
        assert limit["x-unit"]
        assert limit["maxLength"] >= limit["x-max"]
        assert limit["maxLength"] == limit["x-max"] or limit["x-unit"] == "characters"  # visible ones


def test_tags_are_declared_with_a_sentence(each_document: dict[str, Any]) -> None:
    declared = {tag["name"]: tag["description"] for tag in each_document["tags"]}
    assert {tag for operation in operations(each_document) for tag in operation["tags"]} == set(declared)
    assert all(text.endswith(".") for text in declared.values())


def test_every_request_and_response_has_a_complete_example(components_document: dict[str, Any]) -> None:
    schemas = components_document["components"]["schemas"]
    for operation in operations(components_document):
        holders = [operation.get("requestBody", {}), *(r for s, r in operation["responses"].items() if s[0] == "2")]
        for content in (content for holder in holders for content in holder.get("content", {}).values()):
            schema = inlined(content["schema"], schemas)
            validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            assert list(validator.iter_errors(content["example"])) == [], operation["operationId"]
            assert content["example"], operation["operationId"]


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
