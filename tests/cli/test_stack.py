"""The processes of a stack listen where they are told."""

import os
from pathlib import Path

import httpx2
import pytest

from clipcast.cli.stack import Stack
from clipcast.common.settings import load
from clipcast.server.sockets import listen, url_of
from tests.server.test_sockets import needs_ipv6


@pytest.mark.parametrize(
    "host", ["0.0.0.0", pytest.param("::1", marks=needs_ipv6), pytest.param("::", marks=needs_ipv6)]
)
async def test_sandbox_is_ready_on_any_address(tmp_path: Path, host: str) -> None:
    async with Stack(load({}, data_dir=tmp_path), os.environ) as stack:
        sockets = listen(host, 0)
        await stack.start_sandbox(sockets)
        assert httpx2.get(f"{url_of(sockets)}/__sandbox/settings", trust_env=False).status_code == 200
