"""The accounts of the compose page: groups that load their rows when they are opened, a search, and choices of many."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, Response

from clipcast.common.ids import parse_id
from clipcast.common.names import tidy_name
from clipcast.common.problems import AppError
from clipcast.connections import account_sets
from clipcast.connections.account_rows import AccountRow, list_account_rows
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts
from clipcast.web import forms
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/compose/accounts")

# Groups of workspaces with at most this many accounts are open from the start.
OPEN_UP_TO = 40
# An open group shows this many accounts, and a search finds as many. The search narrows down further ones.
ROWS = 60
NAME_MAX = 60


@dataclass
class Group:
    """Accounts under one heading: those of a client, or all of them."""

    key: str
    name: str
    color: int | None
    accounts: list[AccountRow] = field(default_factory=list)
    # The chosen ones, and whether the rows are on the page.
    chosen: frozenset[str] = frozenset()
    is_open: bool = False

    @property
    def usable(self) -> list[AccountRow]:
        """The accounts that can be chosen."""
        return [one for one in self.accounts if one.status == "active"]

    @property
    def rows(self) -> list[AccountRow]:
        """The accounts that an open group shows: the first ones and the chosen ones."""
        return self.accounts[:ROWS] + [one for one in self.accounts[ROWS:] if str(one.id) in self.chosen]

    @property
    def unseen_chosen(self) -> list[str]:
        """The ids of chosen accounts whose rows are not on the page."""
        return [] if self.is_open else [str(one.id) for one in self.accounts if str(one.id) in self.chosen]


def groups_of(accounts: Iterable[AccountRow], chosen: Iterable[str] = ()) -> list[Group]:
    """Return the accounts in their groups: by client, those without one at the end."""
    listed, wanted = list(accounts), frozenset(chosen)
    groups: dict[str, Group] = {}
    for one in listed:
        key = str(one.client_id) if one.client_id else "none"
        groups.setdefault(key, Group(key, one.client_name or "", one.client_color)).accounts.append(one)
    found = sorted(groups.values(), key=lambda group: (group.key == "none", group.name.casefold()))
    for group in found:
        group.name = group.name or ("All accounts" if len(found) == 1 else "Without a client")
        group.chosen = wanted & {str(one.id) for one in group.accounts}
        group.is_open = len(listed) <= OPEN_UP_TO or len(found) == 1 or bool(group.chosen)
    return found


async def pane(member: Member, session: AsyncSession, chosen: list[str]) -> dict[str, Any]:
    """Return what the page's list of accounts shows."""
    accounts = await list_account_rows(session, member.workspace.id)
    sets = await account_sets.list_sets(session, member.workspace.id)
    last = await drafts.last_sent(session, member.workspace.id, member.user.id)
    counted = {name: sum(one.platform == name and one.status == "active" for one in accounts) for name in PLATFORMS}
    return {
        "groups": groups_of(accounts, chosen),
        "account_count": len(accounts),
        "sets": sets,
        "several": [PLATFORMS[name] for name, number in counted.items() if number > 1],
        "has_last": bool(last and last["accounts"]),
    }


@router.get("/rows")
async def rows(member: Editing, group: str) -> Response:
    """Return the rows of a group. The page ticks those that it has chosen."""
    async with member.installation.database.session() as session:
        accounts = await list_account_rows(session, member.workspace.id)
    found = next((one for one in groups_of(accounts) if one.key == group), Group(group, "", None))
    found.is_open = True
    return member.render("compose/rows.html", group=found, more=len(found.accounts) - ROWS)


@router.get("/found")
async def found(member: Editing, find: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Return the accounts whose handle, name or client contains the text."""
    async with member.installation.database.session() as session:
        accounts = await list_account_rows(session, member.workspace.id, find.strip())
    return member.render("compose/found.html", accounts=accounts[:ROWS], more=len(accounts) - ROWS, find=find.strip())


@router.get("/choice")
async def choice(
    member: Editing, group: str = "", platform: str = "", set: str = "", last: bool = False
) -> JSONResponse:
    """Return the usable accounts of a group, of a platform, of a set, or of the member's last post."""
    async with member.installation.database.session() as session:
        accounts = await list_account_rows(session, member.workspace.id)
        ids: Iterable[UUID | str] = ()
        if set:
            ids = await account_sets.members_of(session, member.workspace.id, parse_id(set))
        if last:
            sent = await drafts.last_sent(session, member.workspace.id, member.user.id)
            ids = sent["accounts"] if sent else ()
    named = {str(id) for id in ids}
    chosen = [
        {"id": str(one.id), "group": part.key}
        for part in groups_of(accounts)
        for one in part.usable
        if part.key == group or one.platform == platform or str(one.id) in named
    ]
    return JSONResponse(chosen)


@router.post("/sets")
async def save_set(member: Editing, request: Request) -> Response:
    """Save the chosen accounts under a name, and return the chips. A set of the same name is replaced."""
    form = await forms.read_form(request, forms.FIELDS_MAX * 20)
    name, ids = (
        tidy_name(form.one("set_name"))[:NAME_MAX],
        [id for text in form.all("account") if (id := parse_id(text))],
    )
    if not name or not ids:
        raise AppError(422, "set_incomplete", "Choose accounts, and type a name for the set.")
    async with member.installation.database.begin() as session:
        await account_sets.save_set(session, member.workspace.id, name, ids)
        shown = await pane(member, session, form.all("account"))
    return member.render("compose/chips.html", **shown)


@router.post("/sets/{set_id}/delete")
async def delete_set(member: Editing, set_id: str) -> Response:
    """Delete a set, and return the chips. The accounts stay."""
    async with member.installation.database.begin() as session:
        await account_sets.delete_set(session, member.workspace.id, parse_id(set_id))
        shown = await pane(member, session, [])
    return member.render("compose/chips.html", **shown)
