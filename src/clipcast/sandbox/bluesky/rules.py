"""Bluesky's rules as the sandbox enforces them, from the sheet alone."""

import re
from datetime import datetime
from typing import Any

import regex

APP_PASSWORD = "sand-boxx-pass-word"  # noqa: S105 - what every simulated account signs in with
MAIN_PASSWORD = "the account's own"  # noqa: S105 - and what it should not

POST = "app.bsky.feed.post"
THREADGATE, POSTGATE = "app.bsky.feed.threadgate", "app.bsky.feed.postgate"
COLLECTIONS = (POST, THREADGATE, POSTGATE)
TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
MAX_VIDEO = 300_000_000
FIELDS = {"$type", "text", "createdAt", "langs", "facets", "tags", "labels", "embed"}
FEATURES = {
    "app.bsky.richtext.facet#link": "uri",
    "app.bsky.richtext.facet#mention": "did",
    "app.bsky.richtext.facet#tag": "tag",
}


def graphemes(text: str) -> int:
    return len(regex.findall(r"\X", text))


def record_problem(collection: str, rkey: str, record: dict[str, Any]) -> str | None:
    """What is wrong with a record, with its path; None when it is in order.

    Like the real server this takes facets that point nowhere, and times in the future.
    """
    if record.get("$type") != collection:
        return f"Invalid $type: expected {collection}"
    if not TID.fullmatch(rkey):
        return "Invalid TID at record key"
    if collection != POST:
        post = record.get("post", "")
        return None if isinstance(post, str) and post.startswith("at://") else "Invalid at-uri at $.record.post"
    if unknown := set(record) - FIELDS:
        return f"Unknown fields: {', '.join(sorted(unknown))}"
    return _text_problem(record) or _list_problem(record) or _embed_problem(record.get("embed"))


def _text_problem(record: dict[str, Any]) -> str | None:
    text = record.get("text")
    if not isinstance(text, str):
        return "Missing required key 'text' at $.record"
    if graphemes(text) > 300:
        return "grapheme too big (maximum 300) at $.record.text"
    if len(text.encode()) > 3000:
        return "string too big (maximum 3000) at $.record.text"
    try:
        created = datetime.fromisoformat(record["createdAt"])
    except (KeyError, TypeError, ValueError):
        return "Invalid datetime at $.record.createdAt"
    return None if created.tzinfo else "Invalid datetime at $.record.createdAt"


def _list_problem(record: dict[str, Any]) -> str | None:
    langs, tags = record.get("langs", []), record.get("tags", [])
    if len(langs) > 3 or not all(LANGUAGE.fullmatch(lang) for lang in langs):
        return "Invalid langs at $.record.langs"
    if len(tags) > 8 or any(graphemes(tag) > 64 or len(tag.encode()) > 640 for tag in tags):
        return "Invalid tags at $.record.tags"
    for facet in record.get("facets", []):
        index = facet.get("index", {})
        if type(index.get("byteStart")) is not int or type(index.get("byteEnd")) is not int:
            return "Invalid index at $.record.facets"
        for feature in facet.get("features", []):
            if not isinstance(feature.get(FEATURES.get(feature.get("$type"), "?")), str):
                return "Invalid feature at $.record.facets"
            if "tag" in feature and graphemes(feature["tag"]) > 64:
                return "grapheme too big (maximum 64) at $.record.facets"
    labels = record.get("labels")
    if labels is not None and (
        labels.get("$type") != "com.atproto.label.defs#selfLabels" or len(labels.get("values", [])) > 10
    ):
        return "Invalid labels at $.record.labels"
    return None


def _embed_problem(embed: Any) -> str | None:
    if embed is None:
        return None
    if not isinstance(embed, dict) or embed.get("$type") != "app.bsky.embed.video":
        return "Invalid embed at $.record.embed"
    video = embed.get("video")
    if not isinstance(video, dict) or video.get("$type") != "blob" or "$link" not in video.get("ref", {}):
        return "Invalid blob at $.record.embed.video"
    if video.get("mimeType") != "video/mp4":
        return "Wrong mimetype (accepted: video/mp4) at $.record.embed.video"
    if video.get("size", 0) > MAX_VIDEO:
        return "Blob too large at $.record.embed.video"
    ratio = embed.get("aspectRatio")
    if ratio is not None and not all(type(ratio.get(side)) is int and ratio[side] >= 1 for side in ("width", "height")):
        return "Invalid aspectRatio at $.record.embed.aspectRatio"
    captions = embed.get("captions", [])
    if len(captions) > 20 or any(one.get("file", {}).get("mimeType") != "text/vtt" for one in captions):
        return "Invalid captions at $.record.embed.captions"
    return None
