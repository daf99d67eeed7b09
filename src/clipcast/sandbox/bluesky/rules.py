"""Bluesky's rules for records and files (docs/platforms/bluesky.md 2, 3)."""

import re
from datetime import datetime
from typing import Any, Literal

import regex
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clipcast.sandbox.media.reading import Reading
from clipcast.sandbox.simulator import PASSWORD

APP_PASSWORD = PASSWORD
MAIN_PASSWORD = "the account's own"  # noqa: S105 - the account's own password, which Clipcast rejects

POST = "app.bsky.feed.post"
THREADGATE, POSTGATE = "app.bsky.feed.threadgate", "app.bsky.feed.postgate"
COLLECTIONS = (POST, THREADGATE, POSTGATE)
TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
MAX_VIDEO = 300_000_000
MAX_SECONDS = 600
MAX_CAPTIONS = 20_000
# The field of each kind of feature, and the lexicon's format of its value.
FEATURES = {
    "app.bsky.richtext.facet#link": ("uri", re.compile(r"[a-z][a-z0-9+.-]*:(//)?[^\s/]\S*", re.IGNORECASE)),
    "app.bsky.richtext.facet#mention": ("did", re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]")),
    "app.bsky.richtext.facet#tag": ("tag", re.compile(r".{1,640}", re.DOTALL)),
}


class Index(BaseModel):
    byteStart: int = Field(ge=0)
    byteEnd: int = Field(ge=0)


class Facet(BaseModel):
    index: Index
    features: list[dict[str, Any]]


class Label(BaseModel):
    val: str = Field(max_length=128)


class SelfLabels(BaseModel):
    type: Literal["com.atproto.label.defs#selfLabels"] = Field(alias="$type")
    values: list[Label] = Field(max_length=10)


class Ref(BaseModel):
    link: str = Field(alias="$link")


class BlobRef(BaseModel):
    type: Literal["blob"] = Field(alias="$type")
    ref: Ref
    mimeType: str
    size: int = Field(ge=0)


class Caption(BaseModel):
    lang: str
    file: BlobRef


class AspectRatio(BaseModel):
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class VideoEmbed(BaseModel):
    type: Literal["app.bsky.embed.video"] = Field(alias="$type")
    video: BlobRef
    alt: str | None = None
    aspectRatio: AspectRatio | None = None
    captions: list[Caption] = Field([], max_length=20)


class PostRecord(BaseModel):
    """A post of the lexicon. It rejects unknown fields, which a real server accepts."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["app.bsky.feed.post"] = Field(alias="$type")
    text: str
    createdAt: str
    langs: list[str] = Field([], max_length=3)
    facets: list[Facet] = []
    tags: list[str] = Field([], max_length=8)
    labels: SelfLabels | None = None
    embed: VideoEmbed | None = None


class Gate(BaseModel):
    """A thread gate or a post gate."""

    post: str = Field(pattern="^at://")
    createdAt: str
    allow: list[dict[str, Any]] | None = Field(None, max_length=5)
    embeddingRules: list[dict[str, Any]] | None = Field(None, max_length=5)
    detachedEmbeddingUris: list[str] | None = Field(None, max_length=50)


def media_problem(media: Reading | None) -> str | None:
    """Return the message with which the video service rejects the file, or None."""
    if media is None or media.container != "mp4" or media.video_codec != "h264":
        return "unsupported_codec"
    if media.sound is not None and media.sound.codec != "aac":
        return "unsupported_codec"
    if media.size > MAX_VIDEO:
        return "encoded_video_too_large"
    if not media.lasts(0, MAX_SECONDS):
        return "video_too_long"
    return None if media.has_aspect(1 / 3, 3) else "bad_aspect_ratio"


def graphemes(text: str) -> int:
    return len(regex.findall(r"\X", text))


def record_problem(collection: str, rkey: str, record: dict[str, Any]) -> str | None:
    """Return the message of the first error in a record, with its path, or None.

    Like a real server it accepts facets outside the text and times in the future.
    """
    if record.get("$type") != collection:
        return f"Invalid $type: expected {collection}"
    if not TID.fullmatch(rkey):
        return "Invalid TID at record key"
    model = PostRecord if collection == POST else Gate
    try:
        found = model.model_validate(record, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{first['msg']} at {'.'.join(('$.record', *(str(part) for part in first['loc'])))}"
    if not _is_time(found.createdAt):
        return "Invalid datetime at $.record.createdAt"
    return _post_problem(found) if isinstance(found, PostRecord) else None


def _post_problem(post: PostRecord) -> str | None:
    if len(post.text.encode()) > 3000:
        return "string too big (maximum 3000) at $.record.text"
    if graphemes(post.text) > 300:
        return "grapheme too big (maximum 300) at $.record.text"
    if not all(LANGUAGE.fullmatch(lang) for lang in post.langs):
        return "Invalid langs at $.record.langs"
    if any(len(tag.encode()) > 640 or graphemes(tag) > 64 for tag in post.tags):
        return "Invalid tags at $.record.tags"
    for facet in post.facets:
        for feature in facet.features:
            if problem := _feature_problem(feature):
                return f"{problem} at $.record.facets"
    return _embed_problem(post.embed) if post.embed else None


def _feature_problem(feature: dict[str, Any]) -> str | None:
    kind = feature.get("$type")
    name, form = FEATURES.get(kind, ("", None)) if isinstance(kind, str) else ("", None)
    value = feature.get(name)
    if form is None or not isinstance(value, str) or not form.fullmatch(value):
        return "Invalid feature"
    return "grapheme too big (maximum 64)" if name == "tag" and graphemes(value) > 64 else None


def _embed_problem(embed: VideoEmbed) -> str | None:
    if embed.video.mimeType != "video/mp4":
        return "Wrong mimetype (accepted: video/mp4) at $.record.embed.video"
    if embed.video.size > MAX_VIDEO:
        return "Blob too large at $.record.embed.video"
    for caption in embed.captions:
        if caption.file.mimeType != "text/vtt" or caption.file.size > MAX_CAPTIONS:
            return "Invalid captions at $.record.embed.captions"
    return None


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
