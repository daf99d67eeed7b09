"""What each operation does, for agents: `x-mcp`, whose annotations have the names of the Model Context Protocol."""

from typing import Any

READ_ONLY, DESTRUCTIVE, IDEMPOTENT, OPEN_WORLD = (
    "readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"
)  # fmt: skip
NONE = {READ_ONLY: False, DESTRUCTIVE: False, IDEMPOTENT: False, OPEN_WORLD: False}
CHANGE = NONE | {DESTRUCTIVE: True, IDEMPOTENT: True}
USUAL = {
    "get": NONE | {READ_ONLY: True, IDEMPOTENT: True},
    "post": NONE,
    "put": CHANGE,
    "patch": CHANGE,
    "delete": CHANGE,
}
# The operation publishes, or changes what Clipcast publishes.
PUBLISHES = {DESTRUCTIVE: True, OPEN_WORLD: True}
# The operation asks platforms, and changes nothing.
ASKS = {READ_ONLY: True, IDEMPOTENT: True, OPEN_WORLD: True}
# What differs from the usual of the operation's method. Every POST stands here, because a POST can be anything.
HINTS: dict[str, dict[str, bool]] = {
    "createPost": PUBLISHES,
    "createPostsFromPlan": PUBLISHES,
    "updatePost": PUBLISHES,
    "updatePostItem": PUBLISHES,
    "publishPost": PUBLISHES,
    "retryPost": PUBLISHES,
    "retryPostItem": PUBLISHES,
    "sendForReview": CHANGE,
    "withdrawReview": CHANGE,
    "deleteReview": PUBLISHES,
    "approveReview": PUBLISHES,
    "requestChanges": CHANGE,
    "createReviewComment": NONE,
    "createReviewLink": NONE,
    "validatePost": ASKS,
    "getConnectionOptions": ASKS,
    "startUpload": NONE,
    "completeUpload": {IDEMPOTENT: True},
    "startAssetUpload": NONE,
    "completeAssetUpload": {IDEMPOTENT: True},
    "createRender": {IDEMPOTENT: True},
    "renderFoundClip": {IDEMPOTENT: True},
    "submitVideo": NONE,
    "createTemplate": NONE,
    "applyTemplate": CHANGE,
    "importVideo": {OPEN_WORLD: True},
    "getVideoInfo": {OPEN_WORLD: True},
    "createBulkDownload": {READ_ONLY: True},
    "createClient": NONE,
    "createHashtagSet": NONE,
    "createLabel": NONE,
    "swapPosts": {DESTRUCTIVE: True},
    "createWebhook": {OPEN_WORLD: True},
    "sendTestEvent": {OPEN_WORLD: True},
    "replayWebhookDelivery": {OPEN_WORLD: True},
    "replayWebhookEvents": {OPEN_WORLD: True},
    "rotateWebhookSecret": {DESTRUCTIVE: True},
}
# The response of these operations goes on until their subject has ended.
STREAMS = ("streamPostEvents",)
# Each call of these operations makes another thing. Tools repeat one with the same Idempotency-Key.
CREATES = (
    "createPost",
    "createReviewComment",
    "createReviewLink",
    "createClient",
    "createHashtagSet",
    "createLabel",
    "createTemplate",
    "createWebhook",
    "importVideo",
    "submitVideo",
)
# Between these operations, the client sends a file of its own machine to a signed address.
LOCAL_FILES = ("startUpload", "completeUpload", "startAssetUpload", "completeAssetUpload")


def hints_of(operation_id: str, method: str) -> dict[str, Any]:
    """Return the value of `x-mcp` for an operation."""
    annotations = USUAL[method] | HINTS.get(operation_id, {})
    marks = {"localFiles": LOCAL_FILES, "streams": STREAMS, "creates": CREATES}
    return {"annotations": annotations} | {name: True for name, ids in marks.items() if operation_id in ids}
