"""Publishing a video to Bluesky: a blob, then a record with a key that Clipcast chooses (docs/platforms/bluesky.md 2).

The key is saved before the request, and the server stores only the first record of a key: any number of attempts makes
one post. After a lost response, Clipcast reads the key from the account's server (docs/platforms/bluesky.md 6).
"""

import secrets
from datetime import timedelta
from functools import partial
from typing import Any

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.platforms.base import Absent, Found, Publication, Published, PublishWarning
from clipcast.platforms.bluesky.errors import error_name, parse_response
from clipcast.platforms.bluesky.facets import facets_of, handles_in
from clipcast.platforms.bluesky.identity import UNSIGNED, did_of, server_of
from clipcast.platforms.bluesky.metadata import BlueskyMetadata
from clipcast.platforms.bluesky.rules import CAPTIONS
from clipcast.platforms.bluesky.video import upload_video
from clipcast.platforms.errors import InvalidRequest, TransientError

POST, THREADGATE, POSTGATE = (f"app.bsky.feed.{name}" for name in ("post", "threadgate", "postgate"))
REPO = "/xrpc/com.atproto.repo"
# BCP 47: undetermined.
UNKNOWN_LANGUAGE = "und"
KEY_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
GATES = {"mentioned": "mentionRule", "followers": "followerRule", "following": "followingRule"}

VERSION = 1

Run = Publication[BlueskyMetadata]


async def publish(p: Run) -> Published:
    """Upload the clip, wait until Bluesky has processed it and put the post."""
    await p.report_progress("preparing", 2)
    origin = await p.step("server", lambda: server_of(p, p.account_id))
    blob = await upload_video(p, origin)
    await p.report_progress("publishing", 90)
    captions = await p.step("captions", lambda: _captions(p, origin))
    place = await p.step("place", lambda: _place(p))
    uri = f"at://{p.account_id}/{POST}/{place['key']}"
    for collection, gate in _gates(p, uri, place["created_at"]).items():
        await p.step(collection, partial(_put, p, origin, collection, place["key"], gate))
    record = _record(p, place, blob, captions)
    await p.send_once(
        "post",
        lambda: _put(p, origin, POST, place["key"], record),
        lambda: _reconcile(p, origin, place["key"], record),
        resend_after=timedelta(),  # one key holds one record, even if it is put twice
    )
    unknown = [handle for handle in handles_in(p.metadata.text) if handle not in place["dids"]]
    url = f"https://bsky.app/profile/{p.account_id}/post/{place['key']}"
    return Published(uri, url, warnings=tuple(map(_not_mentioned, unknown)))


def _not_mentioned(handle: str) -> PublishWarning:
    message = f"@{handle} is plain text: no account had this handle when the post was created."
    return PublishWarning("mention_not_found", message, "Check the handle's spelling in the next post.")


async def _place(p: Run) -> dict[str, Any]:
    """Choose the post's key and time and resolve its handles, so that every attempt sends the same record."""
    dids = {}
    for handle in handles_in(p.metadata.text):
        try:
            dids[handle] = await did_of(p, handle)
        except InvalidRequest:
            continue  # no account has this handle
    now = clock.now()
    return {"key": record_key(int(now.timestamp() * 1_000_000)), "created_at": format_timestamp(now), "dids": dids}


def record_key(microseconds: int) -> str:
    """Return a TID: 53 bits of time and 10 random bits, as 13 characters that sort by time (atproto.com/specs/tid)."""
    number = microseconds << 10 | secrets.randbelow(1024)
    return "".join(KEY_LETTERS[number >> shift & 31] for shift in range(60, -1, -5))


def _record(p: Run, place: dict[str, Any], blob: dict[str, Any], captions: list[dict[str, Any]]) -> dict[str, Any]:
    metadata, media = p.metadata, p.clip.media
    embed: dict[str, Any] = {
        "$type": "app.bsky.embed.video",
        "video": blob,
        "aspectRatio": {"width": media.width, "height": media.height},
    }
    if metadata.alt:
        embed["alt"] = metadata.alt
    if captions:
        embed["captions"] = captions
    if metadata.presentation != "default":
        embed["presentation"] = metadata.presentation
    record: dict[str, Any] = {
        "$type": POST,
        "text": metadata.text,
        "createdAt": place["created_at"],
        "embed": embed,
    }
    if facets := facets_of(metadata.text, place["dids"]):
        record["facets"] = facets
    if metadata.langs:
        record["langs"] = metadata.langs
    if metadata.tags:
        record["tags"] = metadata.tags
    if metadata.labels:
        values = [{"val": label} for label in metadata.labels]
        record["labels"] = {"$type": "com.atproto.label.defs#selfLabels", "values": values}
    return record


def _gates(p: Run, uri: str, created_at: str) -> dict[str, dict[str, Any]]:
    """Return the records that limit replies and quotes. Clipcast puts them before the post."""
    gates: dict[str, dict[str, Any]] = {}
    common = {"post": uri, "createdAt": created_at}
    if p.metadata.threadgate is not None:
        rules = [{"$type": f"{THREADGATE}#{GATES[name]}"} for name in p.metadata.threadgate]
        gates[THREADGATE] = {"$type": THREADGATE, "allow": rules} | common
    if p.metadata.disable_embedding:
        gates[POSTGATE] = {"$type": POSTGATE, "embeddingRules": [{"$type": f"{POSTGATE}#disableRule"}]} | common
    return gates


async def _captions(p: Run, origin: str) -> list[dict[str, Any]]:
    """Upload the subtitles, or the render's, as blobs. The same bytes yield the same blob."""
    files = []
    for caption in p.metadata.captions:
        content = await p.fetch_public_url(caption.url, CAPTIONS.max_bytes)
        if problems := CAPTIONS.check(content)[0]:
            raise InvalidRequest(problems[0].code, f"{caption.url}: {problems[0].message}", rejected=True)
        files.append((caption.lang, content))
    if p.captions:
        files.append((p.captions.language or UNKNOWN_LANGUAGE, p.captions.content))
    captions = []
    for language, content in files:
        url, headers = f"{origin}{REPO}.uploadBlob", {"Content-Type": "text/vtt"}
        uploaded = parse_response(await p.request("captions", "POST", url, content=content, headers=headers))
        captions.append({"lang": language, "file": uploaded["blob"]})
    return captions


async def _put(p: Run, origin: str, collection: str, key: str, record: dict[str, Any]) -> str:
    """Create a record. A repeat changes nothing; the server rejects another record (docs/platforms/bluesky.md 0.2)."""
    body = {
        "repo": p.account_id,
        "collection": collection,
        "rkey": key,
        "validate": True,
        "swapRecord": None,
        "record": record,
    }
    name = "put" if collection == POST else "put_gate"
    return str(parse_response(await p.request(name, "POST", f"{origin}{REPO}.putRecord", json=body))["cid"])


async def _reconcile(p: Run, origin: str, key: str, record: dict[str, Any]) -> Found[str] | Absent:
    """Read the record with the item's key. The account's server is certain, and needs no token for this."""
    params = {"repo": p.account_id, "collection": POST, "rkey": key}
    url = f"{origin}{REPO}.getRecord"
    response = await p.request("get", "GET", url, params=params, headers=UNSIGNED)
    if response.status_code == 400 and error_name(response) == "RecordNotFound":
        return Absent()
    found = parse_response(response)
    if found["value"].get("createdAt") != record["createdAt"] or found["value"].get("text") != record["text"]:
        raise TransientError("record_key_taken", "Another record has this key.", rejected=True, restart=True)
    return Found(str(found["cid"]))
