"""Schemathesis against the running application: no response is a 500, and the OpenAPI document lists every response."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from clipcast.installation import Installation
from clipcast.server.app import describe
from clipcast.testing.harness import API, Caller

EXAMPLES = 30
OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(describe()).get_all_operations()]


def drawn(operation: Any) -> list[Any]:
    """Examples of the operation's requests. They are collected first: hypothesis cannot drive an async test."""
    found: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.definition.raw["operationId"])
async def test_no_request_breaks_the_api(installation: Installation, caller: Caller, operation: Any) -> None:
    for case in drawn(operation):
        sent = case.as_transport_kwargs(base_url=installation.settings.public_base + API)
        sent["headers"] = {
            name: value
            for name, value in (sent["headers"] or {}).items()
            if name.lower() not in ("x-workspace-id", "authorization")
        } | {"X-Api-Key": caller.key}
        sent.pop("cookies", None)
        answer = await caller.http.request(**sent)
        assert str(answer.status_code) in operation.definition.raw["responses"], (sent, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
