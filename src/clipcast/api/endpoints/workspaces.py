"""The API's workspace endpoint."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from clipcast.api.auth import Caller, identify
from clipcast.api.dependencies import InstallationDep
from clipcast.common.schemas import Id, ResponseModel, Timestamp
from clipcast.workspaces import repository

router = APIRouter(tags=["Workspace"])


class WorkspaceOut(ResponseModel):
    id: Id
    name: str
    plan: str
    role: str
    seats: int
    created_at: Timestamp


@router.get("/workspace", operation_id="getWorkspace", summary="Get the workspace", response_model=WorkspaceOut)
async def get_workspace(installation: InstallationDep, caller: Annotated[Caller, Depends(identify)]) -> Any:
    """Return the workspace of the API key. Call it first to try a key."""
    async with installation.database.session() as session:
        workspace = await repository.get_workspace(session, caller.workspace_id)
    return WorkspaceOut.model_validate(vars(workspace) | {"role": "owner"})
