"""The steps of the demo: a new user's first minutes, through the public API and the consent pages."""

import asyncio
import json
import os
import shlex
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from clipcast.cli.demo_calls import Demo, DemoFailed, call, connect, example, upload
from clipcast.cli.demo_filling import fill
from clipcast.cli.demos import announced
from clipcast.cli.scenes import SCENES
from clipcast.cli.stack import Stack
from clipcast.cli.temporal_server import TemporalServer, find_program
from clipcast.common.logs import configure
from clipcast.common.settings import PREFIX, Settings
from clipcast.connections.links import make_link
from clipcast.installation import open_installation
from clipcast.people.service import person, set_up
from clipcast.platforms.base import OAuth
from clipcast.platforms.registry import PLATFORMS
from clipcast.sandbox.platforms import PLUGINS as SIMULATED
from clipcast.server.supervisor import wait_for_stop
from clipcast.workspaces.service import create_key, new_secret

ACCOUNT = "harbour.films"
POST = f'.venv/bin/clipcast post clip.mp4 --to bluesky:@{ACCOUNT} --to threads:@{ACCOUNT} --text "First light" --wait'
# The scenes of the clips that it publishes first.
FIRST, RECORDED = "harbour", "city"
POLL = 0.25
ENDED = ("published", "failed")


async def run_demo(
    settings: Settings,
    sockets: list[socket.socket],
    sandbox_sockets: list[socket.socket],
    once: bool,
    plain: bool,
    ready_file: Path | None,
    temporal: TemporalServer | None = None,
) -> int:
    """Run the demo on sockets that listen, with its Temporal server if one is given, and return its exit code.

    Unless it is `plain` or ends `once` its first items have ended, it then fills the workspace.
    """
    configure(settings.log_level)
    console = Console()
    stop = asyncio.Event()
    stop_task = asyncio.create_task(wait_for_stop(stop))
    demo = Demo(settings.public_base, settings.sandbox_base or "", new_secret())
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environ = inherited | {
        PREFIX + "DATA_DIR": str(settings.data_dir),
        PREFIX + "PUBLIC_URL": settings.public_base,
        PREFIX + "SANDBOX_URL": settings.sandbox_base or "",
        PREFIX + "LOG_LEVEL": settings.log_level,
        PREFIX + "ENGINE": settings.engine,
        PREFIX + "PLAYGROUND_KEY": demo.api_key,
        PREFIX + "WEBHOOK_HOSTS": "127.0.0.1 localhost",
    }
    ready: dict[str, Any] = {}

    def write_ready(pids: dict[str, int]) -> None:
        if ready_file and ready:
            _write_json(ready_file, ready | {"pids": pids | _own_pids(stack)})

    stack = Stack(settings, environ, write_ready)
    settings.make_data_dir()
    async with _running(temporal, console), stack:
        steps = asyncio.create_task(_play(demo, settings, stack, sockets, sandbox_sockets, console))
        await asyncio.wait([steps, stop_task], return_when=asyncio.FIRST_COMPLETED)
        if not steps.done():
            steps.cancel()
            await asyncio.gather(steps, return_exceptions=True)
            return 1 if once else 0
        try:
            all_live = steps.result()
        except DemoFailed as error:
            console.print(f"[red]{error}[/red]")
            return 1
        ready |= {name: value for name, value in vars(demo).items() if name != "metadata"}
        write_ready(stack.supervisor.pids())
        if once:
            return 0 if all_live else 1
        with announced(demo.base_url, demo.api_key):
            console.print("\nThe demo runs until you press Ctrl-C.")
            if not plain:
                filling = asyncio.create_task(_fill(demo, settings, console))
                await asyncio.wait([filling, stop_task], return_when=asyncio.FIRST_COMPLETED)
                filling.cancel()
                await asyncio.gather(filling, return_exceptions=True)
                ready |= {"filled": demo.filled, "review_link": demo.review_link}
                write_ready(stack.supervisor.pids())
            await stop_task
        console.print("Stopping.")
    return 0


async def _fill(demo: Demo, settings: Settings, console: Console) -> None:
    console.print("It now fills the workspace: clients, accounts, scenes, and posts of several weeks.")
    try:
        await fill(demo, settings)
    except DemoFailed as error:
        console.print(f"[red]It cannot fill the workspace.[/red] {error}")
    else:
        console.print(f"The workspace is filled. Open {demo.base_url}")
        console.print(f"Its client reviews posts without a sign-in: {demo.review_link}")


@asynccontextmanager
async def _running(temporal: TemporalServer | None, console: Console) -> AsyncIterator[None]:
    if temporal:
        temporal.folder.mkdir(mode=0o700, exist_ok=True)
        with console.status("Starting a Temporal server"):
            await temporal.start()
        address = f"127.0.0.1:{temporal.port}"
        console.print(f"Started a Temporal server at {address}, namespace {temporal.namespace}. It brings the jobs.")
        # The program beside Clipcast's may not be in PATH.
        command = f"{find_program()} activity list --address {address} --namespace {temporal.namespace}"
        console.print(f"See its activities: {command}", soft_wrap=True)
    try:
        yield
    finally:
        if temporal:
            temporal.kill()


async def _play(
    demo: Demo,
    settings: Settings,
    stack: Stack,
    sockets: list[socket.socket],
    sandbox_sockets: list[socket.socket],
    console: Console,
) -> bool:
    with console.status("Starting the sandbox, the API, a worker and a renderer"):
        await stack.start_sandbox(sandbox_sockets)
        await stack.start_clipcast(sockets, None, "--no-first-run")
    console.print("Started the database, the API, a worker, a renderer and the sandbox.")
    links = await _set_up(demo, settings)
    console.print(f"Open {demo.base_url} and sign in: {demo.email}, password {demo.password}", soft_wrap=True)
    for platform in PLATFORMS.keys() - links.keys():
        console.print(f"Left out {platform}: it has no simulator.")
    async with demo.client() as api:
        await _connect(demo, links, api, console)
        with console.status("Making a clip and uploading it"):
            demo.edit_id = await _upload(api, SCENES[FIRST].make)
        console.print("Uploaded a clip of 6 s with sound.")
        await _show_preflight(demo, api, console)
        items = await _publish(demo.body(), "demo", api, console)
        with console.status("Making a recording in WebM and uploading it"):
            recording = await _upload(api, SCENES[RECORDED].record)
        console.print("\nUploaded a WebM recording (VP9, no duration), which few platforms accept.")
        await _show_conversions(demo.body(recording), api, console)
        items += await _publish(demo.body(recording), "demo-recording", api, console)
    _summary(demo, items, console)
    return all(item["status"] == "published" for item in items)


async def _publish(
    body: dict[str, Any], idempotency_key: str, api: httpx2.AsyncClient, console: Console
) -> list[dict[str, Any]]:
    """Create a post and return its items when they have ended."""
    created = await call(api, "POST", "/posts", json=body, headers={"Idempotency-Key": idempotency_key})
    items: list[dict[str, Any]] = (await _watch(api, created["post_id"], console))["items"]
    return items


async def _show_conversions(body: dict[str, Any], api: httpx2.AsyncClient, console: Console) -> None:
    """Show what is converted for which platform."""
    found = await call(api, "POST", "/posts/validate", json=body)
    console.print("Clipcast converts it for the platforms that need it:")
    for conversion in found["conversions"]:
        warning = next(
            one for one in found["warnings"] if one["path"] == conversion["path"] and one["code"] == "will_be_converted"
        )
        console.print(f"  {conversion['platform']:<10} {warning['message']}", highlight=False, soft_wrap=True)
    converted = {conversion["platform"] for conversion in found["conversions"]}
    for platform in PLATFORMS.keys() - converted:
        console.print(f"  {platform:<10} {PLATFORMS[platform].title} gets the file as it is.", highlight=False)


async def _set_up(demo: Demo, settings: Settings) -> dict[str, str]:
    """Create an owner with a workspace and a key. Return a connect link for each platform."""
    async with open_installation(settings) as installation:
        async with installation.database.begin() as session:
            _, workspace = await set_up(session, person("Demo", demo.email, demo.password), "Demo")
            await create_key(session, "demo", [workspace.id], secret=demo.api_key)
        demo.workspace_id = str(workspace.id)
        return {
            platform: make_link(installation, workspace.id, platform) for platform in PLATFORMS if platform in SIMULATED
        }


async def _connect(demo: Demo, links: dict[str, str], api: httpx2.AsyncClient, console: Console) -> None:
    """Connect an account on each platform through its consent pages, as a person does in a browser."""
    for platform, link in links.items():
        await connect(platform, link, ACCOUNT)
    found = (await call(api, "GET", "/connections"))["connections"]
    demo.connections = {connection["platform"]: connection["id"] for connection in reversed(found)}
    demo.metadata = {platform: await example(platform, id, api) for platform, id in demo.connections.items()}
    for connection in found:
        method = "OAuth" if isinstance(PLATFORMS[connection["platform"]].sign_in, OAuth) else "app password"
        console.print(f"Connected @{connection['username']} on {connection['platform']} ({method}).")


async def _upload(api: httpx2.AsyncClient, make: Callable[[Path], Path]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return await upload(api, await asyncio.to_thread(make, Path(folder)))


async def _show_preflight(demo: Demo, api: httpx2.AsyncClient, console: Console) -> None:
    """Show preflight's problems with an invalid post, then that the corrected post is valid."""
    body = demo.body()
    mistakable = (one for one in PLATFORMS.values() if one.metadata.mistaken_example and one.name in demo.metadata)
    if (platform := next(mistakable, None)) is None:
        return
    mistaken = next(target for target in body["videos"][0]["targets"] if platform.name in target["metadata"])
    mistaken["metadata"] = {platform.name: platform.metadata.mistaken_example}
    found = await call(api, "POST", "/posts/validate", json=body)
    if found["valid"]:
        raise DemoFailed(f"Preflight accepted a post that {platform.title} would reject.")
    problems = len(found["errors"])
    console.print(f"Validated a post that {platform.title} would reject; preflight found {problems} problems:")
    for error in found["errors"]:
        field = error["path"].partition("/metadata/")[2]
        console.print(f"  [red]{field:<22}[/red] {error['message']}", highlight=False, soft_wrap=True)
    found = await call(api, "POST", "/posts/validate", json=demo.body())
    if not found["valid"]:
        raise DemoFailed(f"Preflight rejects the demo's own post: {found['errors']}")
    console.print(f"The corrected post is valid for all {len(body['videos'][0]['targets'])} accounts.")


async def _watch(api: httpx2.AsyncClient, post_id: str, console: Console) -> dict[str, Any]:
    """Show every item's progress until all items have ended. Return the post."""
    columns = (
        TextColumn("{task.description}", justify="left"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bars: dict[str, TaskID] = {}
        while True:
            post = await call(api, "GET", f"/posts/{post_id}")
            for item in post["items"]:
                if item["id"] not in bars:
                    name = f"{item['platform']} @{item['account']['username']}"
                    bars[item["id"]] = progress.add_task(name, total=100, state="")
                state = item["stage"] or item["status"]
                progress.update(bars[item["id"]], completed=item["progress"], state=state)
            # Some platforms return the video's address only after the video is live.
            if all(item["status"] in ENDED and _address_known(item) for item in post["items"]):
                return post
            await asyncio.sleep(POLL)


def _address_known(item: dict[str, Any]) -> bool:
    post_id, url = item["platform_post_id"], item["platform_post_url"]
    return item["status"] == "failed" or (post_id is not None and url is not None and post_id.rsplit("/")[-1] in url)


def _summary(demo: Demo, items: list[dict[str, Any]], console: Console) -> None:
    lines = []
    for item in items:
        if item["status"] == "published":
            sent = "as it is" if item["rendition"] is None else f"converted ({item['rendition']['action']})"
            lines.append(f"[green]live[/green]    {item['platform']:<10} {sent:<19} {item['platform_post_url']}")
        else:
            error = item["error"]
            lines.append(f"[red]failed[/red]  {item['platform']:<10} {error['message']} {error['fix']}")
    lines += ["", f"App     {demo.base_url}", f"        {demo.email}, password {demo.password}"]
    lines += ["", f"API     {demo.base_url}/api/v1", f"Key     {demo.api_key}"]
    lines += [f"Videos  {demo.sandbox_url}", "", "Post a file of yours from another terminal:", "", f"  {POST}", ""]
    lines += ["Post the same clip again:", ""]
    console.print("\n" + "\n".join(lines), soft_wrap=True, highlight=False)
    body = json.dumps(demo.body(), indent=1)
    # Rich would wrap and colour the command, which people paste into a shell.
    print(
        f"curl -X POST {demo.base_url}/api/v1/posts \\\n"
        f"  -H {shlex.quote(f'X-Api-Key: {demo.api_key}')} \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _own_pids(stack: Stack) -> dict[str, int]:
    database = stack.server.pid() if stack.server else None
    return {"demo": os.getpid()} | ({"postgres": database} if database else {})


def _write_json(path: Path, value: dict[str, Any]) -> None:
    """Write the file atomically, so that a waiting process never reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=2)
    fresh.replace(path)
