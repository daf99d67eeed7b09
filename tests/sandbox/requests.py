"""One request of every kind that is in order, and what can be sent instead of any part of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from clipcast.sandbox.bluesky.rules import APP_PASSWORD

FORM = "application/x-www-form-urlencoded"
NOW = "2026-11-27T09:00:00Z"


@dataclass(frozen=True)
class Sent:
    """A request's parts; a body is JSON, a form, or bytes as they are."""

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


def _record(known: "Known", record: dict[str, Any]) -> dict[str, Any]:
    did = known.accounts["bluesky"]
    return {"repo": did, "collection": "app.bsky.feed.post", "rkey": "3lbvgxhhhhs2a", "record": record}


@dataclass
class Known:
    """Whose account and which ids the requests may name."""

    accounts: dict[str, str]
    ids: Callable[[str], list[str]]


def in_order(name: str, known: Known) -> list[Sent]:
    """The requests of this route that are in order, or nearly."""
    page_form = {"upload_phase": "start", "file_size": "5"}
    video = next(iter(known.ids("facebook.videos")), "1")
    finish = {
        "upload_phase": "finish",
        "video_id": video,
        "video_state": "SCHEDULED",
        "scheduled_publish_time": "1900000000",
        "description": "x",
        "targeting": "{}",
    }
    board = next(iter(known.ids("pinterest.boards")), "1")
    container = next(iter(known.ids("instagram.containers")), "1")
    table: dict[str, list[Sent]] = {
        "tiktok.user_info": [Sent({"fields": "open_id,username"})],
        "tiktok.creator_info": [Sent(json={})],
        "tiktok.video_init": [
            Sent(
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
            Sent(
                json={
                    "post_info": {"privacy_level": "SELF_ONLY", "brand_content_toggle": False},
                    "source_info": {"source": "PULL_FROM_URL", "video_url": "https://media.example/a.mp4"},
                }
            ),
        ],
        "tiktok.inbox_init": [Sent(json={"source_info": SOURCE})],
        "tiktok.status": [Sent(json={"publish_id": id}) for id in known.ids("tiktok.tasks")[:2]],
        "tiktok.cancel": [Sent(json={"publish_id": id}) for id in known.ids("tiktok.tasks")[:2]],
        "tiktok.chunk": [
            Sent(
                {"upload_token": key},
                {"Content-Type": "video/mp4", "Content-Range": "bytes 0-4/5", "Content-Length": "5"},
                content=b"video",
            )
            for key in known.ids("tiktok._by_key")[:2]
        ],
        "youtube.channels": [Sent({"mine": "true", "part": "snippet"})],
        "youtube.session": [
            Sent(
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
            Sent(
                {"upload_id": id},
                {"Content-Type": "video/mp4", "Content-Range": "bytes 0-4/5", "Content-Length": "5"},
                content=b"video",
            )
            for id in known.ids("youtube.sessions")[:2]
        ],
        "youtube.videos": [Sent({"part": "status", "id": ",".join(known.ids("youtube.videos")[:2]) or "x"})],
        "youtube.videos_update": [
            Sent({"part": "status"}, json={"id": id, "status": {"privacyStatus": "private", "publishAt": NOW}})
            for id in known.ids("youtube.videos")[:2]
        ],
        "youtube.videos_delete": [Sent({"id": "x"})],
        "youtube.thumbnail": [Sent({"videoId": id}, content=b"\xff\xd8\xff") for id in known.ids("youtube.videos")[:1]],
        "youtube.playlist_items": [
            Sent({"playlistId": id, "maxResults": "5", "part": "snippet"}) for id in known.ids("youtube.playlists")[:2]
        ],
        "youtube.playlist_insert": [
            Sent(
                {"part": "snippet"},
                json={"snippet": {"playlistId": id, "resourceId": {"kind": "youtube#video", "videoId": "x"}}},
            )
            for id in known.ids("youtube.playlists")[:1]
        ],
        "instagram.create": [
            Sent(
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
            Sent(form={"media_type": "STORIES", "upload_type": "resumable"}),
        ],
        "instagram.publish": [Sent(form={"creation_id": container})],
        "instagram.bytes": [Sent(headers={"offset": "0", "file_size": "5"}, content=b"video")],
        "instagram.posts": [Sent({"since": "1700000000", "fields": "id,permalink"})],
        "instagram.status": [Sent({"fields": "id,status_code,status,video_status"})],
        "threads.create": [
            Sent(
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
        "threads.publish": [Sent(form={"creation_id": id}) for id in known.ids("threads.containers")[:1]],
        "threads.posts": [Sent({"since": "1700000000", "limit": "5", "fields": "id,text"})],
        "threads.status": [Sent({"fields": "id,status,error_message"})],
        "facebook.accounts": [Sent({"fields": "id,name,access_token", "after": "0"})],
        "facebook.start": [Sent(form={"upload_phase": "start"}), Sent(form=finish)],
        "facebook.start_video": [Sent(form=page_form)],
        "facebook.bytes": [
            Sent(headers={"offset": "0", "file_size": "5"}, content=b"video"),
            Sent(headers={"file_url": "https://media.example/a.mp4"}),
        ],
        "facebook.list": [Sent({"since": "0"})],
        "facebook.collaborator": [Sent({"target_id": "123"})],
        "pinterest.boards": [Sent({"page_size": "25", "bookmark": "0"})],
        "pinterest.media": [Sent(json={"media_type": "video"})],
        "pinterest.pin": [
            Sent(
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
            for id in known.ids("pinterest.media")[:1]
        ],
        "linkedin.organizations": [Sent({"q": "roleAssignee"}, RESTLI)],
        "linkedin.initialize": [
            Sent(
                {"action": "initializeUpload"},
                RESTLI,
                json={
                    "initializeUploadRequest": {
                        "owner": f"urn:li:person:{known.accounts['linkedin']}",
                        "fileSizeBytes": 80_000,
                    }
                },
            ),
            *(
                Sent(
                    {"action": "finalizeUpload"},
                    RESTLI,
                    json={"finalizeUploadRequest": {"video": urn, "uploadToken": "", "uploadedPartIds": ["x"]}},
                )
                for urn in known.ids("linkedin.videos")[:1]
            ),
        ],
        "linkedin.post": [
            Sent(
                headers=RESTLI,
                json={
                    "author": f"urn:li:person:{known.accounts['linkedin']}",
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
            for urn in known.ids("linkedin.videos")[:1]
        ],
        "linkedin.finder": [Sent({"q": "author", "author": "x", "count": "5"}, RESTLI | {"X-Restli-Method": "FINDER"})],
        "bluesky.session": [
            Sent(json={"identifier": "nobody", "password": "x"}),
            Sent(json={"identifier": known.accounts["bluesky"], "password": APP_PASSWORD}),
        ],
        "bluesky.put": [Sent(json=_record(known, RECORD)), Sent(json=_record(known, TEXT_RECORD))],
        "bluesky.create": [Sent(json=_record(known, TEXT_RECORD))],
        "bluesky.delete": [Sent(json=_record(known, TEXT_RECORD))],
        "bluesky.get": [Sent({"repo": known.accounts["bluesky"], "collection": "app.bsky.feed.post", "rkey": "x"})],
        "bluesky.service_auth": [Sent({"aud": "did:web:x", "lxm": "x", "exp": "1900000000"})],
        "bluesky.blob": [Sent(headers={"Content-Type": "video/mp4"}, content=b"video")],
        "bluesky.upload": [
            Sent({"did": known.accounts["bluesky"], "name": "x"}, {"Content-Type": "video/mp4"}, content=b"video")
        ],
        "bluesky.start": [Sent(json={"sizeBytes": 5, "mimeType": "video/mp4", "name": "x", "durationMs": 5})],
        "bluesky.part": [
            Sent({"jobId": id, "partNumber": "1"}, content=b"video") for id in known.ids("bluesky.uploads")[:1]
        ],
        "bluesky.finish": [Sent(json={"jobId": id}) for id in known.ids("bluesky.uploads")[:1]],
        "bluesky.abort": [Sent(json={"jobId": "x"})],
        "bluesky.job": [Sent({"jobId": id}) for id in known.ids("bluesky.jobs")[:1]],
        "inject_fault": [
            Sent(
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
        "create_account": [Sent(json={"username": "somebody", "display_name": "x"})],
        "patch_account": [
            Sent(
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
            Sent(json={"tiktok": {"processing_seconds": 1, "oauth_error_status": 200}}),
            Sent(json={"bluesky": {"part_bytes": 5}, "youtube": {"error_style": "bare"}}),
        ],
        "move_clock": [Sent(json={"seconds": 1})],
    }
    if name.endswith((".token", ".revoke", ".par")):
        return [Sent(form=TOKEN_FORM), Sent(form=TOKEN_FORM | {"grant_type": "refresh_token"})]
    return table.get(name) or [Sent(headers=RESTLI)]


# What may stand anywhere.
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
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
        ]
    ),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.sampled_from([0, -1, 2**63, 10**40, 1.5, 1e300, -0.0]),
        TEXTS,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(["$type", "id", "ref", "video"]), st.text(max_size=5)), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
BODIES = st.sampled_from(
    [
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
    ]
)
TYPES = st.sampled_from(
    [
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
    ],
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


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something else could stand in a JSON value: the whole, and every part of it."""
    found = [path]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        found += places(part, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The JSON value with something else at one place."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy
