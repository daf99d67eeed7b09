"""The pages of notifications: what a member is told by e-mail and chat, and the end of e-mails by their link."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from clipcast.api.dependencies import InstallationDep
from clipcast.database.models.people import User
from clipcast.database.models.workspaces import Workspace
from clipcast.notices import service
from clipcast.notices.chat import SERVICES, ChatAddressError, masked
from clipcast.notices.listeners import refresh_listener
from clipcast.notices.service import CHANNELS, CHAT, EMAIL
from clipcast.notices.unsubscribe import read_token
from clipcast.notices.words import EVENTS, may_choose
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.pages import render
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False)
PAGE = "/settings/notifications"
PREFIX = "/w/{workspace_id}" + PAGE
# What the page says after an action, by its name in the address.
DONE = {
    "saved": "Saved.",
    "chat-saved": "Saved. Send a test message to try it.",
    "chat-removed": "The chat is removed.",
    "tested": "A test message is on its way. If you got another message in the last minute, it waits for the next one.",
}


@router.get(PREFIX)
async def notifications_page(member: Looking, done: str = "") -> Response:
    """Return the page of what the member is told about the workspace."""
    return await _page(member, done=DONE.get(done, ""))


async def _page(member: Member, form: FilledForm | None = None, done: str = "") -> Response:
    installation = member.installation
    async with installation.database.session() as session:
        channels = await service.channels_of(session, member.user.id, member.workspace.id)
    chat = channels.get(CHAT)
    address = masked(installation.vault.open(chat.address)) if chat and chat.address else ""
    return member.render(
        "notifications.html",
        422 if form else 200,
        section="settings",
        events=[words for words in EVENTS.values() if may_choose(words, member.role)],
        chosen={name: service.chosen_events(channels.get(name), member.role) for name in CHANNELS},
        mail=channels.get(EMAIL),
        chat=chat,
        chat_address=address,
        services=SERVICES,
        has_mail=installation.settings.smtp is not None,
        form=form or FilledForm({}),
        done=done,
    )


@router.post(PREFIX)
async def choose_events(member: Looking, request: Request) -> Response:
    """Save what the member is told, by channel."""
    form = await read_form(request)
    async with member.installation.database.begin() as session:
        for channel in CHANNELS:
            await service.choose_events(session, member.user.id, member.workspace.id, channel, form.all(channel))
        await refresh_listener(session, member.installation.settings, member.workspace.id)
    return member.redirect(f"{PAGE}?done=saved")


@router.post(PREFIX + "/chat")
async def set_chat(member: Looking, request: Request) -> Response:
    """Set the address of the member's chat."""
    form = await read_form(request)
    installation, address = member.installation, form.line("address")
    try:
        async with installation.database.begin() as session:
            await service.set_chat(session, installation.vault, member.user.id, member.workspace.id, address)
            await refresh_listener(session, installation.settings, member.workspace.id)
    except ChatAddressError as error:
        form.add_problem("address", str(error))
        return await _page(member, form)
    return member.redirect(f"{PAGE}?done=chat-saved")


@router.post(PREFIX + "/chat/remove")
async def remove_chat(member: Looking) -> Response:
    """Forget the address of the member's chat."""
    async with member.installation.database.begin() as session:
        await service.remove_chat(session, member.user.id, member.workspace.id)
        await refresh_listener(session, member.installation.settings, member.workspace.id)
    return member.redirect(f"{PAGE}?done=chat-removed")


@router.post(PREFIX + "/{channel}/test")
async def send_test(member: Looking, channel: str) -> Response:
    """Have a test message sent."""
    if channel in CHANNELS:
        async with member.installation.database.begin() as session:
            await service.send_test(session, member.user.id, member.workspace.id, channel)
    return member.redirect(f"{PAGE}?done=tested")


@router.get("/notifications/end/{token}")
async def ask_to_end(request: Request, installation: InstallationDep, token: str) -> Response:
    """Return the page that ends the e-mails of a link. Opening it changes nothing."""
    return await _ending(request, installation, token)


@router.post("/notifications/end/{token}")
async def end_mails(request: Request, installation: InstallationDep, token: str) -> Response:
    """End the e-mails of a link, from its page or from a mail program (RFC 8058)."""
    if wanted := read_token(installation.vault, token):
        async with installation.database.begin() as session:
            await service.end_mails(session, wanted)
    return await _ending(request, installation, token, done=True)


async def _ending(request: Request, installation: Any, token: str, done: bool = False) -> Response:
    wanted = read_token(installation.vault, token)
    email = workspace = None
    if wanted:
        async with installation.database.session() as session:
            user = await session.get(User, wanted.user_id)
            email = user and user.email
            if wanted.workspace_id and not (workspace := await session.get(Workspace, wanted.workspace_id)):
                email = None  # deleted: nothing can end
    context = {"email": email, "workspace": workspace, "token": token, "done": done}
    return render(request, "end_mails.html", context, 200 if email else 404)
