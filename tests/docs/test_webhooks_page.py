"""The page about webhooks: its receiver works, and its table lists all types."""

import asyncio
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

from clipcast.installation import Installation
from clipcast.testing.harness import Caller, free_port
from clipcast.webhooks.events import MEANINGS
from tests.webhooks.hooks import Hooks

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
CALL = re.compile(r"\$BASE/webhooks \\\s*-d '([^']*)'")


def test_table_lists_every_type_with_its_meaning() -> None:
    assert dict(re.findall(r"^\| `(\w+\.\w+)` \| (.*) \|$", PAGE, re.MULTILINE)) == MEANINGS


async def until_listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def test_receiver_of_the_page_verifies_a_test(caller: Caller, installation: Installation, tmp_path: Path) -> None:
    settings = installation.settings.model_copy(update={"webhook_hosts": ("127.0.0.1",)})
    installation = replace(installation, settings=settings)
    caller.http._transport.app.state.installation = installation  # type: ignore[attr-defined]
    hooks, port = Hooks.of(installation, caller), free_port()
    call = CALL.search(PAGE)
    assert call
    body = json.loads(call[1])
    webhook = await hooks.create(body.pop("url").replace("8080", str(port)), **body)
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "receiver.py").write_text(program)
    receiver = await asyncio.create_subprocess_exec(
        sys.executable, str(tmp_path / "receiver.py"), stdout=asyncio.subprocess.PIPE,
        env={"SECRET": webhook["secret"], "PORT": str(port)},
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            await until_listening(port)
            while True:
                sent = (await caller.post(f"/webhooks/{webhook['id']}/test")).json()
                await hooks.deliver()
                path = f"/webhooks/{webhook['id']}/deliveries/{sent['id']}"
                if (await caller.get(path)).json()["status"] == "delivered":
                    break
            assert receiver.stdout
            assert (await receiver.stdout.readline()).startswith(b"webhook.test ")
    finally:
        receiver.terminate()
        await receiver.wait()
        await hooks.worker.close()
