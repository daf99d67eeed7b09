"""The metadata of a Facebook Reel or Page video (docs/platforms/facebook.md 2.5 and 2.6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.common.schemas import Meanings
from clipcast.common.timestamps import Instant
from clipcast.platforms.facebook.rules import (
    DESCRIPTION_MAX,
    REEL_ADVISED_BYTES,
    REEL_ADVISED_TEXT,
    SCHEDULE_MAX,
    SCHEDULE_MIN,
    THUMBNAIL,
    TITLE_MAX,
)
from clipcast.platforms.files import LinkedFile
from clipcast.platforms.metadata import Limit, Metadata, SafeArea, WebAddress

PageId = Annotated[str, Field(pattern=r"^[0-9]{1,40}$")]
# Fields that only one kind of video has.
ONLY = {"REELS": ("place_id", "collaborators"), "VIDEO": ("embeddable", "no_story", "content_tags")}


class Targeting(Metadata):
    """The audience of the video."""

    countries: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]],
        Field(min_length=1, max_length=25, default_factory=list, description="ISO 3166 codes."),
    ]
    age_min: Annotated[int | None, Field(ge=13, le=65, description="The lowest age, in years.")] = None
    locales: Annotated[list[int], Field(max_length=50, description="Facebook's numbers of locales.")] = []


class FacebookMetadata(Metadata):
    text_field = "description"
    cover_fields = ("thumbnail_url",)
    title_field = "title"
    place_fields = ("mediaType",)
    main_fields = ("mediaType", "isAiGenerated")
    # Not `videoState`: nobody sees a forgotten draft.
    remembered_fields = ("targeting",)
    field_titles = {
        "description": "Caption",
        "mediaType": "Kind of post",
        "videoState": "How it is posted",
        "scheduledPublishTime": "Facebook publishes it at",
        "placeId": "Place (its id)",
        "targeting": "Audience",
        "isAiGenerated": "Made with AI",
        "thumbnailUrl": "Cover picture (address)",
        "collaborators": "Collaborators (ids of Pages)",
        "embeddable": "Other sites can embed it",
        "noStory": "Show it in the feed",
        "contentTags": "Topics",
    }
    field_hints = {"noStory": "For videos. Facebook always shows Reels in the feed."}
    opposite_fields = ("noStory",)
    folds_after = 90
    text_on_picture = True
    safe_area = SafeArea(top=14, right=6, bottom=35, left=6)
    value_titles = {
        "REELS": "Reel",
        "VIDEO": "Video",
        "PUBLISHED": "Straight to the Page",
        "DRAFT": "As a draft, to finish there",
    }
    example = {"description": "First light in the harbour #harbour"}

    description: Annotated[
        str,
        Limit(DESCRIPTION_MAX, len, "characters"),
        Field(description="The text, hashtags inline: at most 63206 characters; a Reel should stay below 2200."),
    ] = ""
    title: Annotated[
        Annotated[str, Field(min_length=1), Limit(TITLE_MAX, len, "characters")] | None,
        Field(description=f"The title: at most {TITLE_MAX} characters."),
    ] = None
    media_type: Annotated[
        Literal["REELS", "VIDEO"],
        Meanings({"REELS": "A Reel.", "VIDEO": "A video on the Page."}),
        Field(
            description="REELS: 3 to 90 s, at least 540x960 px, 24 to 60 fps. VIDEO: up to 4 hours; Facebook may keep "
            "a vertical video as a draft."
        ),
    ] = "REELS"
    video_state: Annotated[
        Literal["PUBLISHED", "DRAFT"],
        Meanings({"PUBLISHED": "Public at once.", "DRAFT": "A draft on the Page."}),
        Field(description="DRAFT: a person publishes the video on the Page."),
    ] = "PUBLISHED"
    scheduled_publish_time: Annotated[
        Instant | None,
        Field(description="Facebook itself publishes at this time: 10 minutes to 29 days after the post's own time."),
    ] = None
    place_id: Annotated[PageId | None, Field(description="REELS: the id of a Page that is a place.")] = None
    targeting: Annotated[Targeting | None, Field(description="The people who may see the video.")] = None
    is_ai_generated: Annotated[bool, Field(description="Labels the video as made with AI.")] = False
    thumbnail_url: Annotated[
        WebAddress | None, Field(description="A JPEG or PNG of at most 10 MB, fetched once the video is live.")
    ] = None
    collaborators: Annotated[
        list[PageId], Field(max_length=10, description="REELS: the ids of Pages to invite as collaborators.")
    ] = []
    embeddable: Annotated[bool, Field(description="VIDEO: whether other sites may embed it.")] = True
    no_story: Annotated[bool, Field(description="VIDEO: whether to hide it from the feed.")] = False
    content_tags: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=20, description="VIDEO: topics.")
    ] = []

    @model_validator(mode="after")
    def _a_draft_has_no_time(self) -> Self:
        if self.video_state == "DRAFT" and self.scheduled_publish_time:
            raise PydanticCustomError("conflict", "A DRAFT has no scheduledPublishTime. Leave one of them out.")
        return self

    @property
    def state(self) -> str:
        """Facebook's `video_state`."""
        return "SCHEDULED" if self.scheduled_publish_time else self.video_state

    def check(
        self, media: Media, starts_at: datetime, account: Mapping[str, Any]
    ) -> tuple[list[Problem], list[Problem]]:
        errors, warnings = [], []
        if self.scheduled_publish_time:
            ahead = self.scheduled_publish_time - starts_at
            if not SCHEDULE_MIN < ahead < SCHEDULE_MAX:
                message = (
                    "scheduledPublishTime must be 10 minutes to 29 days after the post's own time. Choose another time "
                    "or leave it out."
                )
                errors.append(Problem("/scheduledPublishTime", "time_out_of_range", message))
        if self.media_type == "REELS":
            if media.size > REEL_ADVISED_BYTES:
                message = f"The file has {media.size / 1_000_000_000:.4g} GB. Facebook may reject a Reel above 1 GB."
                warnings.append(Problem("", "file_very_large", message, REEL_ADVISED_BYTES, media.size))
            if len(self.description) > REEL_ADVISED_TEXT:
                message = (
                    f"description has {len(self.description)} characters. Facebook may cut a Reel's text after "
                    f"{REEL_ADVISED_TEXT}."
                )
                warnings.append(
                    Problem("/description", "may_be_too_long", message, REEL_ADVISED_TEXT, len(self.description))
                )
        elif media.height > media.width:
            message = "Facebook may keep a vertical video as a draft. Use mediaType REELS for this clip."
            warnings.append(Problem("/mediaType", "may_stay_a_draft", message))
        return errors, warnings + self.ignored()

    def linked_files(self) -> list[LinkedFile]:
        return [LinkedFile("/thumbnailUrl", self.thumbnail_url, THUMBNAIL)] if self.thumbnail_url else []

    def ignored(self) -> list[Problem]:
        fields = ONLY["VIDEO" if self.media_type == "REELS" else "REELS"]
        return self.set_of(
            fields, f"mediaType {self.media_type} carries no {{name}}. Leave it out, or change mediaType."
        )
