"""Errors of XRPC hosts, and content identifiers."""

import hashlib
import json
from base64 import b32encode
from typing import Any

from starlette.responses import JSONResponse, Response


def xrpc_error(status: int, error: str, message: str = "", headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": error, "message": message or error}, status, headers)


def xrpc_trouble(status: int, message: str) -> Response:
    """Return an XRPC host's error for a request that it cannot parse or route."""
    if status == 404:
        return xrpc_error(501, "MethodNotImplemented", "Method Not Implemented")
    return xrpc_error(status, "PayloadTooLarge" if status == 413 else "InvalidRequest", message)


def cid(digest: bytes, codec: int) -> str:
    """Return the CIDv1 of a SHA-256 digest."""
    return "b" + b32encode(bytes((1, codec, 0x12, 0x20)) + digest).decode().rstrip("=").lower()


def blob_cid(sha256: str) -> str:
    return cid(bytes.fromhex(sha256), 0x55)


def record_cid(record: dict[str, Any]) -> str:
    """Return the identifier of a record. It hashes JSON, where a real server hashes DAG-CBOR."""
    return cid(hashlib.sha256(json.dumps(record, sort_keys=True).encode()).digest(), 0x71)
