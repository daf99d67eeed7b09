"""Linters of OpenAPI find nothing in both documents."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.generated_clients.conftest import DOCUMENTS, HERE, Tools


def redocly(tools: Tools, document: str) -> list[str]:
    """Return the names of the rules that the document breaks."""
    options = ["--config", str(HERE / "redocly.yaml"), "--format", "json"]
    done = tools.node("@redocly/cli/bin/cli.js", "lint", *options, document)
    assert done.stdout.startswith("{"), done.stderr
    return [problem["ruleId"] for problem in json.loads(done.stdout)["problems"]]


def spectral(tools: Tools, document: str) -> list[str]:
    options = ["--ruleset", str(HERE / ".spectral.yaml"), "--format", "json", "--quiet"]
    done = tools.node("@stoplight/spectral-cli/dist/index.js", "lint", *options, document)
    assert done.stdout.startswith("["), done.stderr
    return [problem["code"] for problem in json.loads(done.stdout)]


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("linter", [redocly, spectral])
def test_linter_finds_nothing(tools: Tools, linter: Callable[[Tools, str], list[str]], document: str) -> None:
    assert linter(tools, document) == []


@pytest.mark.parametrize(
    ("linter", "rule"), [(redocly, "no-invalid-media-type-examples"), (spectral, "oas3-valid-media-example")]
)
def test_linter_finds_an_example_that_its_schema_rejects(
    tools: Tools, linter: Callable[[Tools, str], list[str]], rule: str
) -> None:
    document: dict[str, Any] = json.loads((tools.folder / "openapi.json").read_text())
    body = document["paths"]["/posts"]["post"]["requestBody"]["content"]["application/json"]
    body["example"] = {"videos": []}
    (tools.folder / "wrong.json").write_text(json.dumps(document))
    assert linter(tools, "wrong.json") == [rule]
