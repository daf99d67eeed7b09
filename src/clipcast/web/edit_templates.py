"""The page of templates: saved edits that fill in the editor of a clip; and of the files that edits use."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic_core import PydanticCustomError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.common.problems import NotFound
from clipcast.database.models.submissions import RenderTemplate
from clipcast.renders.assets import CAPTIONS, IMAGE, list_assets
from clipcast.renders.captions import parse_captions
from clipcast.renders.edit_schemas import EditBody
from clipcast.renders.submission_schemas import fits_a_template
from clipcast.web import edit_form
from clipcast.web.clip_editor import NAME_MAX, OFFERED, list_templates, with_chosen
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.viewers import Editing, Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

FITS = {"pad_blur": "blurred edges", "pad": "one colour", "crop": "cropped"}


@router.get("/templates")
async def templates_page(member: Looking) -> Response:
    """Return the list of templates and files."""
    async with member.installation.database.session() as session:
        found = await list_templates(session, member.workspace.id)
        files = (await list_assets(session, member.workspace.id, None, 0, OFFERED))[0]
    return member.render("templates.html", section="clips", found=found, files=files, in_words=in_words)


@router.get("/templates/{template_id}")
async def template_page(member: Editing, template_id: str) -> Response:
    """Return the form of a template."""
    async with member.installation.database.session() as session:
        found = await _template(session, member, template_id)
    return await _show(member, found, edit_form.filled(found.edit, None))


@router.post("/templates/{template_id}")
async def save(member: Editing, template_id: str, request: Request) -> Response:
    """Save the changes of a template. With problems, return the form with them beside their fields."""
    form = await read_form(request, edit_form.FIELDS_MAX)
    if edit := edit_form.read_edit(form, None):
        try:
            fits_a_template(edit)
        except PydanticCustomError as error:
            form.add_problem("cue" if edit.captions and edit.captions.text else "", error.message())
        if edit.captions and edit.captions.text:
            edit_form.add_problems(
                form, (one.under("/captions/text") for one in parse_captions(edit.captions.text).problems)
            )
    name = form.name("name", NAME_MAX, f"Type a name of at most {NAME_MAX} characters.")
    async with member.installation.database.begin() as session:
        found = await _template(session, member, template_id, lock=True)
        if edit is not None and not form.problems:
            found.name, found.edit = name, edit_form.stored(edit)
            member.record(session, "template.changed", name, found.id)
            return member.redirect("/templates")
    return await _show(member, found, form, 422)


@router.post("/templates/{template_id}/delete")
async def delete(member: Editing, template_id: str) -> Response:
    """Delete a template. Clips that were made with it stay."""
    async with member.installation.database.begin() as session:
        found = await _template(session, member, template_id, lock=True)
        member.record(session, "template.deleted", found.name, found.id)
        await session.delete(found)
    return member.redirect("/templates")


async def _template(session: AsyncSession, member: Member, template_id: str, lock: bool = False) -> RenderTemplate:
    try:
        found = await session.get(RenderTemplate, UUID(template_id), with_for_update=lock or None)
    except ValueError:
        found = None
    if found is None or found.workspace_id != member.workspace.id:
        raise NotFound("template", template_id)
    return found


async def _show(member: Member, found: RenderTemplate, form: FilledForm, status: int = 200) -> Response:
    async with member.installation.database.session() as session:
        captions, _ = await list_assets(session, member.workspace.id, CAPTIONS, 0, OFFERED)
        pictures, _ = await list_assets(session, member.workspace.id, IMAGE, 0, OFFERED)
        videos = await with_chosen(session, member.workspace.id, form, [])
    return member.render(
        "template.html",
        status,
        section="clips",
        found=found,
        form=form,
        ratios=edit_form.RATIOS,
        offered={"captions": captions, "pictures": pictures, "videos": videos},
        default_look=edit_form.DEFAULT_LOOK,
    )


def in_words(edit: dict[str, Any]) -> str:
    """Return what a stored edit changes, in a few words."""
    body = EditBody.model_validate(edit)
    said = []
    if body.trim:
        end = "the end" if body.trim.end is None else edit_form.show_seconds(body.trim.end)
        said.append(f"cut from {edit_form.show_seconds(body.trim.start)} to {end}")
    if body.aspect_ratio != "source":
        said.append(f"{body.aspect_ratio}, {FITS[body.fit]}")
    if body.resolution != "source":
        said.append(f"at most {body.resolution}")
    if body.speed != 1:
        said.append(f"speed {body.speed:g}")
    if body.captions and not (body.captions.asset_id or body.captions.text):
        said.append("look of captions")
    elif body.captions:
        said.append("burnt captions" if body.captions.mode == "burn" else "captions beside the video")
    said += [word for word, part in (("watermark", body.watermark), ("fade", body.fade), ("cover", body.cover),
                                     ("intro", body.intro), ("outro", body.outro)) if part]  # fmt: skip
    if body.audio:
        said.append("no sound" if body.audio.mute else "sound")
    if body.strip_metadata:
        said.append("without tags")
    text = ", ".join(said) or "no change"
    return text[0].upper() + text[1:]
