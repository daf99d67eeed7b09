"""Pinterest's boards, media and Pins (docs/platforms/pinterest.md 2, 4, 8)."""

import hashlib
import itertools
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from python_multipart.multipart import parse_options_header
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.sandbox.faults import Interrupted, body_pieces
from clipcast.sandbox.inputs import asked_number, json_object, number
from clipcast.sandbox.pinterest.oauth import Authorization, error
from clipcast.sandbox.pinterest.rules import LIMITS, is_accepted, pin_problem
from clipcast.sandbox.simulator import MEDIA_SETTINGS
from clipcast.sandbox.state import Account, Post, Upload

PINTEREST_AGENT = "Pinterest/0.2 (+https://www.pinterest.com/bot.html)"
API, S3, WWW = "api.pinterest.com", "pinterest-media-upload.s3-accelerate.amazonaws.com", "www.pinterest.com"
UPLOAD_LIFETIME = timedelta(hours=1)
VIDEO_MAX = 2_000_000_000
# The maximum size in bytes of the fields before the file.
FIELDS_MAX = 20_480
# The boards of every account, and their sections.
SECTIONS: dict[str, tuple[str, ...]] = {"Harbours": ("North", "South"), "Recipes": ()}
PIN_SCOPES = ("boards:read", "boards:write", "pins:read", "pins:write")


@dataclass
class Medium:
    media_id: str
    account_id: str
    parameters: dict[str, str]
    upload: Upload
    registered_at: datetime
    received_at: datetime | None = None
    rejected: bool = False


@dataclass
class Board:
    board_id: str
    account_id: str
    name: str
    # Sections by their ids.
    sections: dict[str, str] = field(default_factory=dict)
    pins: list[str] = field(default_factory=list)


class Pinterest(Authorization):
    """Boards, media and Pins."""

    default_settings: ClassVar[dict[str, Any]] = {
        "processing_seconds": 2.0,
        "never_finish": False,
        **MEDIA_SETTINGS,
        "trial": False,
        "fetch_covers": True,
        "listing_delay_seconds": 0.0,
    }
    default_flags: ClassVar[dict[str, Any]] = {"spam_blocked": False, "refuses_media": False}

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.media: dict[str, Medium] = {}
        self.boards: dict[str, Board] = {}
        self.pins: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(5_000_000_000_000_001)

    def routes(self) -> list[Route]:
        v5 = "/v5"
        return [
            self.route(API, f"{v5}/oauth/token", ["POST"], "token", self.token),
            self.route(API, f"{v5}/oauth/token/revoke", ["POST"], "revoke", self.revoke),
            self.route(API, f"{v5}/user_account", ["GET"], "user_account", self.user_account),
            self.route(API, f"{v5}/boards", ["GET"], "boards", self.list_boards),
            self.route(API, f"{v5}/boards/{{board}}/pins", ["GET"], "board_pins", self.list_pins),
            self.route(API, f"{v5}/boards/{{board}}/sections", ["GET"], "board_sections", self.list_sections),
            self.route(API, f"{v5}/media", ["POST"], "media", self.register),
            self.route(API, f"{v5}/media/{{media}}", ["GET"], "media_status", self.media_status),
            self.route(S3, "/", ["POST"], "upload", self.upload, VIDEO_MAX),
            self.route(API, f"{v5}/pins", ["POST"], "pin", self.create_pin),
            self.route(API, f"{v5}/pins/{{pin}}", ["DELETE"], "delete", self.delete_pin),
        ]

    def new_account(self, username: str, display_name: str) -> Account:
        digest = int(hashlib.sha256(username.encode()).hexdigest()[:12], 16)
        account = Account(self.platform, str(digest), username, display_name, dict(self.default_flags))
        self.state.accounts[self.platform, account.account_id] = account
        for offset, name in enumerate(SECTIONS, 1):
            board_id = str(digest * 10 + offset)
            sections = {f"{board_id}{n}": section for n, section in enumerate(SECTIONS[name], 1)}
            self.boards[board_id] = Board(board_id, account.account_id, name, sections)
        return account

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        if host == S3:
            codes = {404: "NoSuchKey", 405: "MethodNotAllowed", 413: "EntityTooLarge"}
            return _xml(status, codes.get(status, "BadRequest"))
        return super().trouble(host, path, status, message)

    async def user_account(self, request: Request) -> Response:
        grant = self.caller(request, "user_accounts:read")
        if isinstance(grant, Response):
            return grant
        account = self.account(grant.account_id)
        image = self.state.avatar_url(WWW, account.username)
        return JSONResponse(
            {
                "id": account.account_id,
                "username": account.username,
                "business_name": account.display_name,
                "account_type": "BUSINESS",
                "profile_image": image,
            }
        )

    async def list_boards(self, request: Request) -> Response:
        grant = self.caller(request, "boards:read")
        if isinstance(grant, Response):
            return grant
        mine = [board for board in self.boards.values() if board.account_id == grant.account_id]
        items = [
            {"id": board.board_id, "name": board.name, "privacy": "PUBLIC", "is_ads_only": False} for board in mine
        ]
        return _page(request, items)

    async def list_sections(self, request: Request) -> Response:
        grant = self.caller(request, "boards:read")
        if isinstance(grant, Response):
            return grant
        board = self.boards.get(request.path_params["board"])
        if board is None or board.account_id != grant.account_id:
            return error(404, 40, "Board not found.")
        return _page(request, [{"id": id, "name": name} for id, name in board.sections.items()])

    async def register(self, request: Request) -> Response:
        grant = self.caller(request, "pins:read", "pins:write")
        if isinstance(grant, Response):
            return grant
        if (await json_object(request)).get("media_type") != "video":
            return error(400, 1, "media_type must be video.")
        media_id = str(next(self._numbers))
        parameters = {
            "x-amz-date": f"{clock.now():%Y%m%dT%H%M%SZ}",
            "x-amz-signature": secrets.token_hex(32),
            "x-amz-security-token": secrets.token_urlsafe(40),
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "key": f"uploads/{media_id}",
            "policy": secrets.token_urlsafe(60),
            "x-amz-credential": "SANDBOX/us-east-1/s3/aws4_request",
            "Content-Type": "multipart/form-data",
        }
        self.media[media_id] = Medium(media_id, grant.account_id, parameters, self.state.new_upload(), clock.now())
        body = {"media_id": media_id, "media_type": "video", "upload_url": f"https://{S3}/"}
        return JSONResponse(body | {"upload_parameters": parameters}, 201)

    async def upload(self, request: Request) -> Response:
        if "authorization" in request.headers:
            return _xml(400, "InvalidArgument")
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or b"boundary" not in options:
            return _xml(400, "MalformedPOSTRequest")
        if number(request.headers.get("content-length")) is None:
            return _xml(411, "MissingContentLength")
        try:
            return await self._receive(request, options[b"boundary"])
        except Interrupted:
            return _xml(400, "IncompleteBody")

    async def _receive(self, request: Request, boundary: bytes) -> Response:
        """Receive the form in pieces and write the file to disk.

        The storage host requires the signed fields first, unchanged, and the file last.
        """
        tail = b"\r\n--" + boundary + b"--\r\n"
        medium: Medium | None = None
        buffer = b""
        async for piece in body_pieces(request):
            buffer += piece
            if medium is None:
                head = _file_start(buffer, boundary)
                if head is None and len(buffer) > FIELDS_MAX:
                    return _xml(400, "MaxPostPreDataLengthExceededError")
                if head is None:
                    continue
                fields, buffer = head
                medium = self.media.get(fields.get("key", "").removeprefix("uploads/"))
                if medium is None or fields != medium.parameters:
                    return _xml(403, "SignatureDoesNotMatch")
                if medium.received_at or clock.now() > medium.registered_at + UPLOAD_LIFETIME:
                    return _xml(403, "AccessDenied")
                medium.upload.rewind((0, hashlib.sha256()))
            keep = max(0, len(buffer) - len(tail))
            with medium.upload.open() as file:
                medium.upload.add(file, buffer[:keep])
            buffer = buffer[keep:]
        if medium is None or buffer != tail:
            return _xml(400, "MalformedPOSTRequest")
        medium.received_at = clock.now()
        if self.settings["check_media"]:
            medium.rejected = not is_accepted(await self.read_upload(medium.upload))
        return Response(None, 204)

    async def media_status(self, request: Request) -> Response:
        grant = self.caller(request, "pins:read")
        if isinstance(grant, Response):
            return grant
        medium = self.media.get(request.path_params["media"])
        if medium is None or medium.account_id != grant.account_id:
            return error(404, 404, "Media not found.")
        return JSONResponse({"media_id": medium.media_id, "media_type": "video", "status": self._status(medium)})

    def _status(self, medium: Medium) -> str:
        if medium.received_at is None:
            return "registered"
        ready_at = medium.received_at + timedelta(seconds=self.settings["processing_seconds"])
        if clock.now() < ready_at or self.settings["never_finish"]:
            return "processing"
        rejected = medium.rejected or self.account(medium.account_id).flags["refuses_media"]
        return "failed" if rejected else "succeeded"

    async def create_pin(self, request: Request) -> Response:
        grant = self.caller(request, *PIN_SCOPES)
        if isinstance(grant, Response):
            return grant
        if self.settings["trial"]:
            return error(403, 29, "Apps with Trial access may not create Pins in production.")
        if self.account(grant.account_id).flags["spam_blocked"]:
            return error(403, 9, "You've hit a block (Pins) we have in place to combat spam.")
        body = await json_object(request)
        if problem := pin_problem(body):
            return error(400, 1, problem)
        board = self.boards.get(body["board_id"])
        if board is None or board.account_id != grant.account_id:
            return error(404, 40, "Board not found.")
        section = body.get("board_section_id")
        if section is not None and str(section) not in board.sections:
            return error(404, 2031, "Board section not found.")
        source = body["media_source"]
        medium = self.media.get(str(source.get("media_id")))
        if medium is None or medium.account_id != grant.account_id:
            return error(404, 404, "Media not found.")
        if self._status(medium) != "succeeded":
            return error(400, 1, "Media is not ready.")
        cover = source.get("cover_image_url")
        if cover and self.settings["fetch_covers"] and await self.state.fetch(str(cover), PINTEREST_AGENT):
            return error(400, 1, "Unable to reach the URL of the cover image.")
        return self._pin(board, medium, body)

    def _pin(self, board: Board, medium: Medium, body: dict[str, Any]) -> Response:
        pin_id = str(next(self._numbers))
        now = clock.now()
        # A Pin does not name its media, and its time has no zone.
        pin = {name: body.get(name) for name in ("board_id", "board_section_id", "ai_disclosures", *LIMITS)} | {
            "id": pin_id,
            "created_at": now.replace(tzinfo=None).isoformat(timespec="seconds"),
            "creative_type": "VIDEO",
            "is_owner": True,
            "media": {"media_type": "video", "width": None, "height": None, "duration": None},
        }
        self.pins[pin_id] = pin
        board.pins.insert(0, pin_id)
        self.state.add_post(
            Post(
                self.platform,
                board.account_id,
                pin_id,
                self.state.public_url(WWW, f"/pin/{pin_id}/"),
                body.get("title") or "",
                "public",
                medium.upload.path,
                medium.upload.sha256,
                medium.upload.size,
                now,
                {name: value for name, value in body.items() if name != "media_source"}
                | {name: value for name, value in body["media_source"].items() if name.startswith("cover_")},
            )
        )
        return JSONResponse(pin, 201)

    async def list_pins(self, request: Request) -> Response:
        grant = self.caller(request, "boards:read", "pins:read")
        if isinstance(grant, Response):
            return grant
        board = self.boards.get(request.path_params["board"])
        if board is None or board.account_id != grant.account_id:
            return error(404, 40, "Board not found.")
        seen = clock.now() - timedelta(seconds=self.settings["listing_delay_seconds"])
        posts = self.state.posts
        shown = [
            self.pins[id]
            for id in board.pins
            if (post := posts.get((self.platform, id))) is not None and post.created_at <= seen
        ]
        return _page(request, shown)

    async def delete_pin(self, request: Request) -> Response:
        grant = self.caller(request, *PIN_SCOPES)
        if isinstance(grant, Response):
            return grant
        post = self.state.posts.get((self.platform, request.path_params["pin"]))
        if post is None or post.account_id != grant.account_id:
            return error(404, 50, "Pin not found.")
        self.state.remove_post(post)
        return Response(None, 204)


def _page(request: Request, items: list[dict[str, Any]]) -> Response:
    start, size = asked_number(request, "bookmark", 0), asked_number(request, "page_size", 25, 1, 250)
    more = str(start + size) if start + size < len(items) else None
    return JSONResponse({"items": items[start : start + size], "bookmark": more})


def _file_start(buffer: bytes, boundary: bytes) -> tuple[dict[str, str], bytes] | None:
    """Return the fields and the start of the file, or None while the file's headers are incomplete."""
    marker = re.search(rb'name="file"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n', buffer)
    if marker is None:
        return None
    fields = {}
    for part in buffer[: marker.start()].split(b"--" + boundary + b"\r\n"):
        found = re.fullmatch(rb'Content-Disposition: form-data; name="([^"]+)"\r\n\r\n(.*)\r\n', part, re.DOTALL)
        if found:
            fields[found[1].decode("latin-1")] = found[2].decode("latin-1")
    return fields, buffer[marker.end() :]


def _xml(status: int, code: str) -> Response:
    return Response(f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>", status, media_type="application/xml")
