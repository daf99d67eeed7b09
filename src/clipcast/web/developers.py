"""The pages for developers: the request log and API keys. Webhooks have pages of their own."""

import json
import shlex
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from clipcast.api.pagination import PageParams
from clipcast.audit.requests import LIFETIME, RequestFilter, find_request, list_requests
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.pagination import pagination
from clipcast.common.problems import NotFound
from clipcast.database.models.requests import LoggedRequest
from clipcast.notices.digest import one_line
from clipcast.people import service
from clipcast.posts.body_drafts import BodyDraft, draft_of_body
from clipcast.posts.drafts import new_draft
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.limits import read_clients, typed_clients
from clipcast.web.viewers import Editing, Looking, Member, Owning
from clipcast.workspaces import repository as workspaces
from clipcast.workspaces.service import SCOPES, create_key, revoke

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/developers")

# The lifetimes of a new key that people choose from, in days. 0 means that it never expires.
LIVES = (0, 7, 30, 90, 365)
FIRST = PageParams()
# The paths of requests whose body is a post.
POSTS = ("/posts", "/posts/validate")
SEARCH_MAX = 200
# The keys to filter by, and the fields of a body that its line names, with the characters of each name.
KEYS_MAX = 100
ASKED_MAX = 5
NAMED_MAX = 40


@router.get("")
async def start(member: Looking) -> Response:
    """Go to the first of these pages that the viewer may see."""
    return member.redirect("/developers/requests" if member.may("editor") else "/developers/keys")


@router.get("/requests")
async def requests_page(
    member: Editing, refused: bool = False, q: str = "", before: str = "", key: str = ""
) -> Response:
    """Return the requests of programs, the newest first."""
    wanted = RequestFilter(refused, q.strip()[:SEARCH_MAX], parse_id(before), parse_id(key))
    async with member.installation.database.session() as session:
        found, next_before = await list_requests(session, member.workspace.id, wanted)
        keys, _ = await workspaces.list_keys_of(session, member.workspace.id, 0, KEYS_MAX)
    return member.render(
        "developers/requests.html",
        section="developers",
        requests=[(one, _asked(one)) for one in found],
        wanted=wanted,
        keys=keys,
        own_query=_query(refused=refused and "true", q=wanted.search, key=wanted.key_id, before=wanted.before),
        all_query=_query(q=wanted.search, key=wanted.key_id),
        refused_query=_query(refused="true", q=wanted.search, key=wanted.key_id),
        older=_query(refused=refused and "true", q=wanted.search, key=wanted.key_id, before=next_before)
        if next_before
        else "",
        kept=LIFETIME,
    )


def _query(**values: object) -> str:
    return urlencode({name: value for name, value in values.items() if value})


def _asked(request: LoggedRequest) -> str:
    """Return what a request asks for: the number of a post's items, or the names of its fields."""
    body = json.loads(request.request_body) if request.request_body else None
    if not isinstance(body, dict) or not body:
        return ""
    if isinstance(videos := body.get("videos"), list):
        targets = [one.get("targets") for one in videos if isinstance(one, dict)]
        items = sum(len(one) for one in targets if isinstance(one, list))
        return "1 item" if items == 1 else f"{items} items"
    names = ", ".join(one_line(name, NAMED_MAX) for name in list(body)[:ASKED_MAX])
    return names + (" …" if len(body) > ASKED_MAX else "")


@router.get("/requests/{request_id}")
async def request_page(member: Editing, request_id: str) -> Response:
    """Return a request with its response, and what was wrong with it."""
    async with member.installation.database.session() as session:
        found = await find_request(session, member.workspace.id, request_id)
    if found is None:
        raise NotFound("request", request_id)
    got = json.loads(found.response_body) if found.response_body else None
    draft = await _draft(member, found)
    return member.render(
        "developers/request.html",
        section="developers",
        logged=found,
        sent=_indented(found.request_body),
        got=_indented(found.response_body),
        problem=got if found.status >= 400 and isinstance(got, dict) else {},
        curl=_curl(member, found),
        draft=draft,
        is_post=_is_post(found),
    )


def _is_post(request: LoggedRequest) -> bool:
    """Return whether a request creates or checks a post."""
    return request.method == "POST" and request.path.partition("?")[0].rstrip("/").endswith(POSTS)


async def _draft(member: Member, request: LoggedRequest) -> BodyDraft | None:
    """Return the draft of a request that creates or checks a post; None for others, and if nothing of it is known."""
    if not _is_post(request) or not request.request_body:
        return None
    body, installation = json.loads(request.request_body), member.installation
    return await draft_of_body(installation.database.hot_pool, member.workspace.id, body, installation.settings)


@router.post("/requests/{request_id}/draft")
async def open_as_draft(member: Editing, request_id: str) -> Response:
    """Create a draft of the body of a request, and open it."""
    async with member.installation.database.begin() as session:
        found = await find_request(session, member.workspace.id, request_id)
        draft = await _draft(member, found) if found else None
        if draft is None:
            raise NotFound("request", request_id)
        made = await new_draft(session, member.workspace.id, draft.content)
    return member.redirect(f"/compose/{made.id}")


def _indented(text: str | None) -> str:
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False) if text else ""


def _curl(member: Member, request: LoggedRequest) -> str:
    """Return a command that sends the request again. The key is read from the environment."""
    parts = [f"curl -X {request.method} {shlex.quote(member.installation.settings.public_base + request.path)}"]
    parts += ['-H "X-Api-Key: $CLIPCAST_API_KEY"', f"-H 'X-Workspace-Id: {request.workspace_id}'"]
    if request.request_body:
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(request.request_body)}"]
    return " \\\n  ".join(parts)


@router.get("/keys")
async def keys_page(member: Looking, page: Annotated[PageParams, Depends()]) -> Response:
    """Return the API keys of the workspace."""
    return await _keys(member, page)


async def _keys(member: Member, page: PageParams = FIRST, key: str = "", form: FilledForm | None = None) -> Response:
    """Return the page. It shows a new `key` once, and a `form` with its problems again."""
    async with member.installation.database.session() as session:
        found, total = await workspaces.list_keys_of(session, member.workspace.id, page.offset, page.limit)
    return member.render(
        "developers/keys.html",
        422 if form else 200,
        section="developers",
        keys=found,
        key_pages=pagination(page, total),
        key=key,
        form=form or FilledForm({"scopes": list(SCOPES)}),
        typed_clients=typed_clients(form) if form else None,
        scopes=SCOPES,
        lives=LIVES,
        now=clock.now(),
    )


@router.post("/keys")
async def make_key(member: Owning, request: Request) -> Response:
    """Create a key, and show it once."""
    form = await read_form(request)
    name, chosen = form.name("name", service.NAME_MAX, service.NO_NAME), form.all("scopes")
    days = int(form.one("days")) if form.one("days") in map(str, LIVES) else None
    form.add_problem("scopes", None if chosen else "A key needs at least one scope. Choose one.")
    form.add_problem("scopes", None if set(chosen) <= set(SCOPES) else "Choose from these scopes.")
    form.add_problem("days", "Choose one of the lifetimes." if days is None else None)
    clients = read_clients(member, form)
    if form.problems or days is None:
        return await _keys(member, form=form)
    ends = clock.now() + timedelta(days=days) if days else None
    scopes = tuple(scope for scope in SCOPES if scope in chosen)
    async with member.installation.database.begin() as session:
        key, secret = await create_key(session, name, [member.workspace.id], scopes, ends, client_ids=clients)
        limit = {} if clients is None else {"clients": sorted(map(str, clients))}
        member.record(session, "key.created", key.name, key.id, scopes=list(scopes), days=days, **limit)
    return await _keys(member, key=secret)


@router.post("/keys/{key_id}/revoke")
async def revoke_key(member: Owning, key_id: str) -> Response:
    """Revoke a key. Programs that use it stop working at once."""
    async with member.installation.database.begin() as session:
        key = await workspaces.get_key_of(session, member.workspace.id, key_id)
        if key is None:
            raise NotFound("key", key_id)
        revoke(key)
        member.record(session, "key.revoked", key.name, key.id)
    return member.redirect("/developers/keys")
