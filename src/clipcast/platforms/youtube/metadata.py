"""The metadata of a YouTube video (docs/platforms/youtube.md 2.2)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.common.schemas import Meanings
from clipcast.common.timestamps import Instant
from clipcast.platforms.files import LinkedFile
from clipcast.platforms.metadata import (
    CaptionsFile,
    Limit,
    Metadata,
    SafeArea,
    WebAddress,
    not_offered,
    utf8_bytes,
    utf16_units,
)
from clipcast.platforms.youtube.rules import (
    CAPTIONS_MAX_BYTES,
    DESCRIPTION_MAX_BYTES,
    SHORT_MAX_DURATION,
    TAGS_MAX,
    THUMBNAIL,
    TITLE_MAX,
    UNVERIFIED_MAX_DURATION,
)


def tags_length(tags: list[str]) -> int:
    """Count the characters like YouTube: commas between tags count 1, and a tag with a space counts 2 more."""
    return sum(len(tag) + (2 if " " in tag else 0) for tag in tags) + max(0, len(tags) - 1)


def _tags_fit(tags: list[str]) -> list[str]:
    if (actual := tags_length(tags)) > TAGS_MAX:
        raise PydanticCustomError(
            "too_long",
            "tags is too long: {actual} characters, maximum {limit}. Commas count, and a tag with a space counts 2 "
            "more. Remove some tags.",
            {"limit": TAGS_MAX, "actual": actual},
        )
    return tags


def _not_blank(title: str) -> str:
    if not title.strip():
        raise PydanticCustomError("required", "title is empty. Give the video a title.")
    return title


class YouTubeMetadata(Metadata):
    text_field = "description"
    cover_fields = ("thumbnail_url",)
    captions_file = CaptionsFile(None, CAPTIONS_MAX_BYTES, needs_language=True)
    title_field = "title"
    offered_fields = ("categoryId", "playlistId")
    shared_offers = ("categoryId",)
    main_fields = ("privacyStatus", "selfDeclaredMadeForKids", "containsSyntheticMedia")
    remembered_fields = (
        "categoryId",
        "privacyStatus",
        "selfDeclaredMadeForKids",
        "embeddable",
        "license",
        "publicStatsViewable",
        "notifySubscribers",
        "playlistId",
        "defaultLanguage",
    )
    field_titles = {
        "categoryId": "Category",
        "privacyStatus": "Who can watch",
        "publishAt": "YouTube publishes it at",
        "selfDeclaredMadeForKids": "Made for kids",
        "containsSyntheticMedia": "Made with AI",
        "embeddable": "Other sites can embed it",
        "publicStatsViewable": "Show the statistics",
        "recordingDate": "Recorded at",
        "notifySubscribers": "Tell subscribers",
        "playlistId": "Playlist",
        "defaultLanguage": "Language",
        "thumbnailUrl": "Cover picture (address)",
    }
    folds_after = 100
    text_on_picture = True
    safe_area = SafeArea(top=7, right=12, bottom=20, left=5)
    value_titles = {"youtube": "Standard YouTube License", "creativeCommon": "Creative Commons - Attribution"}
    example = {
        "title": "First light in the harbour",
        "description": "Posted by Clipcast's demo.",
        "tags": ["harbour"],
    }
    mistaken_example = {"title": "Live > recorded", "privacyStatus": "everyone", "tags": ["harbour" * 80]}

    title: Annotated[
        str,
        Limit(TITLE_MAX, len, "characters", forbidden="<>"),
        AfterValidator(_not_blank),
        Field(description="The title: at most 100 characters, without < and >."),
    ]
    description: Annotated[
        str,
        Limit(DESCRIPTION_MAX_BYTES, utf8_bytes, "UTF-8 bytes", forbidden="<>"),
        Field(description="The description: at most 5000 bytes of UTF-8 (an emoji counts 4), without < and >."),
    ] = ""
    tags: Annotated[
        list[Annotated[str, StringConstraints(min_length=1)]],
        AfterValidator(_tags_fit),
        Field(
            description="At most 500 characters together; commas count, a tag with a space counts 2 more.",
            json_schema_extra={"maxItems": (TAGS_MAX + 1) // 2},
        ),
    ] = []
    category_id: Annotated[
        str, Field(pattern=r"^[0-9]{1,4}$", description="A category that is assignable in the channel's region.")
    ] = "22"
    privacy_status: Annotated[
        Literal["public", "unlisted", "private"],
        Meanings(
            {
                "public": "Everyone.",
                "unlisted": "Everyone who has the link.",
                "private": "The channel, and people whom it invites.",
            }
        ),
        Field(description="Who may watch. Default: `public`, or `private` with publishAt."),
    ] = "public"
    publish_at: Annotated[
        Instant | None, Field(description="YouTube itself makes the private video public at this time.")
    ] = None
    self_declared_made_for_kids: Annotated[
        bool, Field(description="Whether the video is made for children (COPPA).")
    ] = False
    contains_synthetic_media: Annotated[
        bool, Field(description="Whether the video contains realistic altered or generated content.")
    ] = False
    embeddable: Annotated[bool, Field(description="Whether other sites may embed the video.")] = True
    license: Annotated[
        Literal["youtube", "creativeCommon"],
        Meanings(
            {"youtube": "The standard YouTube license.", "creativeCommon": "Creative Commons: reuse with attribution."}
        ),
        Field(description="The license under which others may use the video."),
    ] = "youtube"
    public_stats_viewable: Annotated[bool, Field(description="Whether everyone sees the extended statistics.")] = True
    recording_date: Annotated[Instant | None, Field(description="When the video was recorded.")] = None
    notify_subscribers: Annotated[bool, Field(description="Whether subscribers are notified.")] = True
    playlist_id: Annotated[
        str | None, Field(min_length=2, max_length=100, description="A playlist of the channel to add the video to.")
    ] = None
    default_language: Annotated[
        str | None, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", description="A BCP 47 tag such as pt-BR.")
    ] = None
    thumbnail_url: Annotated[
        WebAddress | None, Field(description="A JPEG or PNG of at most 50 MB, fetched once the video is live.")
    ] = None

    @model_validator(mode="after")
    def _publish_at_is_private(self) -> Self:
        if self.publish_at and "privacy_status" in self.model_fields_set and self.privacy_status != "private":
            raise PydanticCustomError(
                "conflict", "publishAt requires privacyStatus private. Leave privacyStatus out or change it."
            )
        return self

    @property
    def captions_language(self) -> str | None:
        """The language of the video's title and description."""
        return self.default_language

    @property
    def privacy(self) -> str:
        """The visibility until `publish_at`, or the final visibility if there is none."""
        return "private" if self.publish_at else self.privacy_status

    def check(
        self, media: Media, starts_at: datetime, account: Mapping[str, Any]
    ) -> tuple[list[Problem], list[Problem]]:
        errors, warnings = [], []
        if self.publish_at and self.publish_at <= starts_at:
            errors.append(
                Problem("/publishAt", "in_the_past", "publishAt is not after the post's own time, so YouTube would "
                        "publish at once. Choose a later time or leave it out.")
            )  # fmt: skip
        if media.duration > UNVERIFIED_MAX_DURATION and account.get("long_uploads") != "allowed":
            warnings.append(
                Problem("", "long_video", f"The video lasts {media.duration:.0f} s. Over {UNVERIFIED_MAX_DURATION} s "
                        "need a channel with a verified phone number.", UNVERIFIED_MAX_DURATION, media.duration)
            )  # fmt: skip
        if (units := utf16_units(self.title)) > TITLE_MAX:
            warnings.append(
                Problem(
                    "/title",
                    "may_be_too_long",
                    f"YouTube may count an emoji as 2 characters. title then has "
                    f"{units} characters, maximum {TITLE_MAX}.",
                    TITLE_MAX,
                    units,
                )
            )
        if self.thumbnail_url and media.is_vertical_or_square and media.duration <= SHORT_MAX_DURATION:
            warnings.append(
                Problem("/thumbnailUrl", "short", "The video becomes a Short. Shorts show thumbnails in 9:16.")
            )
        return errors, warnings

    def linked_files(self) -> list[LinkedFile]:
        return [LinkedFile("/thumbnailUrl", self.thumbnail_url, THUMBNAIL)] if self.thumbnail_url else []

    def check_options(self, options: Mapping[str, Any], media: Media | None) -> tuple[list[Problem], list[Problem]]:
        warnings = []
        categories = [category["id"] for category in options["categoryId"]]
        if self.category_id not in categories:
            warnings.append(not_offered("/categoryId", self.category_id, categories))
        playlists = [playlist["id"] for playlist in options["playlistId"]]
        if self.playlist_id and self.playlist_id not in playlists:
            warnings.append(not_offered("/playlistId", self.playlist_id, playlists))
        return [], warnings
