"""The API's workspace endpoint."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from clipcast.api.auth import Caller, identify
from clipcast.api.dependencies import InstallationDep
from clipcast.common.schemas import Id, ResponseModel, Timestamp
from clipcast.posts.schemas import Conform
from clipcast.workspaces import repository

router = APIRouter(tags=["Workspace"])


class WorkspaceOut(ResponseModel):
    """The workspace of an API key."""

    id: Annotated[Id, Field(description="The workspace's id, for `X-Workspace-Id`.")]
    name: Annotated[str, Field(description="The name that people read.", examples=["Harbour Films"])]
    plan: Annotated[
        str, Field(description="Always the same: a self-hosted installation has no plans.", examples=["self-hosted"])
    ]
    role: Annotated[str, Field(description="Always `owner`: API keys act for the workspace.", examples=["owner"])]
    seats: Annotated[int, Field(description="Always the same: a self-hosted installation has no seats.")]
    conform: Annotated[Conform, Field(description="The default of `conform` in POST /posts.")]
    created_at: Annotated[Timestamp, Field(description="When it was created.")]


@router.get("/workspace", operation_id="getWorkspace", summary="Get the workspace", response_model=WorkspaceOut)
async def get_workspace(installation: InstallationDep, caller: Annotated[Caller, Depends(identify)]) -> Any:
    """Return the workspace of the API key. Call it first to try a key."""
    async with installation.database.session() as session:
        workspace = await repository.get_workspace(session, caller.workspace_id)
    return WorkspaceOut.model_validate(vars(workspace) | {"role": "owner"})
