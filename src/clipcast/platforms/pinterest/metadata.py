"""The metadata of a Pinterest Pin (docs/platforms/pinterest.md 2.4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.common.schemas import Meanings
from clipcast.platforms.files import LinkedFile
from clipcast.platforms.metadata import CoverTime, Limit, Metadata, WebAddress, address_up_to, not_offered, uri_up_to
from clipcast.platforms.pinterest.rules import COVER, LINK_MAX

PinLink = Annotated[str, AfterValidator(address_up_to(LINK_MAX)), uri_up_to(LINK_MAX)]
Digits = Annotated[str, Field(pattern=r"^[0-9]{1,40}$")]


class PinterestMetadata(Metadata):
    text_field = "description"
    cover_time = CoverTime("cover_image_key_frame_time", 1)
    cover_fields = ("cover_image_key_frame_time", "cover_image_url")
    title_field = "title"
    offered_fields = ("boardId", "boardSectionId")
    place_fields = ("boardId", "boardSectionId")
    main_fields = ("link",)
    remembered_fields = ("boardId", "boardSectionId")
    field_titles = {
        "description": "Caption",
        "boardId": "Board",
        "boardSectionId": "Section of the board",
        "altText": "Description for people who do not see it",
        "coverImageKeyFrameTime": "Cover frame (s)",
        "coverImageUrl": "Cover picture (address)",
        "aiDisclosures": "Made with AI",
        "dominantColor": "Colour while it loads",
    }
    field_hints = {"boardId": "", "boardSectionId": ""}
    value_titles = {"AI_MODIFIED": "Changed with AI", "SYNTHETIC_PERFORMER": "A person made with AI"}
    folds_after = 60
    example = {"title": "First light in the harbour", "link": "https://example.org/harbour"}

    board_id: Annotated[Digits, Field(description="The board's number, not its name.")]
    board_section_id: Annotated[Digits | None, Field(description="The number of a section of the board.")] = None
    title: Annotated[
        str, Limit(100, len, "characters"), Field(description="The Pin's title: at most 100 characters.")
    ] = ""
    description: Annotated[
        str, Limit(800, len, "characters"), Field(description="The Pin's text: at most 800 characters.")
    ] = ""
    link: Annotated[PinLink | None, Field(description="The Pin's target URL: at most 2048 characters.")] = None
    alt_text: Annotated[
        str, Limit(500, len, "characters"), Field(description="The alternative text: at most 500 characters.")
    ] = ""
    cover_image_key_frame_time: Annotated[
        int | None, Field(ge=0, description="The cover frame, in seconds. Default: second 1.")
    ] = None
    cover_image_url: Annotated[WebAddress | None, Field(description="A JPEG or PNG. Pinterest fetches it.")] = None
    ai_disclosures: Annotated[
        list[
            Annotated[
                Literal["AI_MODIFIED", "SYNTHETIC_PERFORMER"],
                Meanings(
                    {
                        "AI_MODIFIED": "AI made or changed the video.",
                        "SYNTHETIC_PERFORMER": "A person in the video is synthetic.",
                    }
                ),
            ]
        ],
        Field(max_length=2, description="The creator's disclosures about the use of AI."),
    ] = []
    dominant_color: Annotated[
        str | None,
        Field(pattern=r"^#[0-9A-Fa-f]{6}$", description="The color that shows while the Pin loads, such as #1A2B3C."),
    ] = None

    @model_validator(mode="after")
    def _one_cover(self) -> Self:
        if self.cover_image_url and self.cover_image_key_frame_time is not None:
            raise PydanticCustomError(
                "conflict", "Give either coverImageUrl or coverImageKeyFrameTime. Leave one of them out."
            )
        return self

    def check(
        self, media: Media, starts_at: datetime, account: Mapping[str, Any]
    ) -> tuple[list[Problem], list[Problem]]:
        cover = self.cover_image_key_frame_time
        if cover is None or cover <= media.duration:
            return [], []
        end = int(media.duration)
        message = f"The cover frame at {cover} s lies after the video's end at {end} s. Pinterest uses the last frame."
        return [], [Problem("/coverImageKeyFrameTime", "after_the_end", message, end, cover)]

    def linked_files(self) -> list[LinkedFile]:
        return [LinkedFile("/coverImageUrl", self.cover_image_url, COVER)] if self.cover_image_url else []

    def check_options(self, options: Mapping[str, Any], media: Media | None) -> tuple[list[Problem], list[Problem]]:
        boards = {board["id"]: board for board in options["boardId"]}
        if self.board_id not in boards:
            return [not_offered("/boardId", self.board_id, boards)], []
        if self.board_section_id is None:
            return [], []
        if not boards[self.board_id]["sectionsListed"]:
            message = "The account has too many boards, so Clipcast did not check the section."
            return [], [Problem("/boardSectionId", "not_asked", message)]
        sections = [section["id"] for section in options["boardSectionId"] if section["boardId"] == self.board_id]
        if self.board_section_id in sections:
            return [], []
        return [not_offered("/boardSectionId", self.board_section_id, sections)], []
