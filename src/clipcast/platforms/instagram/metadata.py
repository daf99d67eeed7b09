"""The metadata of an Instagram Reel or Story (docs/platforms/instagram.md 2.2 and 2.7)."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.common.schemas import Meanings
from clipcast.platforms.files import LinkedFile
from clipcast.platforms.instagram.rules import (
    CAPTION_MAX,
    COLLABORATORS_MAX,
    COVER,
    HASHTAGS_ADVISED,
    HASHTAGS_MAX,
    MENTIONS_MAX,
)
from clipcast.platforms.metadata import CoverTime, Limit, Metadata, SafeArea, WebAddress
from clipcast.platforms.texts import without_addresses

HASHTAG = re.compile(r"#\w+")
MENTION = re.compile(r"(?<!\w)@[\w.]+")
# Fields that a Story does not have.
ONLY_REELS = ("caption", "collaborators", "cover_url", "share_to_feed", "audio_name", "trial_graduation_strategy")
Username = Annotated[str, Field(pattern=r"^[A-Za-z0-9._]{1,30}$")]


def _few_tags(caption: str) -> str:
    for what, pattern, limit in (("hashtags", HASHTAG, HASHTAGS_MAX), ("@mentions", MENTION, MENTIONS_MAX)):
        if (actual := len(pattern.findall(without_addresses(caption)))) > limit:
            raise PydanticCustomError(
                "too_many",
                "caption has too many {what}: {actual}, maximum {limit}. Remove some.",
                {"limit": limit, "what": what, "actual": actual},
            )
    return caption


class InstagramMetadata(Metadata):
    text_field = "caption"
    place_fields = ("mediaType",)
    cover_time = CoverTime("thumb_offset", 1000)
    cover_fields = ("thumb_offset", "cover_url")
    main_fields = ("mediaType", "shareToFeed", "isAiGenerated")
    # Not `mediaType`: a Story is gone after a day, so that a forgotten one costs the post.
    remembered_fields = ("shareToFeed",)
    field_titles = {
        "mediaType": "Kind of post",
        "shareToFeed": "Show it in the feed, too",
        "coverUrl": "Cover picture (address)",
        "thumbOffset": "Cover frame (ms)",
        "audioName": "Name of the sound",
        "locationId": "Place (its id)",
        "userTags": "People in the video",
        "trialGraduationStrategy": "Trial Reel: when all see it",
        "isAiGenerated": "Made with AI",
    }
    folds_after = 55
    text_on_picture = True
    safe_area = SafeArea(top=14, right=6, bottom=35, left=6)
    value_titles = {
        "REELS": "Reel",
        "STORIES": "Story",
        "MANUAL": "When you say so",
        "SS_PERFORMANCE": "When it does well",
    }
    example = {"caption": "First light in the harbour #harbour"}

    caption: Annotated[
        str,
        Limit(CAPTION_MAX, len, "characters"),
        AfterValidator(_few_tags),
        Field(description="The text: at most 2200 characters, 30 #hashtags (5 advised), 20 @mentions. Only for Reels."),
    ] = ""
    media_type: Annotated[
        Literal["REELS", "STORIES"],
        Meanings({"REELS": "A Reel.", "STORIES": "A story, which disappears after 24 hours."}),
        Field(description="What kind of post it becomes."),
    ] = "REELS"
    share_to_feed: Annotated[bool, Field(description="Whether the Reel may show in the feed, too.")] = True
    cover_url: Annotated[
        WebAddress | None, Field(description="A JPEG of at most 8 MB. Instagram fetches it and ignores thumbOffset.")
    ] = None
    thumb_offset: Annotated[int | None, Field(ge=0, description="The cover frame, in milliseconds.")] = None
    collaborators: Annotated[
        list[Username], Field(max_length=COLLABORATORS_MAX, description="Usernames to invite as collaborators.")
    ] = []
    audio_name: Annotated[
        str | None, Field(min_length=1, max_length=255, description="The name of the Reel's own sound.")
    ] = None
    location_id: Annotated[
        str | None, Field(pattern=r"^[0-9]{1,40}$", description="The id of a Facebook Page that is a place.")
    ] = None
    user_tags: Annotated[list[Username], Field(max_length=20, description="Usernames to tag in the video.")] = []
    trial_graduation_strategy: Annotated[
        Annotated[
            Literal["MANUAL", "SS_PERFORMANCE"],
            Meanings(
                {
                    "MANUAL": "A person shares it with everyone.",
                    "SS_PERFORMANCE": "Instagram shares it with everyone if it performs well.",
                }
            ),
        ]
        | None,
        Field(description="Makes the post a trial Reel, visible only to people who do not follow the account."),
    ] = None
    is_ai_generated: Annotated[bool, Field(alias="isAiGenerated", description="Labels the video as made with AI.")] = (
        False
    )

    def check(
        self, media: Media, starts_at: datetime, account: Mapping[str, Any]
    ) -> tuple[list[Problem], list[Problem]]:
        errors, warnings = [], []
        milliseconds = int(media.duration * 1000)
        if self.thumb_offset is not None and self.thumb_offset >= milliseconds:
            message = (
                f"The cover frame at {self.thumb_offset} ms is not before the video's end at {milliseconds} ms. "
                "Choose an earlier frame."
            )
            errors.append(Problem("/thumbOffset", "after_the_end", message, milliseconds, self.thumb_offset))
        if self.media_type == "STORIES":
            warnings += self.ignored()
        elif (hashtags := len(HASHTAG.findall(without_addresses(self.caption)))) > HASHTAGS_ADVISED:
            message = (
                f"caption has {hashtags} hashtags. Instagram announced a maximum of {HASHTAGS_ADVISED}. Remove some."
            )
            warnings.append(Problem("/caption", "too_many_hashtags", message, HASHTAGS_ADVISED, hashtags))
        return errors, warnings

    def linked_files(self) -> list[LinkedFile]:
        has_cover = self.cover_url and self.media_type == "REELS"
        return [LinkedFile("/coverUrl", str(self.cover_url), COVER)] if has_cover else []

    def ignored(self) -> list[Problem]:
        fields = ONLY_REELS if self.media_type == "STORIES" else ()
        return self.set_of(fields, "A Story carries no {name}. Leave it out, or post a Reel.")
