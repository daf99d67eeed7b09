"""The API's endpoints of the labels of posts."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.schemas import documented, json_body
from clipcast.posts import label_schemas as schemas
from clipcast.posts import labels, service

router = APIRouter(tags=["Posts"])
Reader = Annotated[Caller, Depends(needs("posts:read"))]
Writer = Annotated[Caller, Depends(needs("posts:write"))]


@router.get("/labels", operation_id="listLabels", summary="List labels", response_model=schemas.LabelList)
async def list_labels(installation: InstallationDep, caller: Reader) -> Any:
    """List the labels of the workspace's posts by name. `GET /posts?label=` lists the posts that have one."""
    async with installation.database.session() as session:
        return {"labels": await labels.list_labels(session, caller.workspace_id)}


@router.post(
    "/labels",
    operation_id="createLabel",
    openapi_extra=documented(schemas.CreateLabel),
    summary="Create a label",
    status_code=201,
    response_model=schemas.LabelDetail,
)
async def create_label(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CreateLabel, json_body(schemas.CreateLabel)],
) -> Any:
    """Create a label that no post has yet."""

    async def act(session: AsyncSession) -> IdempotentResponse:
        made = await labels.create_label(session, caller.workspace_id, body.name, caller.actor)
        return IdempotentResponse(201, schemas.LabelDetail.model_validate(made))

    return await run_idempotent(request, installation, caller, act)


@router.patch(
    "/labels/{label_id}",
    operation_id="updateLabel",
    openapi_extra=documented(schemas.UpdateLabel),
    summary="Rename a label",
    response_model=schemas.LabelDetail,
)
async def update_label(
    label_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.UpdateLabel, json_body(schemas.UpdateLabel)],
) -> Any:
    """Give a label another name, on all posts that have it."""
    async with installation.database.begin() as session:
        return await labels.rename_label(session, caller.workspace_id, label_id, body.name, caller.actor)


@router.delete("/labels/{label_id}", operation_id="deleteLabel", summary="Delete a label", status_code=204)
async def delete_label(label_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete a label. The posts that have it stay."""
    async with installation.database.begin() as session:
        await labels.delete_label(session, caller.workspace_id, label_id, caller.actor)


@router.get(
    "/posts/{post_id}/labels",
    operation_id="listPostLabels",
    summary="List a post's labels",
    response_model=schemas.LabelList,
)
async def list_post_labels(post_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """List the labels of a post by name."""
    async with installation.database.session() as session:
        post = await service.get_post(session, caller.workspace_id, post_id)
        return {"labels": await labels.labels_on(session, post.id)}


@router.put(
    "/posts/{post_id}/labels",
    operation_id="setPostLabels",
    openapi_extra=documented(schemas.PostLabels),
    summary="Set a post's labels",
    response_model=schemas.LabelList,
)
async def set_post_labels(
    post_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.PostLabels, json_body(schemas.PostLabels)],
) -> Any:
    """Replace the labels of a post, also of one that is published. The version of the post stays."""
    async with installation.database.begin() as session:
        wanted = await labels.named(session, caller.workspace_id, body.labels)
        post = await service.get_post(session, caller.workspace_id, post_id, lock=True)
        before = await labels.labels_on(session, post.id)
        change = labels.Change(tuple(wanted), tuple(one.id for one in before))
        await labels.change(session, post, change, caller.actor)
        return {"labels": await labels.labels_on(session, post.id)}
