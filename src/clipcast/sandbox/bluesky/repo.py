"""A PDS's repository: blobs, and records whose keys the client chooses (docs/platforms/bluesky.md 2, 8)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.clock import clock
from clipcast.sandbox.bluesky.answers import blob_cid, record_cid, xrpc_error
from clipcast.sandbox.bluesky.identity import PDS_DID, WWW, Identity
from clipcast.sandbox.bluesky.rules import COLLECTIONS, POST, record_problem
from clipcast.sandbox.faults import Interrupted, body_pieces
from clipcast.sandbox.grants import Grant
from clipcast.sandbox.inputs import json_object
from clipcast.sandbox.state import Post, Upload

POINTS_AN_HOUR = 5000
HOUR = timedelta(hours=1)
# The server deletes a blob that no record references after this time.
BLOB_LIFETIME = timedelta(hours=6)
UPLOAD_BLOB = "com.atproto.repo.uploadBlob"


@dataclass
class Blob:
    upload: Upload
    mime: str
    stored_at: datetime

    def as_dict(self) -> dict[str, Any]:
        ref = {"$link": blob_cid(self.upload.sha256)}
        return {"$type": "blob", "ref": ref, "mimeType": self.mime, "size": self.upload.size}


class Repository(Identity):
    """The records and blobs of every account."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.records: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.blobs: dict[tuple[str, str], Blob] = {}

    async def upload_blob(self, request: Request) -> Response:
        grant = self.caller(request)
        if isinstance(grant, Response):
            claims = self.service_claims(request, PDS_DID, UPLOAD_BLOB)
            if isinstance(claims, Response):
                return grant
            did = claims["iss"]
        else:
            did = grant.account_id
        if not request.headers.get("content-type"):
            return xrpc_error(400, "InvalidRequest", "Request encoding (Content-Type) required but not provided")
        upload = self.state.new_upload()
        try:
            with upload.open() as file:
                async for piece in body_pieces(request):
                    upload.add(file, piece)
        except Interrupted:
            return xrpc_error(400, "InvalidRequest", "aborted")
        if upload.size > self.settings["blob_limit"]:
            return xrpc_error(413, "PayloadTooLarge", "request entity too large")
        return JSONResponse({"blob": self.store(did, upload, request.headers["content-type"]).as_dict()})

    def store(self, did: str, upload: Upload, mime: str) -> Blob:
        """Store a blob under its CID. The content decides whether it is a video."""
        with upload.path.open("rb") as file:
            if file.read(12)[4:8] == b"ftyp":
                mime = "video/mp4"
        blob = Blob(upload, mime, clock.now())
        self.blobs[did, blob_cid(upload.sha256)] = blob
        return blob

    async def put_record(self, request: Request) -> Response:
        return await self._write(request, points=2, create=False)

    async def create_record(self, request: Request) -> Response:
        return await self._write(request, points=3, create=True)

    async def _write(self, request: Request, points: int, create: bool) -> Response:
        grant = self.caller(request)
        if isinstance(grant, Response):
            return grant
        body = await json_object(request)
        collection, rkey, record = body.get("collection"), body.get("rkey", ""), body.get("record")
        if error := self._write_error(grant, body, points):
            return error
        if not isinstance(record, dict) or not isinstance(rkey, str) or collection not in COLLECTIONS:
            return xrpc_error(400, "InvalidRequest", "Input must have a known collection and a record")
        if problem := record_problem(collection, rkey, record):
            return xrpc_error(400, "InvalidRequest", f"Invalid {collection} record: {problem}")
        if missing := self._missing_blob(grant.account_id, record):
            return xrpc_error(400, "BlobNotFound", f"Could not find blob: {missing}")
        key = (grant.account_id, collection, rkey)
        found, uri = self.records.get(key), f"at://{grant.account_id}/{collection}/{rkey}"
        result = {"uri": uri, "cid": record_cid(record), "validationStatus": "valid"}
        if found == record and not create:
            return JSONResponse(result)  # without a commit, because the record existed
        if found is not None and create:
            return xrpc_error(500, "InternalServerError", "Internal Server Error")
        if found is not None and "swapRecord" in body and body["swapRecord"] != record_cid(found):
            return xrpc_error(400, "InvalidSwap", f"Record was at {record_cid(found)}")
        self.records[key] = record
        if _has_video(record):
            self._show(grant.account_id, rkey, record)
        return JSONResponse(result | {"commit": {"cid": record_cid(record), "rev": rkey}})

    def _write_error(self, grant: Grant, body: dict[str, Any], points: int) -> Response | None:
        if error := self.scope_error(grant, f"repo:{body.get('collection')}?"):
            return error
        if body.get("repo") not in (grant.account_id, self.account(grant.account_id).username):
            return xrpc_error(403, "AccountNotFound", "Could not find repo")
        for _ in range(points):
            if not self.state.windows.hit(("points", grant.account_id), POINTS_AN_HOUR, HOUR):
                return xrpc_error(429, "RateLimitExceeded", "Rate Limit Exceeded", {"retry-after": "3600"})
        return None

    def _missing_blob(self, did: str, record: dict[str, Any]) -> str | None:
        embed = record.get("embed") or {}
        files = [embed["video"]] if embed else []
        for file in files + [caption["file"] for caption in embed.get("captions") or []]:
            link = file["ref"]["$link"]
            blob = self.blobs.get((did, link))
            if blob is None or clock.now() > blob.stored_at + BLOB_LIFETIME:
                return str(link)
        return None

    def watched_post(self, request: Request) -> str:
        named = request.path_params
        return f"at://{named['did']}/{POST}/{named['rkey']}"

    def _show(self, did: str, rkey: str, record: dict[str, Any]) -> None:
        """Add the record to the state's posts, or update its entry."""
        blob = self.blobs[did, record["embed"]["video"]["ref"]["$link"]]
        self.state.add_post(
            Post(
                self.platform,
                did,
                f"at://{did}/{POST}/{rkey}",
                self.state.public_url(WWW, f"/profile/{did}/post/{rkey}"),
                record["text"],
                "public",
                blob.upload.path,
                blob.upload.sha256,
                blob.upload.size,
                clock.now(),
                {key: value for key, value in record.items() if key not in ("$type", "text")},
            )
        )

    async def get_record(self, request: Request) -> Response:
        query = request.query_params
        account = self.find_account(query.get("repo", ""))
        if account is None:
            return xrpc_error(400, "RepoNotFound", "Could not find repo")
        collection, rkey = query.get("collection", ""), query.get("rkey", "")
        uri = f"at://{account.account_id}/{collection}/{rkey}"
        self._forget_removed()
        record = self.records.get((account.account_id, collection, rkey))
        if record is None:
            return xrpc_error(400, "RecordNotFound", f"Could not locate record: {uri}")
        return JSONResponse({"uri": uri, "cid": record_cid(record), "value": record})

    async def delete_record(self, request: Request) -> Response:
        grant = self.caller(request)
        if isinstance(grant, Response):
            return grant
        body = await json_object(request)
        if error := self._write_error(grant, body, 1):
            return error
        collection, rkey = str(body.get("collection")), str(body.get("rkey"))
        if self.records.pop((grant.account_id, collection, rkey), None) is None:
            return JSONResponse({})
        self.state.posts.pop((self.platform, f"at://{grant.account_id}/{collection}/{rkey}"), None)
        return JSONResponse({"commit": {"rev": rkey}})

    def _forget_removed(self) -> None:
        """Delete the records of posts that a control route removed."""
        for did, collection, rkey in list(self.records):
            uri = f"at://{did}/{collection}/{rkey}"
            if _has_video(self.records[did, collection, rkey]) and (self.platform, uri) not in self.state.posts:
                del self.records[did, collection, rkey]

    async def describe_server(self, request: Request) -> Response:
        about = {"did": PDS_DID, "availableUserDomains": [".bsky.social"], "inviteCodeRequired": False}
        return JSONResponse(about | {"blobUploadLimit": self.settings["blob_limit"]})


def _has_video(record: dict[str, Any]) -> bool:
    """Return whether the record is a post with a video. The sandbox stores other records, but lists no post."""
    return record["$type"] == POST and bool(record.get("embed"))
