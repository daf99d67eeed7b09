"""Add all to queues: drafts without a time become posts at the next free posting times of their clients."""

from fastapi import APIRouter
from starlette.responses import Response

from clipcast.common.problems import AppError, ValidationFailed
from clipcast.posts import calendar, drafts
from clipcast.posts.calendar import Wanted
from clipcast.posts.draft_lines import draft_lines
from clipcast.posts.planning import NEXT
from clipcast.web.calendar import fits
from clipcast.web.composition import load_composition
from clipcast.web.sending import ReplacedMeanwhile, send_draft
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")


@router.post("/calendar/queue")
async def add_all_to_queues(member: Editing) -> Response:
    """Send the drafts without a time, those of the chosen client if one is chosen; say what became of each."""
    mine, wanted = member.workspace.id, Wanted(client=member.chosen_client or None)
    async with member.installation.database.session() as session:
        found = await calendar.loose_drafts(session, mine)
        lines = [line for line, accounts in await draft_lines(session, mine, found) if fits(accounts, wanted)]
    refused = []
    for line in reversed(lines):  # the oldest draft goes out first
        if reason := await _refusal(member, str(line.id)):
            refused.append((line.title, reason, f"/compose/{line.id}"))
    number = len(lines) - len(refused)
    response = member.render(
        "parts/queued.html",
        done=f"{number} {'draft is' if number == 1 else 'drafts are'} in the queue." if number else "",
        asked=len(lines),
        refused=refused,
    )
    response.headers["HX-Trigger"] = "refresh"
    return response


async def _refusal(member: Member, draft_id: str) -> str:
    """Send a draft at the next free posting times. Return why it was not sent; then it stays as it was."""
    try:
        async with member.installation.database.begin() as session:
            draft = await drafts.get_draft(session, member.workspace.id, draft_id, lock=True)
            if draft.post_id is not None:
                return ""
            content = drafts.read(draft.content) | {"later": True, "plan": NEXT, "auto_when": False}
            composition = await load_composition(member, session, content)
            draft.content = content
            await send_draft(member, session, draft, composition)
    except ValidationFailed as failed:
        return " ".join(dict.fromkeys(problem.message for problem in failed.errors[:3]))
    except ReplacedMeanwhile:
        return "The post that it replaces has changed."
    except AppError as error:
        return error.detail
    return ""
