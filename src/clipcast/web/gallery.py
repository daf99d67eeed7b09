"""The gallery: each part of the pages in each of its states. Only the demo shows it."""

from dataclasses import dataclass

from fastapi import APIRouter
from sqlalchemy import select
from starlette.responses import Response

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.problems import NotFound
from clipcast.connections.repository import list_choices
from clipcast.database.models.posts import Post
from clipcast.posts.lines import Mark, PostLine, lines_of
from clipcast.posts.states import ITEM_STATES, post_state
from clipcast.web.viewers import Looking

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

ACCOUNTS_MAX = 12
# Long words, other scripts, emoji and markup, which every part must bear.
NAMES = (
    "Three drops, ten seconds, done. The serum routine that survives a Monday morning",
    "صباح الخير من الميناء القديم",
    "🌊🏄‍♀️🌅 Dawn patrol",
    "<b>bold</b> & “quoted”",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2,
)


@dataclass(frozen=True)
class _Client:
    name: str
    color: int
    id: None = None


@router.get("/gallery")
async def gallery(member: Looking) -> Response:
    """Return the gallery. Raises NotFound outside of the demo."""
    if not member.installation.settings.playground_key:
        raise NotFound("page", "gallery")
    async with member.installation.database.session() as session:
        query = select(Post).where(Post.workspace_id == member.workspace.id).order_by(Post.id.desc()).limit(3)
        real = await lines_of(session, list(await session.scalars(query)))
        accounts = await list_choices(session, member.workspace.id)
    clients = [_Client(NAMES[number % len(NAMES)][:40] or "Client", number) for number in range(1, 13)]
    return member.render("gallery.html", section="", lines=[*real, *_examples()], clients=clients,
                         accounts=accounts[:ACCOUNTS_MAX])  # fmt: skip


def _examples() -> list[PostLine]:
    """Return a line in each state, with names that are hard to show."""
    now = clock.now()
    counts = [{state: 3} for state in ITEM_STATES] + [{"published": 36, "failed": 4}, {"published": 1, "publishing": 2}]
    return [
        PostLine(
            new_id(), 1, now, now, NAMES[number % len(NAMES)], post_state(of), of,
            [Mark("tiktok", "harbour", next(iter(of)), 1, number % 2), Mark("youtube", "x" * 60, "published", 2, 0)],
            2 + number, [], number,
        )
        for number, of in enumerate(counts)
    ]  # fmt: skip
