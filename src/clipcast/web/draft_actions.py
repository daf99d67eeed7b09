"""The deletion of many drafts at once, and its Undo."""

import hashlib
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.api.idempotency import result_of, run_once
from clipcast.common.ids import new_id, parse_id
from clipcast.common.problems import AppError
from clipcast.database.limits import saver_of
from clipcast.database.models.posts import Draft
from clipcast.posts.drafts import unsent
from clipcast.web.forms import read_form
from clipcast.web.pages import is_htmx
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# The columns that Undo restores.
KEPT = ("content", "version", "saved_by", "saves")


@router.post("/drafts/bulk")
async def delete_many(member: Editing, request: Request) -> Response:
    """Delete the chosen drafts, as long as they were not sent."""
    form = await read_form(request)
    ids = [id for text in form.all("chosen") if (id := parse_id(text))]
    if not ids:
        raise AppError(422, "nothing_chosen", "Choose at least one draft.")
    run = str(new_id())
    async with member.installation.database.begin() as session:
        delete = partial(_delete, session, member.workspace.id, ids)
        deleted = await run_once(session, member.installation, member.workspace.id, _key(member, run), delete)
    return _done(member, request, len(deleted), "deleted", run if deleted else "")


@router.post("/drafts/bulk/undo")
async def undo(member: Editing, request: Request) -> Response:
    """Bring the drafts of a deletion back. A second press brings none twice."""
    run = (await read_form(request)).line("run")
    async with member.installation.database.begin() as session:
        deleted = await result_of(session, member.installation, member.workspace.id, _key(member, run))
        if deleted is None:
            raise AppError(422, "validation_failed", "This cannot be undone any more. Reload the page.")
        own = {"workspace_id": member.workspace.id, "saved_by_id": saver_of(session)}
        missing = {id: kept for id, kept in deleted.items() if await session.get(Draft, UUID(id)) is None}
        session.add_all(Draft(id=UUID(id), **own, **_read(kept)) for id, kept in missing.items())
    return _done(member, request, len(missing), "brought back")


def _key(member: Member, run: str) -> str:
    return hashlib.sha256(f"drafts {member.user.id} {run}".encode()).hexdigest()


async def _delete(session: AsyncSession, workspace_id: UUID, ids: list[UUID]) -> dict[str, Any]:
    """Delete the drafts, and return what each of them was."""
    found = list(await session.scalars(unsent(workspace_id).where(Draft.id.in_(ids)).with_for_update()))
    for one in found:
        await session.delete(one)
    return {str(one.id): _kept(one) for one in found}


def _kept(draft: Draft) -> dict[str, Any]:
    """Return the columns that Undo restores, as JSON."""
    author = draft.author_id and str(draft.author_id)
    own = {"author_id": author, "updated_at": draft.updated_at.isoformat()}
    return {name: getattr(draft, name) for name in KEPT} | own


def _read(kept: dict[str, Any]) -> dict[str, Any]:
    """Return the columns from what `_kept` returned. Deletions of earlier versions have no `updated_at`."""
    changed = {"updated_at": datetime.fromisoformat(kept["updated_at"])} if "updated_at" in kept else {}
    return kept | {"author_id": parse_id(kept["author_id"] or "")} | changed


def _done(member: Member, request: Request, number: int, word: str, run: str = "") -> Response:
    if not is_htmx(request):
        return member.redirect("/drafts")
    message = f"{number} {'draft' if number == 1 else 'drafts'} {word}."
    response = member.render("parts/drafts_done.html", message=message, run=run)
    response.headers["HX-Trigger"] = "refresh,bulk-done"
    return response
