"""The Python client of Clipcast. It imports nothing of the server, and is installable alone as `clipcast-sdk`."""

from clipcast.sdk.client import AsyncClipcast, Clipcast
from clipcast.sdk.configuration import VERSION as __version__
from clipcast.sdk.errors import (
    ApiError,
    AuthenticationError,
    BadRequest,
    ClipcastError,
    Conflict,
    ConnectionFailed,
    DuplicateContent,
    InvalidSignature,
    NotFound,
    PermissionDenied,
    PublishFailed,
    RateLimited,
    ServerError,
    Unavailable,
    UnexpectedResponse,
    UsageError,
    ValidationError,
    VersionMismatch,
)
from clipcast.sdk.results import ItemFailure, PublishedItem, PublishedPost
from clipcast.sdk.streams import Event
from clipcast.sdk.transport import Request, Retries
from clipcast.sdk.uploads import Progress

__all__ = [
    "ApiError",
    "AsyncClipcast",
    "AuthenticationError",
    "BadRequest",
    "Clipcast",
    "ClipcastError",
    "Conflict",
    "ConnectionFailed",
    "DuplicateContent",
    "Event",
    "InvalidSignature",
    "ItemFailure",
    "NotFound",
    "PermissionDenied",
    "Progress",
    "PublishFailed",
    "PublishedItem",
    "PublishedPost",
    "RateLimited",
    "Request",
    "Retries",
    "ServerError",
    "Unavailable",
    "UnexpectedResponse",
    "UsageError",
    "ValidationError",
    "VersionMismatch",
    "__version__",
]
