"""Clients that common generators make of the document compile strictly, upload, post and read."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from subprocess import CompletedProcess

import pytest
import uvicorn
from pydantic import AnyHttpUrl

from clipcast.installation import Installation
from clipcast.server.app import create_app
from clipcast.testing.harness import ACCOUNT, API, Stage, free_port
from tests.generated_clients.conftest import HERE, MODULES, Tools

DOCUMENT = "openapi.components.json"
Program = Callable[..., CompletedProcess[str]]


def checked(done: CompletedProcess[str]) -> CompletedProcess[str]:
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="session")
def python_client(tools: Tools) -> Program:
    """Generate the Python client, and return the program that uses it."""
    # The generator knows no `text/csv`, the body of a plan, and sends the bytes as those of a file.
    overrides = "content_type_overrides: {text/csv: application/octet-stream}\n"
    (tools.folder / "python.yml").write_text("post_hooks: []\n" + overrides)
    options = ["--path", DOCUMENT, "--config", "python.yml", "--meta", "none", "--output-path", "clipcast_client"]
    made = checked(tools.python("-m", "openapi_python_client", "generate", *options, "--fail-on-warning"))
    assert "Warning" not in made.stdout
    shutil.copy(HERE / "publish.py", tools.folder)
    return lambda *arguments: tools.python("publish.py", *arguments)


@pytest.fixture(scope="session")
def typescript_client(tools: Tools) -> Program:
    """Generate the TypeScript client, compile it, and return the program that uses it."""
    checked(tools.node("@hey-api/openapi-ts/bin/run.js", "-i", DOCUMENT, "-o", "client_ts"))
    for name in ("publish.ts", "tsconfig.json"):
        shutil.copy(HERE / name, tools.folder)
    (tools.folder / "node_modules").symlink_to(MODULES)
    checked(tools.node("typescript/bin/tsc", "--outDir", "made"))
    return lambda *arguments: tools.node(str(tools.folder / "made" / "publish.js"), *arguments)


@pytest.fixture
async def served(installation: Installation) -> AsyncIterator[Installation]:
    """Serve the installation on a real port, the one of its `settings.public_base`."""
    port = free_port()
    settings = installation.settings.model_copy(update={"public_url": AnyHttpUrl(f"http://127.0.0.1:{port}")})
    object.__setattr__(installation, "settings", settings)
    config = uvicorn.Config(create_app(installation), port=port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.005)
    yield installation
    server.should_exit = True
    await serving


def test_python_client_passes_mypy_strictly(tools: Tools, python_client: Program) -> None:
    checked(tools.python("-m", "mypy", "--strict", "clipcast_client", "publish.py"))


@pytest.mark.parametrize("language", ["python", "typescript"])
async def test_generated_client_uploads_posts_and_reads(
    request: pytest.FixtureRequest, served: Installation, stage: Stage, language: str
) -> None:
    program: Program = request.getfixturevalue(f"{language}_client")
    connection = await stage.connect("bluesky")
    arguments = (served.settings.public_base + API, stage.caller.key, connection, str(stage.clip))
    shown = json.loads(checked(await asyncio.to_thread(program, *arguments)).stdout)
    assert shown["account"].startswith(ACCOUNT)
    assert shown["text"]["bluesky"]["text"] == "First light"
    await stage.run_until_ended()
    assert (await stage.item(shown["post"]))["status"] == "published"
    assert len(await stage.sandbox.posts("bluesky")) == 1


def test_names_are_those_that_a_person_would_choose(
    tools: Tools, python_client: Program, typescript_client: Program
) -> None:
    models = {path.stem for path in (tools.folder / "clipcast_client" / "models").glob("*.py")}
    assert {
        "post",
        "item",
        "item_status",
        "item_stage",
        "connection",
        "create_post",
        "you_tube_metadata",
        "problem_document",
    } <= models
    assert not [name for name in models if name.endswith("_out") or "details" in name]
    types = (tools.folder / "client_ts" / "types.gen.ts").read_text()
    assert "export type ItemStatus = 'pending' | 'processing' | 'published' | 'failed';" in types
