"""A draft's content with its clips and accounts, read from the database and from the compose page's form."""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.ids import parse_id
from clipcast.common.timestamps import format_timestamp, known_zones
from clipcast.common.words import listed
from clipcast.connections.repository import connections_by_id
from clipcast.database import among
from clipcast.database.hot_queries import Executor, from_session
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts, planning
from clipcast.renders.repository import renders_by_edit_id
from clipcast.web import edit_conflicts, forms, times
from clipcast.web.remembering import remember
from clipcast.web.reviews import check_request, request_of
from clipcast.web.viewers import Member

# The largest form has all clips and accounts that a post may have, with two fields for each cell.
FIELDS_MAX = 20_000
# The choices of "When" that have a time.
PLANS = (planning.SPREAD, planning.REPEAT, planning.NEXT)
LATER = ("later", *PLANS)


@dataclass
class Composition:
    """A draft's content, with the clips and accounts that it names."""

    content: dict[str, Any]
    clips: list[Render] = field(default_factory=list)
    accounts: list[Connection] = field(default_factory=list)
    # Accounts that it names, and that were removed from the workspace.
    removed: list[Connection] = field(default_factory=list)
    # Problems of the form's own fields, by the field's name. Preflight adds others.
    typed_problems: dict[str, str] = field(default_factory=dict)
    # The id of the opened page, and the draft's version that it last read or saved.
    page: str = ""
    version: int = 0
    # The `shape` of the fields on the page, and the account and the clip whose preview it shows.
    shape_shown: str = ""
    preview_account: str = ""
    preview_clip: str = ""
    # Who must approve the posts, as POST /posts has it: a person chose it now, for this one request.
    review: dict[str, Any] | None = None
    # The mark of the plan that the page showed (`mark_of`); None if the request is of no such page.
    plan_shown: str | None = None
    # Whether the page said that the posts need an approval first.
    approval_shown: bool = False

    @property
    def shape(self) -> str:
        """A digest of everything that decides which fields the page has. Their values make no difference."""
        content = self.content
        rows = {
            f"{key}/{id}/{name}": len(value)
            for key in ("by_platform", "by_account", "by_cell")
            for id, values in content[key].items()
            for name, value in values.items()
            if isinstance(value, list) and any(isinstance(one, dict) for one in value)
        }
        parts = [content["clips"], content["accounts"], sorted(content["own"]), rows]
        return sha256(json.dumps(parts).encode()).hexdigest()[:16]

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
        """The ids of chosen clips that do not exist. They stay chosen until a person removes them."""
        existing = {str(clip.edit_setting_id) for clip in self.clips}
        return [id for id in self.content["clips"] if id not in existing]

    @property
    def gone_accounts(self) -> list[str]:
        """The ids of chosen accounts that are not connected. They stay chosen, as `gone_clips` do."""
        connected = {str(account.id) for account in self.accounts}
        return [id for id in self.content["accounts"] if id not in connected]

    @property
    def replaces(self) -> UUID | None:
        """The id of the post that the draft replaces."""
        return parse_id(self.content["replaces"] or "")

    @property
    def clip_names(self) -> dict[str, str]:
        """The names of all chosen clips by `editId`: also words of a clip that does not exist stay."""
        names = {str(clip.edit_setting_id): clip.name for clip in self.clips}
        return {id: names.get(id, "a deleted clip") for id in self.content["clips"]}

    def cells_of(self, account: Connection) -> list[tuple[str, str]]:
        """Return the account's targets: each one's key in the draft, and the name of its clip."""
        return [(drafts.cell(id, str(account.id)), name) for id, name in self.clip_names.items()]

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
                "1 chosen clip no longer exists. Remove it."
                if gone == 1
                else f"{gone} chosen clips no longer exist. Remove them."
            )
        if gone := len(self.gone_accounts):
            names = listed([f"@{one.username}" for one in self.removed])
            found["account"] = (
                f"{names or '1 chosen account'} is no longer connected. Remove it."
                if gone == 1
                else f"{gone} chosen accounts are no longer connected{f': {names}' if names else ''}. Remove them."
            )
        return found | self.typed_problems

    def zone(self, member: Member) -> ZoneInfo:
        """Return the zone of the draft's times: its own, or else the member's."""
        return times.zone_named(self.content["zone"], member.zone.key)

    def body(self, planned: planning.PlannedPost | None = None) -> dict[str, Any]:
        """Return the body of `POST /posts` for the draft, or for one of the posts that it plans."""
        return self._body(planned) | ({"review": self.review} if self.review else {})

    def _body(self, planned: planning.PlannedPost | None) -> dict[str, Any]:
        content, accounts = self.content, {str(account.id): account for account in self.accounts}
        names = {str(clip.edit_setting_id): clip.name for clip in self.clips}
        if planned is None or planned.scheduled_at is None:
            return drafts.body(content, accounts, names)
        only = [clip for clip in content["clips"] if clip in planned.clips]
        if planned.accounts:
            chosen = content | {"clips": only, "accounts": list(planned.accounts)}
            return drafts.body(chosen, accounts, names) | {"schedule": {"slot": "next"}}
        at = format_timestamp(planned.scheduled_at)
        return drafts.body(content | {"clips": only, "scheduled_at": at}, accounts, names)

    def without_times(self, plan: list[planning.PlannedPost]) -> str:
        """Return the problem of chosen accounts that have no free posting time; empty without one."""
        if self.content["plan"] != planning.NEXT:
            return ""
        planned = {id for one in plan for id in one.accounts}
        targets = {id for _, id in drafts.targets(self.content)}
        without = [one for one in self.chosen_accounts if str(one.id) in targets - planned]
        names = listed([f"@{one.username}" for one in without[:3]])
        more = f" and {len(without) - 3} more" if len(without) > 3 else ""
        rule = "no free posting time. Add posting times to the client, or choose another time."
        return f"{names}{more}: {rule}" if without else ""

    async def have_times(self, member: Member, executor: Executor) -> bool:
        """Return whether all chosen accounts have posting times."""
        client_of = {str(one.id): one.client_id for one in self.chosen_accounts}
        return await planning.have_posting_times(executor, member.workspace.id, client_of)

    async def plan(self, member: Member, executor: Executor) -> list[planning.PlannedPost]:
        """Return the posts that the draft makes, in the order in which to make them."""
        if self.content["plan"] != planning.NEXT:
            return planning.planned_posts(self.content, self.zone(member))
        client_of = {str(account.id): account.client_id for account in self.accounts}
        return await planning.posts_at_next_times(executor, member.workspace.id, self.content, client_of)

    def mark_of(self, plan: list[planning.PlannedPost]) -> str:
        """Return what the page shows of the plan: `now`, `later` for one time in a field, or a digest of its posts."""
        if not self.content["later"]:
            return "now"
        if not self.content["plan"]:
            return "later"
        posts = [[one.scheduled_at and format_timestamp(one.scheduled_at), one.clips, one.accounts] for one in plan]
        return sha256(json.dumps(posts).encode()).hexdigest()[:16]

    def is_shown(self, plan: list[planning.PlannedPost]) -> bool:
        """Return whether the page showed this plan. "Add to queue" shows no times, and asks for whichever are free."""
        asks_for_any = self.plan_shown == planning.NEXT == self.content["plan"]
        return self.plan_shown is None or asks_for_any or self.plan_shown == self.mark_of(plan)


async def load_composition(
    member: Member, session: AsyncSession, content: dict[str, Any], problems: dict[str, str] | None = None
) -> Composition:
    """Load the clips and accounts that a draft names."""
    mine = member.workspace.id
    clips = await renders_by_edit_id(session, mine, [id for text in content["clips"] if (id := parse_id(text))])
    ids = [id for text in content["accounts"] if (id := parse_id(text))]
    accounts = await connections_by_id(session, mine, ids)
    gone = [id for id in ids if id not in accounts]
    query = select(Connection).where(Connection.workspace_id == mine, among(Connection.id, gone))
    removed = list(await session.scalars(query)) if gone else []
    return Composition(content, list(clips.values()), list(accounts.values()), removed, problems or {})


async def read_composition(member: Member, session: AsyncSession, request: Request) -> Composition:
    """Return what a person filled in on the page, with the last settings of accounts whose fields it does not have yet.

    The query parameter `review` says that the form's reviewers are asked. This may ask platforms, before it uses the
    session.
    """
    form = await forms.read_form(request, FIELDS_MAX)
    chosen = list(dict.fromkeys(form.all("account")))
    remembered = await remember(member, request, chosen, set(chosen) - set(form.all("own.shown")))
    shown, cells = set(form.all("cell.shown")), set(form.all("cell"))
    # The pairs that were left out, unless the open grid says anew which are.
    left_out = [pair for pair in form.all("left_out") if pair not in shown]
    left_out += [pair for pair in form.all("cell.shown") if pair not in cells]
    when = form.line("when")
    content = deepcopy(drafts.EMPTY) | {
        "clips": list(dict.fromkeys(form.all("clip"))),
        "accounts": chosen,
        "left_out": [pair.split("/") for pair in dict.fromkeys(left_out)],
        "title": form.one("title"),
        "text": form.one("text"),
        "own": form.all("own"),
        "later": when in LATER,
        "auto_when": form.line("when.auto") == "on",
        "plan": when if when in PLANS else "",
        "at": form.line("at"),
        "zone": form.line("zone"),
        "second": form.one("at.second") == "on",
    }
    # A person who saw a conflict chose which post to replace: that choice in the address overrides the page's field.
    given = request.query_params.get if "replaces" in request.query_params else form.line
    content |= edit_conflicts.replaces_fields(given("replaces") or "", given("replaces_version") or "")
    if when != "now" and when not in LATER:
        form.add_problem("when", "Choose now, or a time.")
    _read_plan(form, content)
    review = None
    if "review" in request.query_params:
        wanted, _ = request_of(form)
        check_request(form, wanted, "")
        review = None if "reviewers" in form.problems else wanted.model_dump()
    problems = read_time(member, content) | form.problems
    zone = times.zone_named(content["zone"]) if content["zone"] in known_zones() else None
    for clip in content["clips"]:
        words = {name: text for name in ("title", "text") if (text := form.one(f"clip.{clip}.{name}"))}
        if words:
            content["by_clip"][clip] = words
    composition = await load_composition(member, session, content, problems)
    composition.review = review
    composition.plan_shown = form.line("plan.shown") if form.all("plan.shown") else None
    composition.approval_shown = form.line("approval.shown") == "on"
    composition.shape_shown = form.line("shape")
    composition.preview_account, composition.preview_clip = form.line("preview"), form.line("preview.clip")
    composition.page, composition.version = form.line("page")[:40], edit_conflicts.version_in(form.line("version")) or 0
    # Accounts and targets whose switch "Different" was turned off: their fields are still on the page.
    same = set(form.all("own.shown")) - set(content["own"])
    for name, accounts in composition.platforms.items():
        fields = forms.fields_of(PLATFORMS[name].metadata)
        if shared := forms.read(fields, form.values, f"platform.{name}", zone):
            content["by_platform"][name] = shared
        for account in accounts:
            model = PLATFORMS[name].metadata
            of_account = [one for one in model.offered_fields if one not in model.shared_offers]
            if own := forms.read(fields, form.values, f"account.{account.id}", zone, inherits=True):
                kept = own if str(account.id) not in same else {key: own[key] for key in of_account if key in own}
                content["by_account"] |= {str(account.id): kept} if kept else {}
            for cell, _ in composition.cells_of(account):
                own = forms.read(fields, form.values, f"target.{cell}", zone, inherits=True)
                if own and cell not in same:
                    content["by_cell"][cell] = own
    remembered.fill(content)
    await choose_time(member, session, composition)
    return composition


async def choose_time(member: Member, session: AsyncSession, composition: Composition) -> None:
    """Choose when a draft goes out, unless a person did: at the next free posting times if all accounts have some."""
    content = composition.content
    if not content["auto_when"]:
        return
    has_times = await composition.have_times(member, await from_session(session))
    content |= {"later": has_times, "plan": planning.NEXT if has_times else ""}


def _read_plan(form: forms.FilledForm, content: dict[str, Any]) -> None:
    """Set the distance and the number of the posts that the draft plans, and add the problems of their fields."""
    plan = content["plan"]
    if plan not in (planning.SPREAD, planning.REPEAT):
        return
    content["unit"] = form.line("repeat.unit") if plan == planning.REPEAT else "days"
    if content["unit"] not in planning.UNITS:
        content["unit"] = "days"
    content["every"] = _number(form, f"{plan}.every", planning.EVERY_MAX)
    if plan == planning.REPEAT:
        content["times"] = _number(form, "repeat.times", planning.POSTS_MAX)


def _number(form: forms.FilledForm, name: str, most: int) -> int:
    """Return a field's number from 1 to `most`; 1, with a problem, for anything else."""
    typed = form.line(name)
    if typed.isdecimal() and len(typed) < 10 and 1 <= int(typed) <= most:
        return int(typed)
    form.add_problem(name, f"Choose a number from 1 to {most}.")
    return 1


def read_time(member: Member, content: dict[str, Any]) -> dict[str, str]:
    """Set the draft's `scheduled_at` from its local time and zone; return the problems, by the field's name.

    The typed text stays unchanged. Never replace an unknown zone by another one: the post would go out at a wrong time.
    A choice without a time has no problem with these fields.
    """
    typed = member.zone.key if content["zone"] is None else content["zone"]
    has_time = content["later"] and content["plan"] != planning.NEXT
    try:
        zone = times.read_zone(typed)
    except ValueError as error:
        content["scheduled_at"] = None
        return {"zone": str(error)} if has_time else {}
    if content["at"]:
        try:
            content["scheduled_at"] = format_timestamp(times.from_input(content["at"], zone, content["second"]))
        except ValueError as error:
            content["scheduled_at"] = None
            return {"at": str(error)} if has_time else {}
    return {}
