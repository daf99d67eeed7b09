"""The API's endpoints of assets: caption files and watermarks, which renders use."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, json_body
from clipcast.clips.addresses import UPLOAD_LIFETIME
from clipcast.clips.unwanted import delete_unwanted
from clipcast.common.ids import parse_id
from clipcast.common.pagination import paged
from clipcast.common.problems import AppError
from clipcast.database.models.submissions import Asset
from clipcast.renders import asset_schemas as schemas
from clipcast.renders import assets

router = APIRouter(tags=["Assets"])
uploads = APIRouter(include_in_schema=False)

Reader = Annotated[Caller, Depends(needs("renders:read"))]
Writer = Annotated[Caller, Depends(needs("renders:write"))]


@router.post(
    "/assets/upload",
    operation_id="startAssetUpload",
    openapi_extra=documented(schemas.StartAsset),
    summary="Start the upload of an asset",
    response_model=schemas.AssetStarted,
)
async def start_asset(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.StartAsset, json_body(schemas.StartAsset)],
) -> Any:
    """Create an asset and return the signed address to which you send the file with one `PUT`.

    Captions are SRT or WebVTT of at most 200 000 bytes. A watermark is PNG or WebP of at most 5 MB. The address needs
    no API key and works for 2 hours.
    """

    async def act(session: Any) -> IdempotentResponse:
        asset = await assets.start_asset(session, caller.workspace_id, body.file_name, body.file_size)
        started = schemas.AssetStarted(
            asset_id=asset.id,
            upload_url=assets.upload_url(installation, asset),
            expires_in=int(UPLOAD_LIFETIME.total_seconds()),
        )
        return IdempotentResponse(200, started)

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/assets/upload/complete",
    operation_id="completeAssetUpload",
    openapi_extra=documented(schemas.CompleteAsset),
    summary="Complete the upload of an asset",
    response_model=schemas.AssetOut,
)
async def complete_asset(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CompleteAsset, json_body(schemas.CompleteAsset)],
) -> Any:
    """Check the uploaded file and return its properties. You can repeat the request.

    409 `upload_missing`: the file has not arrived. 422: the file cannot be used. The messages of captions name the
    line.
    """
    checked = await assets.check_asset(installation, caller.workspace_id, body.asset_id)

    async def act(session: Any) -> IdempotentResponse:
        asset = await assets.get_asset(session, caller.workspace_id, body.asset_id, lock=True)
        assets.make_ready(asset, checked)
        return IdempotentResponse(200, schemas.AssetOut.of(asset))

    return await run_idempotent(request, installation, caller, act)


@router.get("/assets", operation_id="listAssets", summary="List assets", response_model=schemas.AssetList)
async def list_assets(
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    kind: Annotated[schemas.AssetKind | None, Query(description="Only assets of this kind.")] = None,
) -> Any:
    """List the workspace's assets whose upload is complete, newest first."""
    async with installation.database.session() as session:
        found, total = await assets.list_assets(session, caller.workspace_id, kind, page.offset, page.limit)
    return paged("assets", [schemas.AssetOut.of(asset) for asset in found], page, total)


@router.delete("/assets/{asset_id}", operation_id="deleteAsset", summary="Delete an asset", status_code=204)
async def delete_asset(asset_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete the asset and its file. Renders that were made with it stay.

    409 `asset_in_use`: a render that uses it is being made, or a post needs such a render.
    """
    async with installation.database.begin() as session:
        asset = await assets.get_asset(session, caller.workspace_id, asset_id, lock=True)
        key = await assets.delete_asset(session, asset)
    if key:
        await delete_unwanted(installation.database, installation.storage, key)


@uploads.put("/uploads/assets/{token}")
async def upload(token: str, request: Request, installation: InstallationDep) -> Response:
    """Store the request's body as the asset's file."""
    claim = installation.vault.verify(token)
    if claim is None or "asset" not in claim:
        raise AppError(403, "upload_url_expired", "The upload address is wrong or has expired. Start a new upload.")
    asset_id = parse_id(claim["asset"])
    async with installation.database.session() as session:
        asset = await session.get(Asset, asset_id)
    if asset is None or asset.status == "ready":
        raise assets.completed()
    limit = assets.type_of(asset).max_bytes
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > limit:
            message = f"The file is larger than {limit} bytes, the maximum. Upload a smaller file."
            raise AppError(413, "file_too_large", message)
    sha256 = await assets.store_asset(installation, asset.id, bytes(content))
    return Response(headers={"ETag": f'"{sha256}"'})
