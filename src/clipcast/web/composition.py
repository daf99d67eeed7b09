"""A draft's content with its clips and accounts, read from the database and from the compose page's form."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.ids import parse_id
from clipcast.common.timestamps import format_timestamp
from clipcast.connections.repository import connections_by_id, list_choices
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts
from clipcast.renders.repository import list_renders, renders_by_edit_id
from clipcast.web import edit_conflicts, forms, times
from clipcast.web.viewers import Member

# The page offers the newest clips, and those that were chosen.
CLIPS_SHOWN = 24
# The largest form has all clips and accounts that a post may have, with two fields for each cell.
FIELDS_MAX = 20_000


@dataclass
class Composition:
    """A draft's content, with the clips and accounts that it names or could name."""

    content: dict[str, Any]
    clips: list[Render] = field(default_factory=list)
    accounts: list[Connection] = field(default_factory=list)
    # Whether there are more clips than `clips`, and the search text for their names.
    older: bool = False
    find: str = ""
    # Problems of the form's own fields, by the field's name. Preflight adds others.
    typed_problems: dict[str, str] = field(default_factory=dict)
    # The id of the opened page, and the draft's version that it last read or saved.
    page: str = ""
    version: int = 0

    @property
    def chosen_clips(self) -> list[Render]:
        """The chosen clips that exist, in the chosen order."""
        by_id = {str(clip.edit_setting_id): clip for clip in self.clips}
        return [by_id[id] for id in self.content["clips"] if id in by_id]

    @property
    def chosen_accounts(self) -> list[Connection]:
        """The chosen accounts that are connected, in the chosen order."""
        by_id = {str(account.id): account for account in self.accounts}
        return [by_id[id] for id in self.content["accounts"] if id in by_id]

    @property
    def gone_clips(self) -> list[str]:
        """The ids of chosen clips that do not exist. They stay chosen until a person unticks them, lest they vanish."""
        existing = {str(clip.edit_setting_id) for clip in self.clips}
        return [id for id in self.content["clips"] if id not in existing]

    @property
    def gone_accounts(self) -> list[str]:
        """The ids of chosen accounts that are not connected. They stay chosen, as `gone_clips` do."""
        connected = {str(account.id) for account in self.accounts}
        return [id for id in self.content["accounts"] if id not in connected]

    def cells_of(self, account: Connection) -> list[tuple[str, Render]]:
        """Return the account's targets: each one's key in the draft, and its clip."""
        return [(drafts.cell(str(clip.edit_setting_id), str(account.id)), clip) for clip in self.chosen_clips]

    @property
    def platforms(self) -> dict[str, list[Connection]]:
        """The chosen accounts by platform, in the order of the registry."""
        chosen = self.chosen_accounts
        found = {name: [one for one in chosen if one.platform == name] for name in PLATFORMS}
        return {name: accounts for name, accounts in found.items() if accounts}

    def problems(self) -> dict[str, str]:
        """Return the problems that prevent a post, by the field's name. Preflight finds further ones."""
        found = {}
        if gone := len(self.gone_clips):
            found["clip"] = (
                "1 chosen clip no longer exists. Untick it."
                if gone == 1
                else f"{gone} chosen clips no longer exist. Untick them."
            )
        if gone := len(self.gone_accounts):
            found["account"] = (
                "1 chosen account is no longer connected. Untick it."
                if gone == 1
                else f"{gone} chosen accounts are no longer connected. Untick them."
            )
        return found | self.typed_problems

    def body(self) -> dict[str, Any]:
        """Return the body of `POST /posts` for the draft."""
        return drafts.body(self.content, {str(account.id): account for account in self.accounts})


async def load_composition(
    member: Member,
    session: AsyncSession,
    content: dict[str, Any],
    problems: dict[str, str] | None = None,
    find: str = "",
) -> Composition:
    """Load the clips and accounts that the page of a draft offers. `find` searches the clips' names."""
    mine = member.workspace.id
    newest, total = await list_renders(session, mine, "completed", 0, CLIPS_SHOWN, find)
    chosen = await renders_by_edit_id(session, mine, [id for text in content["clips"] if (id := parse_id(text))])
    clips = [*(one for one in chosen.values() if one.id not in {clip.id for clip in newest}), *newest]
    accounts = await list_choices(session, mine)
    listed = {str(account.id) for account in accounts}
    others = [id for text in content["accounts"] if text not in listed and (id := parse_id(text))]
    accounts = [*(await connections_by_id(session, mine, others)).values(), *accounts]
    return Composition(content, clips, accounts, total > len(newest), find, problems or {})


async def read_composition(member: Member, session: AsyncSession, request: Request) -> Composition:
    """Return what a person filled in on the page."""
    form = await forms.read_form(request, FIELDS_MAX)
    cells = set(form.all("cell"))
    content = deepcopy(drafts.EMPTY) | {
        "clips": list(dict.fromkeys(form.all("clip"))),
        "accounts": list(dict.fromkeys(form.all("account"))),
        "left_out": [pair.split("/") for pair in form.all("cell.shown") if pair not in cells],
        "title": form.one("title"),
        "text": form.one("text"),
        "own": form.all("own"),
        "later": form.one("when") == "later",
        "at": form.line("at"),
        "zone": form.line("zone"),
        "second": form.one("at.second") == "on",
    }
    # A person who saw a conflict chose which post to replace: that choice in the address overrides the page's field.
    chosen = request.query_params.get if "replaces" in request.query_params else form.line
    content |= edit_conflicts.replaces_fields(chosen("replaces") or "", chosen("replaces_version") or "")
    if form.one("when") not in ("now", "later"):
        form.add_problem("when", "Choose now, or a time.")
    problems = read_time(member, content) | form.problems
    zone = None if "zone" in problems else times.zone_named(content["zone"])
    for clip in content["clips"]:
        words = {name: text for name in ("title", "text") if (text := form.one(f"clip.{clip}.{name}"))}
        if words:
            content["by_clip"][clip] = words
    composition = await load_composition(member, session, content, problems, form.one("find").strip())
    composition.page, composition.version = form.line("page")[:40], edit_conflicts.version_in(form.line("version")) or 0
    for name, accounts in composition.platforms.items():
        fields = forms.fields_of(PLATFORMS[name].metadata)
        if shared := forms.read(fields, form.values, f"platform.{name}", zone):
            content["by_platform"][name] = shared
        for account in accounts:
            if own := forms.read(fields, form.values, f"account.{account.id}", zone, inherits=True):
                content["by_account"][str(account.id)] = own
            for cell, _ in composition.cells_of(account):
                if own := forms.read(fields, form.values, f"target.{cell}", zone, inherits=True):
                    content["by_cell"][cell] = own
    return composition


def read_time(member: Member, content: dict[str, Any]) -> dict[str, str]:
    """Set the draft's `scheduled_at` from its local time and zone; return the problems, by the field's name.

    The typed text stays unchanged. Never replace an unknown zone by another one: the post would go out at a wrong time.
    """
    typed = member.zone.key if content["zone"] is None else content["zone"]
    try:
        zone = times.read_zone(typed)
    except ValueError as error:
        content["scheduled_at"] = None
        return {"zone": str(error)}
    if content["at"]:
        try:
            content["scheduled_at"] = format_timestamp(times.from_input(content["at"], zone, content["second"]))
        except ValueError as error:
            content["scheduled_at"] = None
            return {"at": str(error)} if content["later"] else {}
    return {}
