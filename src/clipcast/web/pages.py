"""The parts of all pages: templates, security headers, and the words for sizes, lengths and states."""

import asyncio
import base64
import gzip
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from clipcast.common.media_words import codec_title
from clipcast.common.timestamps import parse_instant
from clipcast.common.words import listed
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.listing import COUNTED
from clipcast.web import times
from clipcast.web.forms import label_of
from clipcast.web.icons import icon, platform_icon, static
from clipcast.web.marks import account_mark, mark_on_post
from clipcast.web.said import action_in_words, fix_of, in_words, without_response
from clipcast.web.states import STATES
from clipcast.web.steps import step_in_words
from clipcast.web.stored import safely

HERE = Path(__file__).parent
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
SHOWN_STATES = {
    "pending": "scheduled",
    "processing": "publishing",
    "completed": "published",
    "partial": "partly published",
    "active": "ready",
    "needs_reconnect": "sign-in ended",
    "disabled": "paused",
    "held": "waiting for the account",
    "paused": "paused by the operator",
}
# The states of jobs, as the page of the jobs shows them.
SHOWN_JOB_STATES = {
    "waiting": "not due",
    "ready": "due",
    "held": "waiting for the account",
    "stranded": "without a worker",
}
# The pages that show one client's part with `?client=`, and their paths.
FILTERED = {
    "overview": "", "calendar": "/calendar", "posts": "/posts", "drafts": "/drafts", "clips": "/clips",
    "connections": "/accounts",
}  # fmt: skip
# The themes that a person can choose. Without the cookie, the system decides.
THEMES = {"light": "Light", "dark": "Dark"}
THEME_COOKIE = "clipcast_theme"
# `off` for browsers whose person uses no single keys.
KEYS_COOKIE = "clipcast_keys"
# Filled by the operator %, which is twice as fast as `format`: pages have hundreds.
TIME = Markup('<time datetime="%s" title="%s (%s)">%s</time>')
QUOTED = re.compile(r"`([^`]+)`")
# Bytes: a smaller page travels in one packet anyway. The level takes 1 ms for 40 KB.
COMPRESSED_FROM, LEVEL = 1000, 6
# The length of a digest.
DIGEST = 6
# Between thousands.
NARROW_SPACE = "\N{NO-BREAK SPACE}"
# Stands for a value that is not there. plots.js has it, too.
ABSENT = "–"
UNITS = ("bytes", "KB", "MB", "GB", "TB")


def headers(**policy: str) -> dict[str, str]:
    """Return the headers of every page. `policy` changes directives of the Content-Security-Policy."""
    directives = POLICY | {name.replace("_", "-"): value for name, value in policy.items()}
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in directives.items()),
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def size(number: int) -> str:
    """Return the size of a number of bytes in words, such as `3.4 MB`."""
    amount, unit = float(number), 0
    while amount >= 1000 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{number} bytes" if unit == 0 else f"{amount:.1f} {UNITS[unit]}"


def length(seconds: float) -> str:
    """Return a number of seconds as minutes and seconds, such as `1:05`."""
    whole = int(seconds + 0.5)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
    )


def exact_length(seconds: float) -> str:
    """Return a number of seconds as minutes, seconds and tenths, such as `0:04.5`, or `1:05` for whole seconds."""
    whole, tenths = divmod(round(seconds * 10), 10)
    return f"{length(whole)}.{tenths}" if tenths else length(whole)


def days(span: timedelta) -> str:
    """Return a span in words, such as `7 days`, or `36 hours` if it is not a whole number of days."""
    number, unit = (span.days, "day") if span == timedelta(span.days) else (round(span / timedelta(hours=1)), "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"


@pass_context
def when(
    context: Context, instant: datetime | str | None, relative: bool = False, seconds: bool = False
) -> Markup | str:
    """Return a `<time>` in the viewer's zone, and `ABSENT` without an instant."""
    if instant is None:
        return ABSENT
    moment = parse_instant(instant)
    zone: ZoneInfo = context["zone"]
    full = times.shown(moment, zone)
    text = times.ago(moment) if relative else times.shown(moment, zone, seconds) if seconds else full
    return TIME % (moment.isoformat(), full, zone.key, text)


@pass_context
def said(context: Context, message: str, platform: str = "") -> Markup:
    """Return a message with its instants in the viewer's zone, and without names of the API.

    `platform` is that of the item that it is about.
    """
    shown = str(escape(in_words(message, platform)))
    shown = times.INSTANT.sub(lambda match: str(when(context, match[0])), QUOTED.sub(r"<code>\1</code>", shown))
    return Markup(shown)  # noqa: S704 - escaped above, before our own elements were put in


@pass_context
def second(context: Context, instant: str) -> str:
    """Return the time of day to the millisecond, in the viewer's zone."""
    local = parse_instant(instant).astimezone(context["zone"])
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"


@pass_context
def clock_time(context: Context, instant: datetime) -> Markup:
    """Return the time of day of an instant as a `<time>` in the viewer's zone."""
    zone: ZoneInfo = context["zone"]
    text = f"{instant.astimezone(zone):%H:%M}"
    return TIME % (instant.isoformat(), times.shown(instant, zone), zone.key, text)


def shown_number(number: int) -> str:
    """Return a number with spaces between thousands; the counts of lists are exact up to 10 000."""
    return f"{min(number, COUNTED):,}".replace(",", NARROW_SPACE) + ("+" if number > COUNTED else "")


def initials(name: str) -> str:
    """Return the first letters of the first two words of a name that have one."""
    letters = (next(filter(str.isalnum, word), "") for word in name.split())
    return "".join([letter for letter in letters if letter][:2]).upper()


def digest(text: str) -> str:
    """Return six characters that stand for a text."""
    return base64.urlsafe_b64encode(sha256(str(text).encode()).digest()).decode()[:DIGEST]


def removal(counts: Mapping[str, int]) -> str:
    """Return the question before a post is removed, with what stays live. `counts`: its items by state."""
    live = counts.get("published", 0) + counts.get("check", 0)
    if not live:
        return "Remove this post from Clipcast? It does not go out."
    return f"Remove this post from Clipcast? {live} {'video stays' if live == 1 else 'videos stay'} live."


class StaticPages(StaticFiles):
    """Static files. Browsers can cache those for ever whose address names their content, and ask about the others."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse) and Path(path).suffix in COMPRESSED and _accepts_gzip(scope):
            response = await _compressed(response)
        for_ever = b"v=" in scope["query_string"] and response.status_code == 200
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if for_ever else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


# The files that are text. Each process compresses one when it is first asked for.
COMPRESSED = (".css", ".js", ".svg")
_compressed_files: dict[tuple[str, str], bytes] = {}


def _accepts_gzip(scope: Scope) -> bool:
    found = [value for name, value in scope["headers"] if name == b"accept-encoding"]
    return scope["method"] == "GET" and _takes_gzip(b",".join(found).decode("latin-1"))


async def _compressed(file: FileResponse) -> Response:
    key = str(file.path), file.headers["etag"]
    if key not in _compressed_files:
        content = await asyncio.to_thread(Path(file.path).read_bytes)
        _compressed_files[key] = await asyncio.to_thread(gzip.compress, content, 9, mtime=0)
    headers = {name: file.headers[name] for name in ("etag", "last-modified")}
    headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(_compressed_files[key], media_type=file.media_type, headers=headers)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "size": size,
        "codec": codec_title,
        "listed": listed,
        "duration": length,
        "exact_duration": exact_length,
        "days": days,
        "when": when,
        "said": said,
        "fix_of": fix_of,
        "action": action_in_words,
        "without_response": without_response,
        "planned": times.planned,
        "second": second,
        "clock_time": clock_time,
        "step": step_in_words,
        "number": shown_number,
        "plain_number": lambda number: f"{number:,}".replace(",", NARROW_SPACE),
        "removal": removal,
        "initials": initials,
        "digest": digest,
        "label": label_of,
        "job_state": lambda state: str(SHOWN_JOB_STATES.get(state, state)).capitalize(),
        "state": lambda state: SHOWN_STATES.get(state, state),
    }
    environment.globals |= {
        "icon": icon,
        "platform_icon": platform_icon,
        "account_mark": account_mark,
        "mark_on_post": mark_on_post,
        "static": static,
        "platforms": PLATFORMS,
        "safely": safely,
        "absent": ABSENT,
        "STATES": STATES,
        "FILTERED": FILTERED,
    }
    return environment


templates = Jinja2Templates(env=_environment())


def render(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    status: int = 200,
    more: Mapping[str, str] | None = None,
) -> Response:
    """Return a page. Its times are in the browser's zone unless the context has another one."""
    zone = times.zone_named(request.cookies.get(times.ZONE_COOKIE))
    everywhere: dict[str, Any] = {"zone": zone, "viewer": None, "member": None, "theme": theme_of(request)}
    everywhere |= {"keys_off": request.cookies.get(KEYS_COOKIE) == "off", "is_refused": status == 422}
    return compress(
        request,
        templates.TemplateResponse(
            request, template, everywhere | dict(context), status_code=status, headers=headers() | dict(more or {})
        ),
    )


def compress(request: Request, response: Response) -> Response:
    """Compress the body of a page, if the browser takes that and the request came from a page of ours.

    Another site that makes a browser send chosen words here must not learn a secret beside them from the size of the
    response (BREACH). Fetch Metadata tells: such a request is not of the same origin.
    """
    response.headers["Vary"] = "Accept-Encoding, Sec-Fetch-Site"
    own = request.headers.get("sec-fetch-site") in ("same-origin", "none")
    if own and _takes_gzip(request.headers.get("accept-encoding", "")) and len(response.body) > COMPRESSED_FROM:
        response.body = gzip.compress(response.body, LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def _takes_gzip(accepted: str) -> bool:
    """Return whether an Accept-Encoding header names gzip, and not with the weight 0."""
    for each in accepted.lower().split(","):
        name, _, weight = each.partition(";")
        if name.strip() == "gzip":
            return re.fullmatch(r"\s*q=0(\.0*)?\s*", weight) is None
    return False


def theme_of(request: Request) -> str:
    """Return the theme that this browser's person chose; "" if the system decides."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def is_htmx(request: Request) -> bool:
    """Return whether htmx sent the request, to replace a part of a page."""
    return request.headers.get("hx-request") == "true"
