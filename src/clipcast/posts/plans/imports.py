"""The files of addresses in a plan, imported before its posts are created."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clips.imports import discard_unless_ready, import_video
from clipcast.clips.schemas import URL_MAX, CompleteUpload, ImportVideo
from clipcast.clips.service import ProbedFile, get_clip, make_ready, probe_upload
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.installation import Installation
from clipcast.renders.service import plain_render

# Addresses of one plan, and how many of them are fetched at the same time.
ADDRESSES_MAX = 20
AT_ONCE = 4


async def import_addresses(
    installation: Installation, workspace_id: UUID, addresses: Sequence[str]
) -> tuple[dict[str, str], dict[str, Problem]]:
    """Import these files. Return the `edit_setting_id` of each, and the problem of each that cannot be used.

    If one cannot be used, the others stay in the workspace's library.
    """
    found: dict[str, str] = {}
    errors: dict[str, Problem] = {}
    for address in addresses[ADDRESSES_MAX:]:
        message = f"A plan has at most {ADDRESSES_MAX} addresses. Import the files first, and give their edit_id."
        errors[address] = Problem("", "too_many_addresses", message, ADDRESSES_MAX, len(addresses))
    if errors:
        return found, errors
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(address: str) -> None:
        async with gate:
            try:
                found[address] = await _import(installation, workspace_id, address)
            except AppError as error:
                first = error.errors[0] if error.errors else Problem("", error.code, error.detail)
                errors[address] = first

    async with asyncio.TaskGroup() as group:
        for address in addresses:
            group.create_task(one(address))
    return found, errors


async def _import(installation: Installation, workspace_id: UUID, address: str) -> str:
    """Return the `edit_setting_id` of an imported file. Raise AppError."""
    if len(address) > URL_MAX:
        message = f"Too long: {len(address)} characters, maximum {URL_MAX}. Shorten it."
        raise ValidationFailed([Problem("/url", "too_long", message, URL_MAX, len(address))])
    clip_id = await import_video(installation, workspace_id, ImportVideo(url=address))
    try:
        probed = await probe_upload(installation, workspace_id, clip_id)
        async with installation.database.begin() as session:
            return await _complete(session, workspace_id, clip_id, probed)
    finally:
        await discard_unless_ready(installation, UUID(clip_id))


async def _complete(session: AsyncSession, workspace_id: UUID, clip_id: str, probed: ProbedFile | None) -> str:
    clip = await get_clip(session, workspace_id, clip_id, lock=True)
    make_ready(clip, CompleteUpload(video_id=clip_id, file_name=clip.file_name), probed)
    return str((await plain_render(session, clip)).edit_setting_id)
