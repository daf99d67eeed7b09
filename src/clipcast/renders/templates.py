"""Templates: saved edits, which renders and submissions begin with."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound
from clipcast.database import page_of
from clipcast.database.models.submissions import RenderTemplate
from clipcast.renders.edit_schemas import EditBody
from clipcast.renders.places import lock_count

TEMPLATES_MAX = 200
# The fields of captions that say what they are.
CAPTION_SOURCES = ("asset_id", "text")


async def get_template(
    session: AsyncSession, workspace_id: UUID, template_id: str, lock: bool = False
) -> RenderTemplate:
    """Return a template. Raises NotFound."""
    query = select(RenderTemplate).where(
        RenderTemplate.workspace_id == workspace_id, RenderTemplate.id == parse_id(template_id)
    )
    found = (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound("template", template_id)
    return found


async def list_templates(
    session: AsyncSession, workspace_id: UUID, by_name: bool, offset: int, limit: int
) -> tuple[list[RenderTemplate], int]:
    """Return a page of the workspace's templates, newest first or by name, and the number of all."""
    query = select(RenderTemplate).where(RenderTemplate.workspace_id == workspace_id)
    order = (RenderTemplate.name, RenderTemplate.id) if by_name else (RenderTemplate.id.desc(),)
    return await page_of(session, query.order_by(*order), offset, limit)


async def create_template(session: AsyncSession, workspace_id: UUID, name: str, edit: EditBody) -> RenderTemplate:
    """Save an edit. Raises AppError 409 if the workspace has too many templates."""
    await lock_count(session, workspace_id)
    _, total = await list_templates(session, workspace_id, False, 0, 1)
    if total >= TEMPLATES_MAX:
        message = f"This workspace has {total} templates, the maximum is {TEMPLATES_MAX}. Delete one first."
        raise AppError(409, "too_many_templates", message)
    template = RenderTemplate(workspace_id=workspace_id, name=name, edit=edit.canonical())
    session.add(template)
    await session.flush()
    return template


def usable(edit: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a render makes of a stored edit.

    Captions without a file or text are left out: they are the look of captions that a person types in the app.
    """
    captions = edit.get("captions")
    is_look = captions is not None and not any(captions.get(name) for name in CAPTION_SOURCES)
    return {name: value for name, value in edit.items() if name != "captions" or not is_look}


def update_template(template: RenderTemplate, name: str | None, edit: EditBody | None) -> None:
    """Change a template. Clips and renders that were made with it keep their edit."""
    template.name = name or template.name
    template.edit = template.edit if edit is None else edit.canonical()
