"""Messages: what has happened, as plain text, as HTML and for a chat.

Every text of a person (a caption, a name) is cut, put on one line and escaped. Nothing else of an event gets into a
message but the reason of a failure, which the app shows, too.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from markupsafe import Markup

from clipcast.common.names import JOINERS
from clipcast.common.words import listed
from clipcast.notices.chat import neutral
from clipcast.notices.words import EVENTS, URGENT, headline
from clipcast.platforms.registry import PLATFORMS

# Lines below one headline. A digest names the number of the others.
LINES_MAX = 10
HEADLINES_IN_SUBJECT = 3
TITLE_MAX = 60
NAME_MAX = 80
WHY_MAX = 300
SUBJECT_MAX = 180
SENDER = "Clipcast: "
# The lines of a push message, each of at most so many characters: four bytes each fit below the limit of push services.
PUSH_LINES, PUSH_LINE_MAX = 3, 200


@dataclass(frozen=True)
class Notice:
    """One event of a workspace, as a line of a message. `path` is a page of the app."""

    type: str
    workspace_id: UUID
    workspace: str
    subject: UUID
    about: str
    why: str = ""
    path: str = ""
    # Of what is about a post: its title in quotation marks, if it has one, and the account.
    post_id: UUID | None = None
    title: str = ""
    account: str = ""


@dataclass(frozen=True)
class Message:
    """A message in all its forms. `unsubscribe` is the address that ends such messages; empty for a chat."""

    id: UUID
    subject: str
    text: str
    html: str
    chat: str
    unsubscribe: str = field(default="", repr=False)
    # What it holds: nothing in a test message.
    notices: Sequence[Notice] = ()


def one_line(text: object, most: int) -> str:
    """Return a text without line ends and invisible characters, cut to `most` characters."""
    shown = "".join(one if one.isprintable() or one in JOINERS else " " for one in str(text or ""))
    line = " ".join(shown.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def notice_of(row: Any) -> Notice:
    """Return the notice of a row of `repository.PENDING`."""
    data = row["data"]
    about, path = _about(row, data)
    return Notice(
        row["type"],
        row["workspace_id"],
        one_line(row["workspace"], NAME_MAX),
        row["subject_id"],
        about,
        one_line(_why(row["type"], data), WHY_MAX),
        f"/w/{row['workspace_id']}{path}",
        row["post_id"],
        _title(row),
        _account(row),
    )


def _about(row: Any, data: dict[str, Any]) -> tuple[str, str]:
    """Return what an event is about, in words, and its page in the workspace."""
    account = _account(row)
    match row["type"].partition(".")[0]:
        case "connection" | "quota":
            return account or "An account", f"/accounts/{row['connection_id']}"
        case "post":
            deleted = row["type"] == "post.deleted"
            return _title(row) or "A post", "/posts" if deleted else f"/posts/{row['post_id']}"
        case "review":
            return _title(row) or "A post", f"/review/{row['post_id']}"
        case "render":
            page = f"/clips/{row['clip_id']}" if row["clip_id"] else "/clips"
            return one_line(row["file_name"], NAME_MAX) or "A clip", page
        case "webhook":
            return one_line(data.get("host"), NAME_MAX) or "A webhook", f"/developers/webhooks/{row['subject_id']}"
        case "job" if not row["item_id"]:
            return f"Job {one_line(data.get('kind'), NAME_MAX)}", "/jobs#dead"
    title = _title(row)
    parts = (title or "An item", f"to {account}" if account else "")
    return " ".join(filter(None, parts)), f"/posts/{row['post_id']}#item-{row['item_id']}"


def _title(row: Any) -> str:
    """Return the beginning of the caption, or else the title, in quotation marks; empty without one."""
    platform = PLATFORMS.get(row["platform"])
    details = row["details"] or {}
    if platform is None:
        return ""
    fields = (platform.metadata.text_field, platform.metadata.title_field)
    found = next(filter(None, (one_line(details.get(name), TITLE_MAX) for name in fields if name)), "")
    return f"“{found}”" if found else ""


def _account(row: Any) -> str:
    if not row["username"]:
        return ""
    platform = PLATFORMS.get(row["platform"])
    return f"{one_line(row['username'], NAME_MAX)} on {platform.title if platform else row['platform']}"


def _why(type: str, data: dict[str, Any]) -> str:
    error = data.get("error")
    if type == "item.published":
        return data.get("platform_post_url") or ""
    if type == "item.needs_action" and data.get("reason") == "reconnect":
        return "It waits until the account is connected again."
    if type.startswith("review."):
        return ": ".join(filter(None, (data.get("by"), data.get("text"))))
    if isinstance(error, dict):
        return error.get("message") or ""
    return error or (data.get("reason") if type.startswith("connection.needs") else "") or ""


def write_message(
    id: UUID, notices: Iterable[Notice], base: str, settings_path: str, unsubscribe: str, tested: Sequence[str] = ()
) -> Message:
    """Return the digest of these notices, and the test messages of the `tested` workspaces.

    `base` is the public URL, `settings_path` the page of choices. Without notices, `tested` names a workspace.
    """
    tests = [
        Section("", f"Test message: notices of {name} arrive here.", [])
        for name in dict.fromkeys(one_line(name, NAME_MAX) for name in tested)
    ]
    kept = _without_repetitions(notices)
    counts = [headline(type, len(found)) for type, found in _by_type(kept)]
    if not kept:
        footer = "You get this because you asked for a test message in Clipcast."
        subject = f"Test message: {_names([one_line(name, NAME_MAX) for name in dict.fromkeys(tested)])}"
        return _message(id, subject, tests, base, (footer, base + settings_path, unsubscribe))
    more = ["more"] if len(counts) > HEADLINES_IN_SUBJECT else []
    names = {one.workspace_id: one.workspace for one in kept}
    shown = _names(list(names.values()))
    sections = [
        Section(name if len(names) > 1 else "", headline(type, len(found)), _by_post(found))
        for id, name in names.items()
        for type, found in _by_type([one for one in kept if one.workspace_id == id])
    ]
    first = ["test message"] if tests else []
    subject = f"{', '.join(first + counts[:HEADLINES_IN_SUBJECT] + more)}: {shown}"
    footer = f"You get this as a member of {shown}."
    message = _message(id, subject, [*tests, *sections], base, (footer, base + settings_path, unsubscribe))
    return replace(message, notices=[one for section in sections for one in section.notices])


@dataclass(frozen=True)
class PushContent:
    """A message for browsers: JSON with `title`, `body`, `path`, `tag` and `badge` (static/service-worker.js)."""

    body: bytes
    # Of two messages with the same tag, a browser shows the newer one.
    tag: str
    is_urgent: bool


def push_content(message: Message, badge: int) -> PushContent:
    """Return a message for browsers. `badge`: the number on the app's icon. It holds no address but a path."""
    notices = message.notices
    lines = [one_line(f"{one.about}: {one.why}" if one.why else one.about, PUSH_LINE_MAX) for one in notices]
    more = [f"and {len(lines) - PUSH_LINES} more"] if len(lines) > PUSH_LINES else []
    only = notices[0] if len({one.post_id or one.subject for one in notices}) == 1 else None
    workspace = notices[0].workspace_id if notices else None
    tag = str(only.post_id or only.subject) if only else f"notices {workspace}"
    content = {
        "title": one_line(message.subject.removeprefix(SENDER), PUSH_LINE_MAX),
        "body": "\n".join([*lines[:PUSH_LINES], *more]) or "Push messages arrive on this device.",
        "path": only.path if only else f"/w/{workspace}/notices" if workspace else "/account#notifications",
        "tag": tag,
        "badge": badge,
    }
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return PushContent(body, tag, any(one.type in URGENT for one in notices))


@dataclass(frozen=True)
class Section:
    """The notices of one type. `workspace` is empty if all notices are of the same one."""

    workspace: str
    title: str
    notices: Sequence[Notice]


# Why the person gets the message, the page of choices, and the address that ends e-mails.
Footer = tuple[str, str, str]


def _message(id: UUID, subject: str, sections: Sequence[Section], base: str, footer: Footer) -> Message:
    why, choices, unsubscribe = footer
    subject = one_line(subject, SUBJECT_MAX)
    ends = [why, f"Change what you get: {choices}", f"End these e-mails: {unsubscribe}"]
    text = "\n".join([*_lines(sections, base, str), "-- ", *ends, ""])
    chat = "\n".join(_lines(sections, base, neutral)).strip()
    return Message(id, SENDER + subject, text, _html(subject, sections, base, footer), chat, unsubscribe)


def _without_repetitions(notices: Iterable[Notice]) -> list[Notice]:
    """Return the newest notice of each type about a thing, without failures of items that need somebody anyway."""
    newest = {(one.type, one.subject): one for one in notices}
    needy = {one.subject for one in newest.values() if one.type == "item.needs_action"}
    return [one for one in newest.values() if one.type != "item.failed" or one.subject not in needy]


def _by_type(notices: Sequence[Notice]) -> list[tuple[str, list[Notice]]]:
    found = {type: [one for one in notices if one.type == type] for type in EVENTS}
    return [(type, those) for type, those in found.items() if those]


def _by_post(notices: Sequence[Notice]) -> list[Notice]:
    """Return one notice for each post, and those that are about no post."""
    found: dict[UUID, list[Notice]] = {}
    for one in notices:
        found.setdefault(one.post_id or one.subject, []).append(one)
    return [_joined(those) for those in found.values()]


def _joined(notices: Sequence[Notice]) -> Notice:
    """Return one notice about all items of a post: the newest one, with the number of accounts."""
    newest, accounts = notices[-1], {one.account for one in notices}
    if len(notices) == 1:
        return newest
    about = about_items(newest.title, newest.account, len(accounts))
    return replace(newest, about=about, path=f"/w/{newest.workspace_id}/posts/{newest.post_id}")


def about_items(title: str, account: str, accounts: int) -> str:
    """Return items of one post in words: their title, and the account or the number of accounts."""
    to = f"{accounts} accounts" if accounts > 1 else account
    return " ".join(filter(None, (title or "A post", f"to {to}" if to else "")))


def _names(workspaces: Sequence[str]) -> str:
    return listed([*workspaces[:2], f"{len(workspaces) - 2} more"] if len(workspaces) > 2 else workspaces)


def _lines(sections: Sequence[Section], base: str, clean: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of a plain text. `clean` changes the texts of people."""
    above = ""
    for section in sections:
        if section.workspace != above:
            yield from (clean(section.workspace), "")
            above = section.workspace
        yield clean(section.title)
        for one in section.notices[:LINES_MAX]:
            yield f"- {clean(f'{one.about}: {one.why}' if one.why else one.about)}"
            yield f"  {base}{one.path}"
        if len(section.notices) > LINES_MAX:
            yield f"- and {len(section.notices) - LINES_MAX} more"
        yield ""


def _html(subject: str, sections: Sequence[Section], base: str, footer: Footer) -> str:
    """Return the message as HTML. `Markup.format` escapes every value."""
    why, choices, unsubscribe = footer
    body, above = Markup(), ""
    for section in sections:
        if section.workspace != above:
            body += Markup("<h2>{}</h2>\n").format(section.workspace)
            above = section.workspace
        body += Markup("<p><strong>{}</strong></p>\n").format(section.title)
        rows = [
            Markup('<li><a href="{}">{}</a>{}</li>').format(base + one.path, one.about, one.why and f": {one.why}")
            for one in section.notices[:LINES_MAX]
        ]
        if len(section.notices) > LINES_MAX:
            rows.append(Markup("<li>and {} more</li>").format(len(section.notices) - LINES_MAX))
        body += Markup("<ul>\n{}\n</ul>\n").format(Markup("\n").join(rows)) if rows else Markup()
    return str(PAGE.format(subject, body, why, choices, unsubscribe))


PAGE = Markup("""\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{}</title></head>
<body style="font-family: sans-serif; line-height: 1.5; overflow-wrap: anywhere">
{}<hr>
<p><small>{}<br><a href="{}">Change what you get</a> · <a href="{}">End these e-mails</a></small></p>
</body></html>
""")
