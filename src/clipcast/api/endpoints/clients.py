"""The API's endpoints of clients."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, json_body
from clipcast.clients import repository, schemas, service
from clipcast.common.pagination import paged

router = APIRouter(tags=["Clients"])
Reader = Annotated[Caller, Depends(needs("connections:read"))]
Writer = Annotated[Caller, Depends(needs("posts:write"))]


@router.post(
    "/clients",
    operation_id="createClient",
    openapi_extra=documented(schemas.CreateClient),
    summary="Create a client",
    status_code=201,
    response_model=schemas.ClientOut,
)
async def create_client(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CreateClient, json_body(schemas.CreateClient)],
) -> Any:
    """Create a client: a group of accounts. PATCH /connections/{connection_id} puts an account into it.

    A workspace has at most 500 clients.
    """

    async def act(session: AsyncSession) -> IdempotentResponse:
        made = await service.create_client(session, caller.workspace_id, body, caller.actor)
        shown = await service.show_client(session, made)
        return IdempotentResponse(201, shown, {"Location": f"/api/v1/clients/{made.id}"})

    return await run_idempotent(request, installation, caller, act)


@router.get("/clients", operation_id="listClients", summary="List clients", response_model=schemas.ClientList)
async def list_clients(installation: InstallationDep, caller: Reader, page: Annotated[PageParams, Depends()]) -> Any:
    """List the workspace's clients by name."""
    async with installation.database.session() as session:
        found, total = await repository.list_clients(session, caller.workspace_id, page.offset, page.limit)
        return paged("clients", await service.show_clients(session, found), page, total)


@router.get("/clients/{client_id}", operation_id="getClient", summary="Get a client", response_model=schemas.ClientOut)
async def get_client(client_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a client. `GET /connections?client=` lists its accounts, `GET /posts?client=` its posts."""
    async with installation.database.session() as session:
        client = await repository.get_client(session, caller.workspace_id, client_id)
        return await service.show_client(session, client)


@router.patch(
    "/clients/{client_id}",
    operation_id="updateClient",
    openapi_extra=documented(schemas.UpdateClient),
    summary="Change a client",
    response_model=schemas.ClientOut,
)
async def update_client(
    client_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.UpdateClient, json_body(schemas.UpdateClient)],
) -> Any:
    """Change the name, the time zone or the colour of a client. Scheduled posts keep their times."""
    async with installation.database.begin() as session:
        changed = await service.update_client(session, caller.workspace_id, client_id, body, caller.actor)
        return await service.show_client(session, changed)


@router.delete("/clients/{client_id}", operation_id="deleteClient", summary="Delete a client", status_code=204)
async def delete_client(client_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete a client. Its accounts stay, without a client, and so do its posts."""
    async with installation.database.begin() as session:
        await service.delete_client(session, caller.workspace_id, client_id, caller.actor)
