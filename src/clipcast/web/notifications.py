"""The pages of notifications: what a member is told, how and when, and the end of e-mails by their link."""

from calendar import day_name
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from clipcast.api.dependencies import InstallationDep
from clipcast.database.models.people import User
from clipcast.database.models.workspaces import Workspace
from clipcast.notices import service
from clipcast.notices.channels import APP, CHANNELS, CHAT, EMAIL, PUSH, SENT
from clipcast.notices.chat import SERVICES, ChatAddressError, masked
from clipcast.notices.devices import devices_of
from clipcast.notices.habits import DAILY, DIGESTS, NONE, WEEKLY, Habits
from clipcast.notices.listeners import refresh_listener
from clipcast.notices.unsubscribe import read_token
from clipcast.notices.words import EVENTS, URGENT, may_choose
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.pages import render
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False)
PAGE = "/settings/notifications"
PREFIX = "/w/{workspace_id}" + PAGE
NOT_SET_UP = "not set up"
CLOCK = "%H:%M"
DIGEST_AT = time(8)
DIGEST_WORDS = {NONE: "No: e-mails come at once", DAILY: "Every day", WEEKLY: "Every week"}
DAYS = [str(number) for number in range(7)]
CHOICES, HABITS = "choices", "habits"
TESTED = "A test message is on its way. If you got another message in the last minute, it waits for the next one."
# What the page says after an action, by its name in the address, and in which part of the page.
DONE = {
    "saved": (CHOICES, "Saved."),
    "chat-saved": (CHAT, "Saved. Send a test message to try it."),
    "chat-removed": (CHAT, "The chat is removed."),
    "habits-saved": (HABITS, "Saved for all your workspaces."),
    "push-on": (PUSH, "Push messages are on for this device. Send a test message to try it."),
} | {f"{channel}-tested": (channel, TESTED) for channel in SENT}


@router.get(PREFIX)
async def notifications_page(member: Looking, done: str = "") -> Response:
    """Return the page of what the member is told about the workspace."""
    return await _page(member, done=DONE.get(done, ("", "")))


def _done(member: Member, name: str) -> Response:
    """Go to the part of the page that says what was done."""
    return member.redirect(f"{PAGE}?done={name}#{DONE[name][0]}")


async def _page(
    member: Member,
    form: FilledForm | None = None,
    habits_form: FilledForm | None = None,
    done: tuple[str, str] = ("", ""),
) -> Response:
    installation = member.installation
    async with installation.database.session() as session:
        channels = await service.channels_of(session, member.user.id, member.workspace.id)
        habits = await service.habits_of(session, member.user.id)
        devices = await devices_of(session, member.user.id)
    chat = channels.get(CHAT)
    address = masked(installation.vault.open(chat.address)) if chat and chat.address else ""
    return member.render(
        "notifications.html",
        422 if form or habits_form else 200,
        section="settings",
        events=sorted(
            (words for words in EVENTS.values() if may_choose(words, member.role)),
            key=lambda words: words.type not in URGENT,
        ),
        urgent=URGENT,
        ways=[
            (APP, "App", ""),
            (EMAIL, "E-mail", "" if installation.settings.smtp else NOT_SET_UP),
            (PUSH, "Push", "" if devices else NOT_SET_UP),
            (CHAT, "Chat", "" if address else NOT_SET_UP),
        ],
        chosen={name: service.chosen_events(name, channels.get(name), member.role) for name in CHANNELS},
        mail=channels.get(EMAIL),
        push=channels.get(PUSH),
        devices=devices,
        chat=chat,
        chat_address=address,
        services=SERVICES,
        has_mail=installation.settings.smtp is not None,
        form=form or FilledForm({}),
        habits=habits,
        habits_form=habits_form or _filled(habits),
        days=list(enumerate(day_name)),
        digests=DIGEST_WORDS,
        done_in=done[0],
        done=done[1],
    )


def _filled(habits: Habits) -> FilledForm:
    """Return the form of quiet hours and digests as the person has filled it in."""
    begins, ends = habits.quiet or ("", "")
    values = {
        "quiet_from": f"{begins:{CLOCK}}" if begins else "", "quiet_until": f"{ends:{CLOCK}}" if ends else "",
        "digest": habits.digest, "digest_at": f"{habits.digest_at:{CLOCK}}", "digest_day": str(habits.digest_day),
    }  # fmt: skip
    return FilledForm({name: [value] for name, value in values.items()})


@router.post(PREFIX + "/habits")
async def choose_habits(member: Looking, request: Request) -> Response:
    """Set the person's quiet hours and digest, for all workspaces."""
    form = await read_form(request)
    habits = _read_habits(form, member.zone)
    if habits is None:
        return await _page(member, habits_form=form)
    async with member.installation.database.begin() as session:
        await service.choose_habits(session, member.user.id, habits)
    return _done(member, "habits-saved")


def _read_habits(form: FilledForm, zone: ZoneInfo) -> Habits | None:
    """Return what the form says. Return None, and add problems to the form, if it says nothing valid."""
    begins, ends, at = (_read_time(form, name) for name in ("quiet_from", "quiet_until", "digest_at"))
    if (begins is None) != (ends is None):
        form.add_problem("quiet_until" if ends is None else "quiet_from", "Give both times, or neither.")
    elif begins and begins == ends:
        form.add_problem("quiet_until", "Quiet hours end at another time than they begin.")
    digest, day = form.line("digest"), form.line("digest_day")
    if digest not in DIGESTS:
        form.add_problem("digest", "Choose one of the list.")
    if day not in DAYS:
        form.add_problem("digest_day", "Choose a day of the list.")
    if form.problems:
        return None
    quiet = (begins, ends) if begins is not None and ends is not None else None
    return Habits(zone, quiet, digest, at or DIGEST_AT, int(day))


def _read_time(form: FilledForm, name: str) -> time | None:
    text = form.line(name)
    if not text:
        return None
    try:
        return datetime.strptime(text[:5], CLOCK).time()
    except ValueError:
        form.add_problem(name, "Give a time such as 22:00.")
        return None


@router.post(PREFIX)
async def choose_events(member: Looking, request: Request) -> Response:
    """Save what the member is told, by channel."""
    form = await read_form(request)
    async with member.installation.database.begin() as session:
        for channel in CHANNELS:
            await service.choose_events(session, member.user.id, member.workspace.id, channel, form.all(channel))
        await refresh_listener(session, member.installation.settings, member.workspace.id)
    return _done(member, "saved")


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
    return _done(member, "chat-saved")


@router.post(PREFIX + "/chat/remove")
async def remove_chat(member: Looking) -> Response:
    """Forget the address of the member's chat."""
    async with member.installation.database.begin() as session:
        await service.remove_chat(session, member.user.id, member.workspace.id)
        await refresh_listener(session, member.installation.settings, member.workspace.id)
    return _done(member, "chat-removed")


@router.post(PREFIX + "/{channel}/test")
async def send_test(member: Looking, channel: str) -> Response:
    """Have a test message sent."""
    if channel not in SENT:
        return member.redirect(PAGE)
    async with member.installation.database.begin() as session:
        await service.send_test(session, member.user.id, member.workspace.id, channel)
    return _done(member, f"{channel}-tested")


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
