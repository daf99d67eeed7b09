"""The request bodies and responses of the endpoints for assets."""

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from clipcast.clips.schemas import clean_file_name
from clipcast.common.pagination import Pagination
from clipcast.common.schemas import Body, Id, ResponseModel, Timestamp
from clipcast.database.models.submissions import Asset
from clipcast.renders.assets import TYPES

SUFFIXES = ", ".join(TYPES)


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
    file_name: AssetName
    file_size: Annotated[int | None, Field(gt=0, le=2**53, description="In bytes.")] = None


class CompleteAsset(Body):
    asset_id: str


class AssetStarted(BaseModel):
    asset_id: Id
    upload_url: Annotated[str, Field(description="The URL for the file's bytes: PUT them without an API key.")]
    expires_in: Annotated[int, Field(description="In seconds.")]


class AssetOut(ResponseModel):
    asset_id: Annotated[Id, Field(validation_alias="id")]
    kind: Literal["captions", "image"]
    file_name: str
    content_type: str
    size: int
    sha256: str
    width: Annotated[int | None, Field(description="Of a picture, in pixels.")] = None
    height: int | None = None
    count: Annotated[int | None, Field(description="The number of captions.")] = None
    duration: Annotated[float | None, Field(description="The end of the last caption, in seconds.")] = None
    created_at: Timestamp

    @classmethod
    def of(cls, asset: Asset) -> "AssetOut":
        """Return the response for a checked asset."""
        facts: dict[str, Any] = asset.facts or {}
        return cls.model_validate(vars(asset) | facts)


class AssetList(BaseModel):
    assets: list[AssetOut]
    pagination: Pagination
