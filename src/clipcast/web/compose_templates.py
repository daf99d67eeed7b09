"""The templates of the compose page: saved from a draft, used in another one, renamed and removed."""

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.common.problems import ValidationFailed
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import post_templates
from clipcast.web import forms
from clipcast.web.composition import FIELDS_MAX, Composition, read_composition
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/compose/{draft_id}/templates")


@router.get("")
async def templates(member: Editing, draft_id: str) -> Response:
    """Return the content of the dialog of templates."""
    async with member.installation.database.session() as session:
        return await _dialog(member, session, draft_id)


async def _dialog(
    member: Member, session: AsyncSession, draft_id: str, error: ValidationFailed | None = None, of: str = ""
) -> Response:
    """Return the dialog's content. `error` is what is wrong with the name of a new template, or of the one `of`."""
    found = await post_templates.list_templates(session, member.workspace.id)
    problem = " ".join(one.message for one in error.errors) if error else ""
    return member.render("compose/templates.html", templates=found, draft_id=draft_id, problem=problem, problem_of=of)


@router.post("")
async def save(member: Editing, draft_id: str, request: Request) -> Response:
    """Save the words, accounts and settings of the form under a name, and return the dialog's content."""
    form = await forms.read_form(request, FIELDS_MAX)
    name = form.line("template_name")
    try:
        async with member.installation.database.begin() as session:
            composition = await read_composition(member, session, request)
            _name_defaults(composition, form)
            saved = await post_templates.save_template(
                session, member.workspace.id, name, composition.content, member.user.name
            )
            member.record(session, "post_template.saved", saved.name, saved.id)
            return await _dialog(member, session, draft_id)
    except ValidationFailed as error:
        async with member.installation.database.session() as session:
            return await _dialog(member, session, draft_id, error)


def _name_defaults(composition: Composition, form: forms.FilledForm) -> None:
    """Add the settings that the form shows with their defaults, so that those of the last post do not replace them."""
    content = composition.content
    for platform, accounts in composition.platforms.items():
        model = PLATFORMS[platform].metadata
        of_account = set(model.offered_fields) - set(model.shared_offers)
        for one in forms.fields_of(model):
            if one.required or one.name not in model.remembered_fields:
                continue
            if one.name not in of_account and form.has(f"platform.{platform}.{one.name}"):
                content["by_platform"].setdefault(platform, {}).setdefault(one.name, one.default)
            for id in [str(account.id) for account in accounts] if one.name in of_account else []:
                if form.has(f"account.{id}.{one.name}"):
                    content["by_account"].setdefault(id, {}).setdefault(one.name, one.default)


@router.post("/{template_id}/rename")
async def rename(member: Editing, draft_id: str, template_id: str, request: Request) -> Response:
    """Give a template another name, and return the dialog's content."""
    name = (await forms.read_form(request)).line("name")
    try:
        async with member.installation.database.begin() as session:
            renamed = await post_templates.rename_template(session, member.workspace.id, template_id, name)
            member.record(session, "post_template.renamed", renamed.name, renamed.id)
            return await _dialog(member, session, draft_id)
    except ValidationFailed as error:
        async with member.installation.database.session() as session:
            return await _dialog(member, session, draft_id, error, template_id)


@router.post("/{template_id}/delete")
async def delete(member: Editing, draft_id: str, template_id: str) -> Response:
    """Remove a template, and return the dialog's content. Drafts that used it stay."""
    async with member.installation.database.begin() as session:
        found = await post_templates.get_template(session, member.workspace.id, template_id, lock=True)
        member.record(session, "post_template.deleted", found.name, found.id)
        await session.delete(found)
        await session.flush()
        return await _dialog(member, session, draft_id)
