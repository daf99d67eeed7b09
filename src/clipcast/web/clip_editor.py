"""The page of a clip: its cut, shape, captions and cover, where the result fits, and the clips made from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.api.endpoints.files import serve
from clipcast.common.ids import parse_id
from clipcast.common.media import FactsUnreadable, Media, stored_media
from clipcast.common.names import tidy_name
from clipcast.common.problems import AppError, NotFound, ValidationFailed
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.submissions import RenderTemplate
from clipcast.rendering.recipe import Edit, recipe_of
from clipcast.renders import service
from clipcast.renders.assets import CAPTIONS, IMAGE, list_assets
from clipcast.renders.edit_schemas import EditBody
from clipcast.renders.templates import create_template
from clipcast.web import edit_form
from clipcast.web.fits import Outcome, outcomes
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.stored import DATA_TROUBLE
from clipcast.web.viewers import Editing, Looking, Member

log = structlog.get_logger()
router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# The newest clips, assets and templates that the page offers.
OFFERED, MADE_SHOWN = 50, 50
NAME_MAX = 255


@dataclass
class Judged:
    """A filled-in form of a clip with these facts. `prepared` is None if the form has problems."""

    form: FilledForm
    media: Media
    edit: EditBody | None = None
    prepared: service.Prepared | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """What the result leaves out."""
        return [one.message for one in self.prepared.compiled.warnings] if self.prepared else []

    @property
    def output(self) -> Media:
        """The predicted properties of the result."""
        return (self.prepared and self.prepared.compiled.output) or self.media


async def judge(member: Member, clip: Clip, media: Media, form: FilledForm) -> Judged:
    """Check a filled-in form, as POST /renders checks its body."""
    judged = Judged(form, media, edit_form.read_edit(form, media.duration))
    if judged.edit is not None:
        try:
            judged.prepared = await service.prepare(member.installation, member.workspace.id, str(clip.id), judged.edit)
        except ValidationFailed as error:
            edit_form.add_problems(form, error.errors)
    judged.outcomes = outcomes(judged.output)
    return judged


@router.get("/clips/{render_id}")
async def clip_page(member: Looking, render_id: str, template: str = "") -> Response:
    """Return the page of a clip. An uploaded one has the editor, filled in from a template if the address names one."""
    async with member.installation.database.session() as session:
        render = await service.get_render(session, member.workspace.id, render_id)
        edit = await _edit_of_template(session, member, template) if template else {}
    return await _show(member, render, None if render.key else edit)


@router.get("/clips/{render_id}/edit")
async def edit_page(member: Editing, render_id: str) -> Response:
    """Return the page with the editor, filled in as the clip was made."""
    async with member.installation.database.session() as session:
        render = await service.get_render(session, member.workspace.id, render_id)
    return await _show(member, render, render.edit)


@router.post("/clips/{render_id}/check")
async def check(member: Editing, render_id: str, request: Request) -> Response:
    """Return the problems of a filled-in form, and where its result fits."""
    form = await read_form(request, edit_form.FIELDS_MAX)
    async with member.installation.database.session() as session:
        render = await service.get_render(session, member.workspace.id, render_id)
    judged = await judge(member, render.clip, _facts(render.clip), form)
    return member.render("parts/edit_checks.html", judged=judged, form=form)


@router.post("/clips/{render_id}/edit")
async def save(member: Editing, render_id: str, request: Request) -> Response:
    """Have a new clip made of the filled-in form. With problems, return the page with them beside their fields."""
    form = await read_form(request, edit_form.FIELDS_MAX)
    async with member.installation.database.session() as session:
        render = await service.get_render(session, member.workspace.id, render_id)
    judged = await judge(member, render.clip, _facts(render.clip), form)
    name = tidy_name(form.one("name"))
    if len(name) > NAME_MAX:
        form.add_problem("name", f"The name is too long: {len(name)} characters, maximum {NAME_MAX}. Shorten it.")
    if judged.prepared and not judged.prepared.edit:
        form.add_problem("", "Nothing is changed. Cut the clip or change its shape, captions or sound first.")
    if judged.prepared is None or form.problems:
        return await _show(member, render, {}, judged)
    try:
        async with member.installation.database.begin() as session:
            made, existed = await service.create_render(session, member.workspace.id, judged.prepared, name or None)
            if not existed:
                member.record(session, "clip.made", made.name, made.id)
    except AppError as error:
        form.add_problem("", error.detail)
        return await _show(member, render, {}, judged)
    return member.redirect(f"/clips/{render_id}#made-{made.id}")


@router.post("/clips/{render_id}/template")
async def save_template(member: Editing, render_id: str, request: Request) -> Response:
    """Save the filled-in form as a template, without its captions' text."""
    form = await read_form(request, edit_form.FIELDS_MAX)
    async with member.installation.database.session() as session:
        render = await service.get_render(session, member.workspace.id, render_id)
    judged = await judge(member, render.clip, _facts(render.clip), form)
    name = form.name("template_name", NAME_MAX, f"Type a name of at most {NAME_MAX} characters.")
    if judged.edit is None or form.problems:
        return await _show(member, render, {}, judged)
    edit = EditBody.model_validate(without_text(judged.edit))
    try:
        async with member.installation.database.begin() as session:
            made = await create_template(session, member.workspace.id, name, edit)
            member.record(session, "template.created", name, made.id)
    except AppError as error:
        form.add_problem("template_name", error.detail)
        return await _show(member, render, {}, judged)
    return member.redirect(f"/clips/{render_id}?template={made.id}")


def without_text(edit: EditBody) -> dict[str, Any]:
    """Return the stored form of an edit that other clips can use: typed captions are this clip's own.

    Their look and language stay, for captions that are typed in another clip.
    """
    captions = edit.captions and edit.captions.model_copy(update={"text": None})
    return edit_form.stored(edit.model_copy(update={"captions": captions}))


@router.get("/clips/{render_id}/converted")
async def converted_file(member: Looking, render_id: str, request: Request) -> Response:
    """Return a converted copy of the whole clip."""
    async with member.installation.database.session() as session:
        render = await service.get_render(session, member.workspace.id, render_id)
        made = await _converted_whole(session, render.clip)
    if made is None or made.storage_key is None:
        raise NotFound("converted copy", render_id)
    return await serve(member.installation, request, made.storage_key, made.size or -1, "video/mp4", "converted.mp4")


def _facts(clip: Clip) -> Media:
    """Return the clip's properties. Raises AppError 422 if they cannot be read."""
    try:
        return stored_media(clip.media)
    except FactsUnreadable:
        message = "The stored properties of this clip cannot be read. Upload it again."
        raise AppError(422, "clip_unreadable", message) from None


async def _edit_of_template(session: AsyncSession, member: Member, template_id: str) -> dict[str, Any]:
    found = await session.get(RenderTemplate, _uuid(template_id, "template"))
    if found is None or found.workspace_id != member.workspace.id:
        raise NotFound("template", template_id)
    return found.edit


def _uuid(text: str, kind: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(kind, text) from None


async def _show(member: Member, render: Render, edit: dict[str, Any] | None, judged: Judged | None = None) -> Response:
    """Return the page of a clip: with the editor if there is an `edit`, or a form that was just `judged`."""
    clip, workspace_id = render.clip, member.workspace.id
    if judged is None and edit is not None and member.may("editor"):
        judged = await _judge_stored(member, clip, edit)
    async with member.installation.database.session() as session:
        renders = await _renders_of(session, clip.id)
        original = next((one for one in renders if not one.key), None)
        offered: dict[str, Any] = {}
        if judged:
            offered = {
                "captions": (await list_assets(session, workspace_id, CAPTIONS, 0, OFFERED))[0],
                "pictures": (await list_assets(session, workspace_id, IMAGE, 0, OFFERED))[0],
                "templates": await list_templates(session, workspace_id),
                "videos": await with_chosen(
                    session,
                    workspace_id,
                    judged.form,
                    [(str(one.id), one.title) for one in await _other_clips(session, clip)],
                ),
                "playable": await _converted_whole(session, clip),
            }
    return member.render(
        "clip.html",
        422 if judged and judged.form.problems and member.request.method == "POST" else 200,
        section="clips",
        render=render,
        clip=clip,
        original=original,
        made=[one for one in renders if one.key],
        output_of=service.output_of,
        fits=outcomes,
        judged=judged,
        form=judged.form if judged else None,
        show_seconds=edit_form.show_seconds,
        ratios=edit_form.RATIOS,
        offered=offered,
        default_look=edit_form.DEFAULT_LOOK,
    )


async def _judge_stored(member: Member, clip: Clip, edit: dict[str, Any]) -> Judged | None:
    """Return the editor's form of a stored edit. None if the clip or the edit is unreadable: the page still works."""
    try:
        media = stored_media(clip.media)
        return await judge(member, clip, media, edit_form.filled(edit, media.duration))
    except DATA_TROUBLE:
        log.exception("clip_not_read", clip_id=str(clip.id))
        return None


async def _renders_of(session: AsyncSession, clip_id: UUID) -> Sequence[Render]:
    made = select(Render).where(Render.clip_id == clip_id, Render.deleted_at.is_(None))
    query = made.order_by(Render.id.desc()).limit(MADE_SHOWN)
    return (await session.execute(query)).scalars().all()


async def list_templates(session: AsyncSession, workspace_id: UUID) -> Sequence[RenderTemplate]:
    """Return the newest templates of a workspace."""
    query = select(RenderTemplate).where(RenderTemplate.workspace_id == workspace_id)
    return (await session.execute(query.order_by(RenderTemplate.id.desc()).limit(OFFERED))).scalars().all()


async def _other_clips(session: AsyncSession, clip: Clip) -> Sequence[Clip]:
    query = select(Clip).where(Clip.workspace_id == clip.workspace_id, Clip.status == "ready", Clip.id != clip.id)
    return (await session.execute(query.order_by(Clip.id.desc()).limit(OFFERED))).scalars().all()


async def with_chosen(
    session: AsyncSession, workspace_id: UUID, form: FilledForm, offered: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the clips that a form offers as intro and outro, with those that it names beside the newest ones."""
    known = dict(offered)
    chosen = [id for name in ("intro", "outro") if (id := form.one(f"{name}.video_id")) and id not in known]
    query = select(Clip.id, Clip.title).where(
        Clip.workspace_id == workspace_id, Clip.id.in_([parsed for id in chosen if (parsed := parse_id(id))])
    )
    titles = {str(id): title for id, title in await session.execute(query)} if chosen else {}
    return [*offered, *((id, titles.get(id, "A clip that was deleted")) for id in dict.fromkeys(chosen))]


async def _converted_whole(session: AsyncSession, clip: Clip) -> Rendition | None:
    """Return a converted copy of the whole clip, which browsers play that cannot play the clip."""
    query = select(Rendition).where(
        Rendition.clip_id == clip.id, Rendition.status == "completed", Rendition.action == "video"
    )
    found = (await session.execute(query.order_by(Rendition.id.desc()).limit(OFFERED))).scalars()
    return next((one for one in found if one.source_id is None and recipe_of(one.recipe).edit == Edit()), None)
