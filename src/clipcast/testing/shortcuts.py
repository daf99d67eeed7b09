"""Accounts and clips for tests, made by the services without the requests.

Thousands of tests begin with an account and a clip. The requests for both took half of their time.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from starlette.routing import compile_path

from clipcast.clips import service
from clipcast.clips.schemas import CompleteUpload, StartUpload
from clipcast.connections.connect import Choice, choose, complete, start
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.renders.service import plain_render
from clipcast.sandbox.consent import allow
from clipcast.sandbox.simulator import Simulator

ADDRESS = "127.0.0.1"


async def store_clip(installation: Installation, workspace_id: UUID, path: Path, name: str = "clip.mp4") -> str:
    """Store a file as a clip of the workspace. Return the `editId` of its render as it is."""
    content = path.read_bytes()

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    async with installation.database.begin() as session:
        declared = StartUpload(file_name=name, file_size=len(content))
        clip = await service.start_upload(installation, session, workspace_id, declared)
        clip.storage_key = service.new_storage_key(clip)
        clip.size, clip.sha256 = await service.receive(installation, clip, clip.storage_key, pieces())
        clip.status = "uploaded"
    probed = await service.probe_upload(installation, workspace_id, str(clip.id))
    async with installation.database.begin() as session:
        clip = await service.get_clip(session, workspace_id, str(clip.id), lock=True)
        service.make_ready(clip, CompleteUpload(video_id=str(clip.id), file_name=name), probed)
        render = await plain_render(session, clip)
    return str(render.edit_setting_id)


async def authorize(
    installation: Installation, simulators: Mapping[str, Simulator], link: str, account: str
) -> list[Connection]:
    """Allow all scopes of a connect link on the platform's consent page, for the account whose label has `account`.

    The sign-in method must be an OAuth.
    """
    started = await start(installation, link.rpartition("/")[2])
    assert started.authorize_url is not None
    page = urlsplit(started.authorize_url)
    simulator = next(one for one in simulators.values() if _is_at(page.path, one))
    wanted = simulator.consent_request(dict(parse_qsl(page.query)))
    chosen = next(one.account_id for one in simulator.people() if account in _label(one.display_name, one.username))
    parameters = allow(simulator, wanted, chosen, list(wanted.scopes))
    done = await complete(installation, started.platform, parameters, started.cookie, ADDRESS)
    if isinstance(done, Choice):
        picked = next(one.account_id for one in done.accounts if account in _label(one.display_name, one.username))
        done = await choose(installation, started.platform, done.state, [picked], started.cookie, ADDRESS)
        assert not isinstance(done, Choice)
    return done.connections


def _is_at(path: str, simulator: Simulator) -> bool:
    """Return whether the platform's consent page has this path, which may have a parameter."""
    pattern, _, _ = compile_path("/" + "".join(simulator.authorize_at))
    return pattern.match(path) is not None


def _label(display_name: str, username: str) -> str:
    """Return what the pages call an account."""
    return f"{display_name} (@{username})"
