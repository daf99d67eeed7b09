"""The metadata of a Quillmere video."""

from typing import Annotated, Literal

from pydantic import Field

from clipcast.platforms.metadata import Limit, Metadata

CAPTION_MAX = 280


class QuillmereMetadata(Metadata):
    text_field = "caption"
    folds_after = 100
    example = {"caption": "First light in the harbour"}

    caption: Annotated[
        str, Limit(CAPTION_MAX, len, "characters"), Field(description=f"At most {CAPTION_MAX} characters.")
    ] = ""
    audience: Annotated[Literal["everyone", "followers"], Field(description="Who can see the video.")] = "everyone"
