"""The API's endpoints of templates: saved changes of videos, listed with the strategies that find clips."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, json_body
from clipcast.common.pagination import paged
from clipcast.common.schemas import Meanings
from clipcast.database.models.submissions import RenderTemplate
from clipcast.renders import submission_schemas as schemas
from clipcast.renders import templates as service
from clipcast.renders.strategies import STRATEGIES

router = APIRouter(tags=["Templates"])

TemplateFilter = Annotated[
    Literal["mine", "community"], Meanings({"mine": "Saved templates.", "community": "Built-in strategies."})
]
Reader = Annotated[Caller, Depends(needs("renders:read"))]
Writer = Annotated[Caller, Depends(needs("renders:write"))]


def _shown(template: RenderTemplate) -> schemas.TemplateOut:
    return schemas.TemplateOut(
        id=str(template.id),
        name=template.name,
        kind="template",
        description="Saved changes of a render.",
        edit=template.edit,
        created_at=template.created_at,
        updated_at=template.updated_at,
    )


BUILT_IN = [
    schemas.TemplateOut(
        id=one.id,
        name=one.name,
        kind="strategy",
        description=one.description,
        edit=None,
        created_at=None,
        updated_at=None,
    )
    for one in STRATEGIES.values()
]


@router.get("/templates", operation_id="listTemplates", summary="List templates", response_model=schemas.TemplateList)
async def list_templates(
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    filter: Annotated[TemplateFilter | None, Query(description="Only these. Default: both.")] = None,
    sort: Annotated[str, Query(max_length=50, description="`name`, or anything else for the newest first.")] = "newest",
) -> Any:
    """List the workspace's templates, after the strategies for `POST /clips`."""
    built_in = [] if filter == "mine" else BUILT_IN
    first = built_in[page.offset : page.offset + page.limit]
    offset, limit = max(0, page.offset - len(built_in)), page.limit - len(first)
    async with installation.database.session() as session:
        found, total = await service.list_templates(
            session, caller.workspace_id, sort == "name", offset, limit
        ) if filter != "community" else ([], 0)  # fmt: skip
    rows = [*first, *(_shown(template) for template in found)]
    return paged("templates", rows, page, len(built_in) + total)


@router.post(
    "/templates",
    operation_id="createTemplate",
    openapi_extra=documented(schemas.CreateTemplate),
    summary="Save a template",
    status_code=201,
    response_model=schemas.TemplateOut,
)
async def create_template(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CreateTemplate, json_body(schemas.CreateTemplate)],
) -> Any:
    """Save changes of videos under a name. Times are checked when a video is rendered."""

    async def act(session: AsyncSession) -> IdempotentResponse:
        template = await service.create_template(session, caller.workspace_id, body.name, body.edit)
        return IdempotentResponse(201, _shown(template))

    return await run_idempotent(request, installation, caller, act)


@router.patch(
    "/templates/{template_id}",
    operation_id="updateTemplate",
    openapi_extra=documented(schemas.UpdateTemplate),
    summary="Change a template",
    response_model=schemas.TemplateOut,
)
async def update_template(
    template_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.UpdateTemplate, json_body(schemas.UpdateTemplate)],
) -> Any:
    """Change the name of a template, or replace its changes. Clips that it was applied to stay as they are."""
    async with installation.database.begin() as session:
        template = await service.get_template(session, caller.workspace_id, template_id, lock=True)
        service.update_template(template, body.name, body.edit)
        return _shown(template)


@router.delete("/templates/{template_id}", operation_id="deleteTemplate", summary="Delete a template", status_code=204)
async def delete_template(template_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete a template. Clips that it was applied to stay as they are."""
    async with installation.database.begin() as session:
        await session.delete(await service.get_template(session, caller.workspace_id, template_id, lock=True))
