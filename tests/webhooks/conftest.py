"""An installation that may send webhooks to this machine."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from clipcast.installation import Installation
from clipcast.testing.harness import Caller
from tests.webhooks.hooks import Hooks
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
def installation(installation: Installation) -> Installation:
    settings = installation.settings.model_copy(update={"webhook_hosts": ("127.0.0.1",)})
    return replace(installation, settings=settings)


@pytest.fixture
async def hooks(installation: Installation, caller: Caller) -> AsyncIterator[Hooks]:
    hooks = Hooks.of(installation, caller)
    yield hooks
    await hooks.worker.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
