"""A valid request for each route, and the invalid values that tests put into its parts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from clipcast.sandbox.bluesky.rules import APP_PASSWORD

FORM = "application/x-www-form-urlencoded"
NOW = "2026-11-27T09:00:00Z"


@dataclass(frozen=True)
class RequestParts:
    """The parts of a request. Its body is JSON, a form or bytes."""

    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    form: dict[str, str] | None = None
    content: bytes = b""


RESTLI = {"LinkedIn-Version": "202609", "X-Restli-Protocol-Version": "2.0.0"}
TOKEN_FORM = {
    "client_id": "app",
    "client_secret": "s",
    "client_key": "app",
    "grant_type": "authorization_code",
    "code": "c",
    "redirect_uri": "https://example.org/",
    "refresh_token": "r",
    "token": "t",
}
SOURCE = {"source": "FILE_UPLOAD", "video_size": 5, "chunk_size": 5, "total_chunk_count": 1}
BLOB = {"$type": "blob", "ref": {"$link": "bafk"}, "mimeType": "video/mp4", "size": 5}
RECORD = {
    "$type": "app.bsky.feed.post",
    "text": "Tide #sea",
    "createdAt": NOW,
    "langs": ["en"],
    "tags": ["sea"],
    "facets": [
        {"index": {"byteStart": 5, "byteEnd": 9}, "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "sea"}]}
    ],
    "labels": {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "nudity"}]},
    "embed": {
        "$type": "app.bsky.embed.video",
        "video": BLOB,
        "alt": "A sea",
        "aspectRatio": {"width": 9, "height": 16},
        "captions": [{"lang": "en", "file": BLOB | {"mimeType": "text/vtt"}}],
    },
}
TEXT_RECORD = {"$type": "app.bsky.feed.post", "text": "No video at all", "createdAt": NOW}


def _record(identifiers: "Identifiers", record: dict[str, Any]) -> dict[str, Any]:
    did = identifiers.accounts["bluesky"]
    return {"repo": did, "collection": "app.bsky.feed.post", "rkey": "3lbvgxhhhhs2a", "record": record}


@dataclass
class Identifiers:
    """The accounts and ids that requests can name."""

    accounts: dict[str, str]
    ids: Callable[[str], list[str]]


def valid_requests(name: str, identifiers: Identifiers) -> list[RequestParts]:
    """Return valid or nearly valid requests for the route of this name."""
    page_form = {"upload_phase": "start", "file_size": "5"}
    video = next(iter(identifiers.ids("facebook.videos")), "1")
    finish = {
        "upload_phase": "finish",
        "video_id": video,
        "video_state": "SCHEDULED",
        "scheduled_publish_time": "1900000000",
        "description": "x",
        "targeting": "{}",
    }
    board = next(iter(identifiers.ids("pinterest.boards")), "1")
    container = next(iter(identifiers.ids("instagram.containers")), "1")
    table: dict[str, list[RequestParts]] = {
        "tiktok.user_info": [RequestParts({"fields": "open_id,username"})],
        "tiktok.creator_info": [RequestParts(json={})],
        "tiktok.video_init": [
            RequestParts(
                json={
                    "post_info": {
                        "privacy_level": "SELF_ONLY",
                        "title": "Tide",
                        "brand_content_toggle": False,
                        "video_cover_timestamp_ms": 5,
                    },
                    "source_info": SOURCE,
                }
            ),
            RequestParts(
                json={
                    "post_info": {"privacy_level": "SELF_ONLY", "brand_content_toggle": False},
                    "source_info": {"source": "PULL_FROM_URL", "video_url": "https://media.example/a.mp4"},
                }
            ),
        ],
        "tiktok.inbox_init": [RequestParts(json={"source_info": SOURCE})],
        "tiktok.status": [RequestParts(json={"publish_id": id}) for id in identifiers.ids("tiktok.tasks")[:2]],
        "tiktok.cancel": [RequestParts(json={"publish_id": id}) for id in identifiers.ids("tiktok.tasks")[:2]],
        "tiktok.chunk": [
            RequestParts(
                {"upload_token": key},
                {"Content-Type": "video/mp4", "Content-Range": "bytes 0-4/5", "Content-Length": "5"},
                content=b"video",
            )
            for key in identifiers.ids("tiktok._by_key")[:2]
        ],
        "youtube.channels": [RequestParts({"mine": "true", "part": "snippet"})],
        "youtube.session": [
            RequestParts(
                {"uploadType": "resumable", "part": "snippet,status,recordingDetails"},
                {"X-Upload-Content-Length": "5", "X-Upload-Content-Type": "video/mp4"},
                json={
                    "snippet": {"title": "Tide", "description": "x", "tags": ["sea"], "categoryId": "22"},
                    "recordingDetails": {"recordingDate": NOW},
                    "status": {"privacyStatus": "private", "publishAt": NOW, "embeddable": True},
                },
            )
        ],
        "youtube.bytes": [
            RequestParts(
                {"upload_id": id},
                {"Content-Type": "video/mp4", "Content-Range": "bytes 0-4/5", "Content-Length": "5"},
                content=b"video",
            )
            for id in identifiers.ids("youtube.sessions")[:2]
        ],
        "youtube.videos": [
            RequestParts({"part": "status", "id": ",".join(identifiers.ids("youtube.videos")[:2]) or "x"})
        ],
        "youtube.videos_update": [
            RequestParts({"part": "status"}, json={"id": id, "status": {"privacyStatus": "private", "publishAt": NOW}})
            for id in identifiers.ids("youtube.videos")[:2]
        ],
        "youtube.videos_delete": [RequestParts({"id": "x"})],
        "youtube.thumbnail": [
            RequestParts({"videoId": id}, content=b"\xff\xd8\xff") for id in identifiers.ids("youtube.videos")[:1]
        ],
        "youtube.playlist_items": [
            RequestParts({"playlistId": id, "maxResults": "5", "part": "snippet"})
            for id in identifiers.ids("youtube.playlists")[:2]
        ],
        "youtube.playlist_insert": [
            RequestParts(
                {"part": "snippet"},
                json={"snippet": {"playlistId": id, "resourceId": {"kind": "youtube#video", "videoId": "x"}}},
            )
            for id in identifiers.ids("youtube.playlists")[:1]
        ],
        "instagram.create": [
            RequestParts(
                form={
                    "media_type": "REELS",
                    "video_url": "https://media.example/a.mp4",
                    "caption": "x",
                    "collaborators": '["a"]',
                    "user_tags": '[{"username": "a"}]',
                    "thumb_offset": "1",
                    "trial_params": '{"graduation_strategy": "MANUAL"}',
                    "cover_url": "https://media.example/a.png",
                }
            ),
            RequestParts(form={"media_type": "STORIES", "upload_type": "resumable"}),
        ],
        "instagram.publish": [RequestParts(form={"creation_id": container})],
        "instagram.bytes": [RequestParts(headers={"offset": "0", "file_size": "5"}, content=b"video")],
        "instagram.posts": [RequestParts({"since": "1700000000", "fields": "id,permalink"})],
        "instagram.status": [RequestParts({"fields": "id,status_code,status,video_status"})],
        "threads.create": [
            RequestParts(
                form={
                    "media_type": "VIDEO",
                    "video_url": "https://media.example/a.mp4",
                    "text": "x",
                    "topic_tag": "sea",
                    "allowlisted_country_codes": "NO,BR",
                    "location_id": "1",
                }
            )
        ],
        "threads.publish": [RequestParts(form={"creation_id": id}) for id in identifiers.ids("threads.containers")[:1]],
        "threads.posts": [RequestParts({"since": "1700000000", "limit": "5", "fields": "id,text"})],
        "threads.status": [RequestParts({"fields": "id,status,error_message"})],
        "facebook.accounts": [RequestParts({"fields": "id,name,access_token", "after": "0"})],
        "facebook.start": [RequestParts(form={"upload_phase": "start"}), RequestParts(form=finish)],
        "facebook.start_video": [RequestParts(form=page_form)],
        "facebook.bytes": [
            RequestParts(headers={"offset": "0", "file_size": "5"}, content=b"video"),
            RequestParts(headers={"file_url": "https://media.example/a.mp4"}),
        ],
        "facebook.list": [RequestParts({"since": "0"})],
        "facebook.collaborator": [RequestParts({"target_id": "123"})],
        "pinterest.boards": [RequestParts({"page_size": "25", "bookmark": "0"})],
        "pinterest.media": [RequestParts(json={"media_type": "video"})],
        "pinterest.pin": [
            RequestParts(
                json={
                    "board_id": board,
                    "board_section_id": f"{board}1",
                    "title": "Tide",
                    "link": "https://x/",
                    "dominant_color": "#123456",
                    "ai_disclosures": {"values": ["AI_MODIFIED"]},
                    "media_source": {"source_type": "video_id", "media_id": id, "cover_image_key_frame_time": 1},
                }
            )
            for id in identifiers.ids("pinterest.media")[:1]
        ],
        "linkedin.organizations": [RequestParts({"q": "roleAssignee"}, RESTLI)],
        "linkedin.initialize": [
            RequestParts(
                {"action": "initializeUpload"},
                RESTLI,
                json={
                    "initializeUploadRequest": {
                        "owner": f"urn:li:person:{identifiers.accounts['linkedin']}",
                        "fileSizeBytes": 80_000,
                    }
                },
            ),
            *(
                RequestParts(
                    {"action": "finalizeUpload"},
                    RESTLI,
                    json={"finalizeUploadRequest": {"video": urn, "uploadToken": "", "uploadedPartIds": ["x"]}},
                )
                for urn in identifiers.ids("linkedin.videos")[:1]
            ),
        ],
        "linkedin.post": [
            RequestParts(
                headers=RESTLI,
                json={
                    "author": f"urn:li:person:{identifiers.accounts['linkedin']}",
                    "commentary": "Tide",
                    "visibility": "PUBLIC",
                    "distribution": {
                        "feedDistribution": "MAIN_FEED",
                        "targetEntities": [],
                        "thirdPartyDistributionChannels": [],
                    },
                    "content": {"media": {"id": urn, "title": "x"}},
                    "lifecycleState": "PUBLISHED",
                    "isReshareDisabledByAuthor": False,
                },
            )
            for urn in identifiers.ids("linkedin.videos")[:1]
        ],
        "linkedin.finder": [
            RequestParts({"q": "author", "author": "x", "count": "5"}, RESTLI | {"X-Restli-Method": "FINDER"})
        ],
        "bluesky.session": [
            RequestParts(json={"identifier": "nobody", "password": "x"}),
            RequestParts(json={"identifier": identifiers.accounts["bluesky"], "password": APP_PASSWORD}),
        ],
        "bluesky.put": [
            RequestParts(json=_record(identifiers, RECORD)),
            RequestParts(json=_record(identifiers, TEXT_RECORD)),
        ],
        "bluesky.create": [RequestParts(json=_record(identifiers, TEXT_RECORD))],
        "bluesky.delete": [RequestParts(json=_record(identifiers, TEXT_RECORD))],
        "bluesky.get": [
            RequestParts({"repo": identifiers.accounts["bluesky"], "collection": "app.bsky.feed.post", "rkey": "x"})
        ],
        "bluesky.service_auth": [RequestParts({"aud": "did:web:x", "lxm": "x", "exp": "1900000000"})],
        "bluesky.blob": [RequestParts(headers={"Content-Type": "video/mp4"}, content=b"video")],
        "bluesky.upload": [
            RequestParts(
                {"did": identifiers.accounts["bluesky"], "name": "x"}, {"Content-Type": "video/mp4"}, content=b"video"
            )
        ],
        "bluesky.start": [RequestParts(json={"sizeBytes": 5, "mimeType": "video/mp4", "name": "x", "durationMs": 5})],
        "bluesky.part": [
            RequestParts({"jobId": id, "partNumber": "1"}, content=b"video")
            for id in identifiers.ids("bluesky.uploads")[:1]
        ],
        "bluesky.finish": [RequestParts(json={"jobId": id}) for id in identifiers.ids("bluesky.uploads")[:1]],
        "bluesky.abort": [RequestParts(json={"jobId": "x"})],
        "bluesky.job": [RequestParts({"jobId": id}) for id in identifiers.ids("bluesky.jobs")[:1]],
        "inject_fault": [
            RequestParts(
                json={
                    "platform": "tiktok",
                    "request": "x",
                    "when": "after",
                    "kind": "status",
                    "status": 503,
                    "body": {"a": 1},
                    "headers": {"Retry-After": "1"},
                    "times": 2,
                }
            )
        ],
        "create_account": [RequestParts(json={"username": "somebody", "display_name": "x"})],
        "patch_account": [
            RequestParts(
                json={
                    "private": True,
                    "max_duration": 60,
                    "media_failure": 352,
                    "outcome": ["failed", "x"],
                    "container_failure": "UNKNOWN",
                    "members": {"a": "b"},
                    "revoked": False,
                }
            )
        ],
        "patch_settings": [
            RequestParts(json={"tiktok": {"processing_seconds": 1, "oauth_error_status": 200}}),
            RequestParts(json={"bluesky": {"part_bytes": 5}, "youtube": {"error_style": "bare"}}),
        ],
        "move_clock": [RequestParts(json={"seconds": 1})],
    }
    if name.endswith((".token", ".revoke", ".par")):
        return [RequestParts(form=TOKEN_FORM), RequestParts(form=TOKEN_FORM | {"grant_type": "refresh_token"})]
    return table.get(name) or [RequestParts(headers=RESTLI)]


# Texts that break parsers. They can replace each text of a request.
TEXTS = (
    "",
    "\0",
    "\ud800",
    "²",
    "-1",
    "1.5",
    "NaN",
    "9" * 5000,
    "bytes 5-1/5",
    "bytes */5",
    "http://[",
    "[",
    "did:",
    "%00",
    "a" * 5000,
    "https://media.example:99999999/",
    "0",
    "٣",
    "1700000000000000000",
    "\n",
    "{}",
    "[5]",
    '{"a": ',
    "[" * 500 + "]" * 500,
)
RANDOM_TEXTS = st.text(max_size=20)
# Numbers at the limits of their types.
NUMBERS = (0, -1, 2**63, 10**40, 1.5, 1e300, -0.0)
RANDOM_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.sampled_from(NUMBERS)
    | st.sampled_from(TEXTS)
    | RANDOM_TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$type", "id", "ref", "video"]) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
BODIES = (
    b"",
    b"\0",
    b"\xff\xfe",
    b"{",
    b"null",
    b"5",
    b"[]",
    b'"\\ud800"',
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b"\xed\xa0\x80",
    b'{"seconds": Infinity}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"9" * 5000,
    b" " * 1_100_000,
    b"a=1&" * 2000,
    b"%",
    b"=",
    b"--x\r\n",
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="source"; filename="\xff"\r\n\r\nb\r\n--x--\r\n',
    b"--x\r\nfoo\r\n\r\n--x--",
    b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n\xff\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nb\r\n--x--\r\n',
)
TYPES = (
    "application/json",
    "application/json; charset=UTF-8",
    FORM,
    "text/plain",
    "",
    ";",
    "multipart/form-data",
    "video/mp4",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=x; charset=unicode_escape",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=x; charset=idna",
    f"{FORM}; charset=utf-7",
    'multipart/form-data; boundary="',
)
HEADERS = (
    "Content-Range",
    "Content-Length",
    "offset",
    "file_size",
    "file_url",
    "X-Upload-Content-Length",
    "DPoP",
    "Host",
    "X-Upload-Content-Type",
    "LinkedIn-Version",
    "Range",
    "Authorization",
    "Accept",
    "Slug",
    "Transfer-Encoding",
    "If-Range",
)
QUERIES = (
    "part",
    "id",
    "mine",
    "maxResults",
    "playlistId",
    "videoId",
    "upload_id",
    "uploadType",
    "fields",
    "since",
    "limit",
    "after",
    "bookmark",
    "page_size",
    "q",
    "author",
    "count",
    "action",
    "did",
    "name",
    "jobId",
    "partNumber",
    "repo",
    "collection",
    "rkey",
    "handle",
    "actor",
    "aud",
    "lxm",
    "exp",
    "access_token",
    "input_token",
    "grant_type",
    "v",
    "client_id",
    "client_key",
    "client_secret",
    "response_type",
    "scope",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
    "request_uri",
    "target_id",
    "platform",
)


def json_paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of a JSON value and of all its parts."""
    found = [path]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        found += json_paths(part, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return the JSON value with a new value at one path."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy
