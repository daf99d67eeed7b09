"""Logos of clients: small pictures in the storage. A new one has a new key, so that browsers may keep the old one."""

from collections.abc import Collection
from pathlib import PurePath
from uuid import UUID

from clipcast.audit.service import Actor, record
from clipcast.clients import repository
from clipcast.clips.addresses import file_url
from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.problems import NotFound
from clipcast.database.models.clients import Client
from clipcast.installation import Installation
from clipcast.rendering.logos import make_logo

CONTENT_TYPE, FILE_NAME = "image/webp", "logo.webp"


async def set_logo(installation: Installation, workspace_id: UUID, client_id: str, content: bytes, by: Actor) -> None:
    """Give a client a logo, which replaces the one before. Raise NotFound, NotAPicture and Unavailable.

    A transaction must not be open: this reads the picture in a child process, and writes to the storage.
    """
    async with installation.database.session() as session:
        client = await repository.get_client(session, workspace_id, client_id)
    made = await make_logo(installation.children, content, owner=workspace_id)
    key = f"logos/{client.id}/{new_id()}.webp"
    await installation.storage.put_bytes(key, made)
    try:
        await _replace(installation, workspace_id, client_id, key, by)
    except NotFound:
        async with installation.database.begin() as session:
            await record_unwanted(session, key)
        await delete_unwanted(installation.database, installation.storage, key)
        raise


async def remove_logo(installation: Installation, workspace_id: UUID, client_id: str, by: Actor) -> None:
    """Take the logo of a client away. Raise NotFound."""
    await _replace(installation, workspace_id, client_id, None, by)


async def _replace(installation: Installation, workspace_id: UUID, client_id: str, key: str | None, by: Actor) -> None:
    async with installation.database.begin() as session:
        client = await repository.get_client(session, workspace_id, client_id, lock=True)
        old, client.logo_key, client.updated_at = client.logo_key, key, clock.now()
        if old:
            await record_unwanted(session, old)
        record(session, workspace_id, by, "client.changed", client.name, client.id, logo=key is not None)
    if old:
        await delete_unwanted(installation.database, installation.storage, old)


def logo_url(installation: Installation, client: Client) -> str | None:
    """Return an address of the logo that needs no API key; None without one."""
    if client.logo_key is None:
        return None
    return file_url(installation.settings, installation.vault, client.logo_key, FILE_NAME, CONTENT_TYPE, -1)


def logo_paths(clients: Collection[Client]) -> dict[UUID, str]:
    """Return the paths of the logos within the workspace's pages, by the client's id."""
    return {one.id: f"/clients/{one.id}/logo?v={PurePath(one.logo_key).stem}" for one in clients if one.logo_key}
