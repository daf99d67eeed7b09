"""The API's workspace endpoint."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from clipcast.api.auth import Caller, identify, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.schemas import documented, json_body
from clipcast.common.schemas import Body, Id, Meanings, ResponseModel, Timestamp
from clipcast.people.service import change_workspace
from clipcast.posts.schemas import Conform
from clipcast.workspaces import repository

router = APIRouter(tags=["Workspace"])


Duplicates = Annotated[
    Literal["warn", "refuse"],
    Meanings(
        {
            "warn": "`POST /posts/validate` warns, and the app asks.",
            "refuse": "Clipcast refuses them with 409 `duplicate_content`, unless the request allows them.",
        }
    ),
]
DUPLICATES = Field(
    description="What happens to doubles: the same clip and words, twice to one account within 48 hours "
    "(`CLIPCAST_DUPLICATE_WINDOW`).",
    examples=["warn"],
)
CONFORM = Field(description="The default of `conform` in POST /posts.", examples=["auto"])


class UpdateWorkspace(Body):
    """A change of the workspace. What it leaves out stays."""

    duplicates: Annotated[Duplicates | None, DUPLICATES] = None
    conform: Annotated[Conform | None, CONFORM] = None


class WorkspaceOut(ResponseModel):
    """The workspace of an API key."""

    id: Annotated[Id, Field(description="The workspace's id, for `X-Workspace-Id`.")]
    name: Annotated[str, Field(description="The name that people read.", examples=["Harbour Films"])]
    plan: Annotated[
        str, Field(description="Always the same: a self-hosted installation has no plans.", examples=["self-hosted"])
    ]
    role: Annotated[str, Field(description="Always `owner`: API keys act for the workspace.", examples=["owner"])]
    duplicates: Annotated[Duplicates, DUPLICATES]
    seats: Annotated[int, Field(description="Always the same: a self-hosted installation has no seats.")]
    conform: Annotated[Conform, CONFORM]
    created_at: Annotated[Timestamp, Field(description="When it was created.")]


@router.get("/workspace", operation_id="getWorkspace", summary="Get the workspace", response_model=WorkspaceOut)
async def get_workspace(installation: InstallationDep, caller: Annotated[Caller, Depends(identify)]) -> Any:
    """Return the workspace of the API key. Call it first to try a key."""
    async with installation.database.session() as session:
        workspace = await repository.get_workspace(session, caller.workspace_id)
    return WorkspaceOut.model_validate(vars(workspace) | {"role": "owner"})


@router.patch(
    "/workspace",
    operation_id="updateWorkspace",
    openapi_extra=documented(UpdateWorkspace),
    summary="Update the workspace",
    response_model=WorkspaceOut,
)
async def update_workspace(
    installation: InstallationDep,
    caller: Annotated[Caller, Depends(needs("posts:write"))],
    body: Annotated[UpdateWorkspace, json_body(UpdateWorkspace)],
) -> Any:
    """Change what the workspace does about doubles, and with clips that a platform does not take."""
    async with installation.database.begin() as session:
        changes = body.model_dump(exclude_none=True)
        workspace = await change_workspace(session, caller.workspace_id, caller.actor, changes)
    return WorkspaceOut.model_validate(vars(workspace) | {"role": "owner"})
