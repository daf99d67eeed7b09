"""The metadata of a Bluesky post (docs/platforms/bluesky.md 2)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import regex
from pydantic import AfterValidator, Field

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.common.schemas import Meanings
from clipcast.platforms.bluesky.rules import (
    ADVISED_MAX_DURATION,
    ALT_MAX_GRAPHEMES,
    CAPTIONS,
    TAG_MAX_BYTES,
    TAG_MAX_GRAPHEMES,
    TEXT_MAX_BYTES,
    TEXT_MAX_GRAPHEMES,
)
from clipcast.platforms.files import LinkedFile
from clipcast.platforms.metadata import CaptionsFile, Limit, Metadata, WebAddress, too_long, utf8_bytes


def graphemes(text: str) -> int:
    """Count visible characters: an emoji of several code points counts 1."""
    return len(regex.findall(r"\X", text))


def _tag_fits(tag: str) -> str:
    if (actual := graphemes(tag)) > TAG_MAX_GRAPHEMES:
        raise too_long("The tag", TAG_MAX_GRAPHEMES, actual, "characters")
    if (actual := utf8_bytes(tag)) > TAG_MAX_BYTES:
        raise too_long("The tag", TAG_MAX_BYTES, actual, "UTF-8 bytes")
    return tag


Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]


class Caption(Metadata):
    """Subtitles in one language."""

    lang: Annotated[Language, Field(description="The captions' language: a BCP 47 tag.", examples=["pt-BR"])]
    url: Annotated[WebAddress, Field(description="A WebVTT file of at most 20000 bytes.")]


class BlueskyMetadata(Metadata):
    text_field = "text"
    captions_file = CaptionsFile("captions", CAPTIONS.max_bytes)
    main_fields = ("alt", "langs")
    remembered_fields = ("langs", "threadgate", "disableEmbedding")
    field_titles = {
        "text": "Caption",
        "langs": "Languages",
        "alt": "Description for people who do not see it",
        "labels": "Content warnings",
        "captions": "Subtitles",
        "presentation": "How it plays",
        "threadgate": "Who can reply",
        "disableEmbedding": "Allow quotes",
    }
    field_hints = {"disableEmbedding": ""}
    opposite_fields = ("disableEmbedding",)
    folds_after = 300
    value_titles = {"!no-unauthenticated": "Hidden from signed-out people", "gif": "GIF"}
    example = {"text": "First light in the harbour #harbour", "alt": "A colour test pattern", "langs": ["en"]}

    text: Annotated[
        str,
        Limit(TEXT_MAX_GRAPHEMES, graphemes, "characters"),
        Limit(TEXT_MAX_BYTES, utf8_bytes, "UTF-8 bytes"),
        Field(description="The text: at most 300 visible characters. Bluesky links URLs, domains, #tags and @handles."),
    ] = ""
    langs: Annotated[list[Language], Field(max_length=3, description="BCP 47 tags, such as pt-BR.")] = []
    alt: Annotated[
        str,
        Limit(ALT_MAX_GRAPHEMES, graphemes, "characters"),
        Field(description="The video's alternative text: at most 2000 characters."),
    ] = ""
    labels: Annotated[
        list[
            Annotated[
                Literal["porn", "sexual", "nudity", "graphic-media", "!no-unauthenticated"],
                Meanings(
                    {
                        "porn": "Explicit sexual content.",
                        "sexual": "Suggestive content.",
                        "nudity": "Nudity that is not sexual.",
                        "graphic-media": "Violence or injuries.",
                        "!no-unauthenticated": "Hidden from people who are not signed in.",
                    }
                ),
            ]
        ],
        Field(max_length=10, description="The post's self-labels, such as content warnings."),
    ] = []
    tags: Annotated[
        list[Annotated[str, Field(min_length=1, pattern="^[^#].*$"), AfterValidator(_tag_fits)]],
        Field(max_length=8, description="Further tags beside those in the text, without #."),
    ] = []
    captions: Annotated[list[Caption], Field(max_length=20, description="The video's subtitles.")] = []
    presentation: Annotated[
        Literal["default", "gif"],
        Meanings({"default": "A video with controls.", "gif": "It loops without sound."}),
        Field(description="How Bluesky shows the video. gif: loops without sound."),
    ] = "default"
    threadgate: Annotated[
        list[
            Annotated[
                Literal["mentioned", "followers", "following"],
                Meanings(
                    {
                        "mentioned": "People whom the text mentions.",
                        "followers": "The account's followers.",
                        "following": "People whom the account follows.",
                    }
                ),
            ]
        ]
        | None,
        Field(max_length=3, description="Who may reply. An empty list: nobody. Absent: everybody."),
    ] = None
    disable_embedding: Annotated[bool, Field(description="Whether to disable quotes of the post.")] = False

    @property
    def captions_language(self) -> str | None:
        """The first language of the text."""
        return next(iter(self.langs), None)

    def check(
        self, media: Media, starts_at: datetime, account: Mapping[str, Any]
    ) -> tuple[list[Problem], list[Problem]]:
        warnings = []
        if media.duration > ADVISED_MAX_DURATION:
            message = (
                f"The video lasts {media.duration:.0f} s. Servers and apps older than the middle of 2026 support "
                f"{ADVISED_MAX_DURATION} s."
            )
            warnings.append(Problem("", "long_video", message, ADVISED_MAX_DURATION, media.duration))
        if account.get("email_confirmed") is False:
            message = (
                "The account's e-mail address was not confirmed when it was connected. Bluesky requires it for videos. "
                "Confirm it in Bluesky's settings."
            )
            warnings.append(Problem("", "email_not_confirmed", message))
        return [], warnings

    def linked_files(self) -> list[LinkedFile]:
        return [LinkedFile(f"/captions/{n}/url", one.url, CAPTIONS) for n, one in enumerate(self.captions)]

    def check_options(self, options: Mapping[str, Any], media: Media | None) -> tuple[list[Problem], list[Problem]]:
        quota = options["quota"]
        left = quota["remainingBytes"]
        if quota["remainingVideos"] == 0 or (media is not None and left is not None and media.size > left):
            message = "The account has used up its daily videos. The item will wait."
            return [], [Problem("", "quota_used_up", message)]
        if not quota["canUpload"]:
            return [Problem("", "upload_forbidden", quota["message"] or "The account may not upload videos.")], []
        return [], []
