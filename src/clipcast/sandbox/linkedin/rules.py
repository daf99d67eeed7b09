"""LinkedIn's rules for bodies, files and the little text format (docs/platforms/linkedin.md 2, 3)."""

import re
from typing import Any, Literal

from pydantic import BaseModel

from clipcast.sandbox.media.reading import Reading

COMMENTARY_MAX = 3000
# The maximum length of a text whose characters are escaped and whose hashtags are templates.
MARKED_UP_MAX = 20 * COMMENTARY_MAX
SIZES = (75_000, 500_000_000)
RESERVED = set("|{}@[]()<>#\\*_~")


class InitializeRequest(BaseModel):
    owner: str
    fileSizeBytes: int
    uploadCaptions: bool = False


class Initialize(BaseModel):
    initializeUploadRequest: InitializeRequest


class Locale(BaseModel):
    language: Literal["EN"]
    country: str
    variant: str


class CaptionsAbout(BaseModel):
    """The part `metadata` of captions: English SRT alone (docs/platforms/linkedin.md 2.4)."""

    format: Literal["SRT"]
    formattedForEasyReader: bool
    largeText: bool
    source: Literal["USER_PROVIDED"]
    locale: Locale
    transcriptType: Literal["CLOSED_CAPTION"]


SRT_CUE = re.compile(r"\d+\n\d{2}:\d{2}:\d{2},\d{3} --> \d{2}:\d{2}:\d{2},\d{3}\n\S.*", re.DOTALL)


def is_srt(content: bytes) -> bool:
    """Return whether the file is SRT: numbered captions with commas in their times, and no other text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return all(SRT_CUE.fullmatch(cue) for cue in text.replace("\r\n", "\n").strip().split("\n\n"))


class FinalizeRequest(BaseModel):
    video: str
    uploadToken: str
    uploadedPartIds: list[str]


class Finalize(BaseModel):
    finalizeUploadRequest: FinalizeRequest


class PostMedia(BaseModel):
    id: str
    title: str | None = None


class PostContent(BaseModel):
    media: PostMedia


class Distribution(BaseModel):
    feedDistribution: Literal["MAIN_FEED", "NONE"]
    targetEntities: list[Any] = []
    thirdPartyDistributionChannels: list[Any] = []


class PostRequest(BaseModel):
    """The body of a request to create a post."""

    author: str
    commentary: str
    visibility: Literal["PUBLIC", "CONNECTIONS", "LOGGED_IN"]
    distribution: Distribution
    content: PostContent
    lifecycleState: Literal["PUBLISHED"]
    isReshareDisabledByAuthor: bool = False


def is_accepted(media: Reading | None) -> bool:
    """Return whether LinkedIn can process the file."""
    return (
        media is not None
        and media.container == "mp4"
        and media.video_codec == "h264"
        and (media.sound is None or media.sound.codec == "aac")
        and media.lasts(3, 1800)
        and SIZES[0] <= media.size <= SIZES[1]
    )


def visible_text(text: str) -> str:
    """Convert little text to the text that readers see. An unescaped reserved character cuts it."""
    text = re.sub(r"\{hashtag\|\\#\|((?:\\.|[^}\\])+)\}", lambda match: "\\#" + match[1], text)
    shown, index = "", 0
    while index < len(text):
        character = text[index]
        if character == "\\" and index + 1 < len(text):
            shown += text[index + 1]
            index += 2
            continue
        if character in RESERVED:
            break
        shown += character
        index += 1
    return shown
