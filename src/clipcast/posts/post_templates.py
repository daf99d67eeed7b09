"""Templates of posts: the words, accounts and settings of a draft under a name. Callers of these functions commit."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.ids import new_id, parse_id
from clipcast.common.names import name_key, require_name
from clipcast.common.problems import NotFound, Problem, ValidationFailed
from clipcast.database.limits import SEES_ALL, count_all, limit_of, saver_of
from clipcast.database.models.post_templates import PostTemplate
from clipcast.posts import drafts

NAME_MAX = 60
TEMPLATES_MAX = 200
# What a template has of a draft. The clips, what is said of single ones, and the time belong to a post.
KEPT = ("accounts", "title", "text", "by_platform", "by_account", "own")


def template_of(content: dict[str, Any]) -> dict[str, Any]:
    """Return what a template keeps of a draft's content."""
    kept = {name: content[name] for name in KEPT}
    # `own` names accounts, and targets as `clip/account`.
    return kept | {"own": [one for one in content["own"] if "/" not in one]}


def with_template(content: dict[str, Any], template: dict[str, Any]) -> dict[str, Any]:
    """Return a draft's content with the words, accounts and settings of a template. Its clips and its time stay.

    A template without accounts leaves those of the draft.
    """
    kept = drafts.read(template)
    accounts = kept["accounts"] or content["accounts"]
    found = content | {name: kept[name] for name in KEPT} | {"accounts": accounts, "by_clip": {}, "by_cell": {}}
    return found | {"left_out": [pair for pair in content["left_out"] if pair[-1] in accounts]}


async def list_templates(session: AsyncSession, workspace_id: UUID) -> list[PostTemplate]:
    """Return the workspace's templates by name, at most TEMPLATES_MAX."""
    query = select(PostTemplate).where(PostTemplate.workspace_id == workspace_id).order_by(PostTemplate.name_key)
    return list(await session.scalars(query.limit(TEMPLATES_MAX)))


async def get_template(session: AsyncSession, workspace_id: UUID, id: str, lock: bool = False) -> PostTemplate:
    """Return a template. Raise NotFound if the workspace has no such template."""
    query = select(PostTemplate).where(PostTemplate.workspace_id == workspace_id, PostTemplate.id == parse_id(id))
    found = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if found is None:
        raise NotFound("template", id)
    return found


async def save_template(
    session: AsyncSession, workspace_id: UUID, typed: str, content: dict[str, Any], author: str
) -> PostTemplate:
    """Save what a template keeps of a draft's content. A template of this name gets it. Raise ValidationFailed."""
    name = require_name(typed, NAME_MAX)
    found = await _of_name(session, workspace_id, name)
    if found is not None and limit_of(session):
        seen = {one.id for one in await list_templates(session, workspace_id)}
        if found.id not in seen:
            raise _problem("A template that you do not see has this name. Choose another name.")
    if found is None:
        mine = select(PostTemplate.id).where(PostTemplate.workspace_id == workspace_id)
        if await count_all(session, mine) >= TEMPLATES_MAX:
            raise _problem(f"There are {TEMPLATES_MAX} templates, which is the maximum. Remove one first.")
        found = PostTemplate(id=new_id(), workspace_id=workspace_id, name_key=name_key(name))
        session.add(found)
    found.name, found.content = name, template_of(content)
    found.saved_by, found.saved_by_id = author, saver_of(session)
    await session.flush()
    return found


async def rename_template(session: AsyncSession, workspace_id: UUID, id: str, typed: str) -> PostTemplate:
    """Give a template another name. Raise NotFound, or ValidationFailed if another one has the name."""
    name = require_name(typed, NAME_MAX)
    found = await get_template(session, workspace_id, id, lock=True)
    other = await _of_name(session, workspace_id, name)
    if other is not None and other is not found:
        raise _problem(f"Another template is called {other.name!r}. Choose another name.")
    found.name, found.name_key = name, name_key(name)
    await session.flush()
    return found


def _problem(message: str) -> ValidationFailed:
    return ValidationFailed([Problem("/name", "invalid", message)])


async def _of_name(session: AsyncSession, workspace_id: UUID, name: str) -> PostTemplate | None:
    query = select(PostTemplate).where(
        PostTemplate.workspace_id == workspace_id, PostTemplate.name_key == name_key(name)
    )
    # Names are unique, also for those who do not see the template.
    return (await session.scalars(query.with_for_update().execution_options(**SEES_ALL))).one_or_none()
