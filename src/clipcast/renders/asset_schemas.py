"""The request bodies and responses of the endpoints for assets."""

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from clipcast.clips.schemas import clean_file_name
from clipcast.common.pagination import Pagination
from clipcast.common.schemas import UUID, Body, Id, Meanings, ResponseModel, Timestamp
from clipcast.database.models.submissions import Asset
from clipcast.renders.assets import TYPES

SUFFIXES = ", ".join(TYPES)
AssetKind = Annotated[
    Literal["captions", "image"],
    Meanings({"captions": "A caption file.", "image": "A picture, for a watermark."}),
]


def _is_asset_name(name: str) -> str:
    if PurePath(name).suffix.lower() not in TYPES:
        raise PydanticCustomError(
            "unsupported_file_type", "Use a file name that ends in {extensions}.", {"extensions": SUFFIXES}
        )
    return name


AssetName = Annotated[
    str,
    Field(min_length=1, max_length=255, description=f"Ends in one of: {SUFFIXES}.", examples=["captions.srt"]),
    AfterValidator(clean_file_name),
    AfterValidator(_is_asset_name),
]


class StartAsset(Body):
    """A file that will be uploaded."""

    file_name: AssetName
    file_size: Annotated[int | None, Field(gt=0, le=2**53, description="In bytes.", examples=[4200])] = None


class CompleteAsset(Body):
    """An asset whose bytes have arrived."""

    asset_id: Annotated[str, Field(description="From POST /assets/upload.", json_schema_extra=UUID)]


class AssetStarted(BaseModel):
    """An asset that waits for its bytes."""

    asset_id: Annotated[Id, Field(description="The asset's id, for POST /assets/upload/complete.")]
    upload_url: Annotated[
        str,
        Field(
            description="The URL for the file's bytes: PUT them without an API key.",
            examples=["https://clipcast.example/uploads/assets/eyJhc3NldCI6IjAxOTgifQ"],
        ),
    ]
    expires_in: Annotated[int, Field(description="In seconds.", examples=[7200])]


class AssetOut(ResponseModel):
    """A caption file or a picture, which renders use."""

    asset_id: Annotated[Id, Field(validation_alias="id", description="The asset's id, for POST /renders.")]
    kind: Annotated[AssetKind, Field(description="What kind of file it is.")]
    file_name: Annotated[str, Field(description="The file's name.", examples=["captions.srt"])]
    content_type: Annotated[str, Field(description="The type of the file.", examples=["application/x-subrip"])]
    size: Annotated[int, Field(description="In bytes.", examples=[4200])]
    sha256: Annotated[
        str,
        Field(
            description="The SHA-256 of the file, hexadecimal.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ]
    width: Annotated[int | None, Field(description="Of a picture, in pixels.", examples=[None])] = None
    height: Annotated[int | None, Field(description="Of a picture, in pixels.", examples=[None])] = None
    count: Annotated[int | None, Field(description="The number of captions.", examples=[12])] = None
    duration: Annotated[
        float | None, Field(description="The end of the last caption, in seconds.", examples=[41.2])
    ] = None
    created_at: Annotated[Timestamp, Field(description="When the upload began.")]

    @classmethod
    def of(cls, asset: Asset) -> "AssetOut":
        """Return the response for a checked asset."""
        facts: dict[str, Any] = asset.facts or {}
        return cls.model_validate(vars(asset) | facts)


class AssetList(BaseModel):
    """A page of the workspace's assets."""

    assets: Annotated[list[AssetOut], Field(description="Newest first.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]
