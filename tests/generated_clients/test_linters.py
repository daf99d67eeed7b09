"""Linters of OpenAPI find nothing in both documents."""

import json
import re
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


def spectral(tools: Tools, document: str, rules: str = ".spectral.yaml") -> list[str]:
    options = ["--ruleset", str(HERE / rules), "--format", "json", "--quiet"]
    done = tools.node("@stoplight/spectral-cli/dist/index.js", "lint", *options, document)
    assert done.stdout.startswith("["), done.stderr
    return [problem["code"] for problem in json.loads(done.stdout)]


def spectral_without_examples(tools: Tools, document: str) -> list[str]:
    return spectral(tools, document, ".spectral.without-examples.yaml")


def only(path: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with one path and what that refers to, which linters read in a moment."""
    components = document["components"]
    kept: dict[str, Any] = {"securitySchemes": components["securitySchemes"]}
    short = document | {"paths": {path: document["paths"][path]}, "components": kept}
    short.pop("webhooks", None)
    while missing := {
        (kind, name)
        for kind, name in re.findall(r'"#/components/(\w+)/([^"/]+)', json.dumps(short))
        if name not in kept.get(kind, {})
    }:
        for kind, name in missing:
            kept.setdefault(kind, {})[name] = components[kind][name]
    return short


# Both documents have the same examples, which Spectral compares with their schemas for 10 s of CPU.
@pytest.mark.parametrize(
    ("linter", "document"),
    [
        *((redocly, document) for document in DOCUMENTS),
        (spectral, "openapi.components.json"),
        (spectral_without_examples, "openapi.json"),
    ],
)
def test_linter_finds_nothing(tools: Tools, linter: Callable[[Tools, str], list[str]], document: str) -> None:
    assert linter(tools, document) == []


@pytest.mark.parametrize(
    ("linter", "rule"), [(redocly, "no-invalid-media-type-examples"), (spectral, "oas3-valid-media-example")]
)
def test_linter_finds_an_example_that_its_schema_rejects(
    tools: Tools, linter: Callable[[Tools, str], list[str]], rule: str
) -> None:
    document = only("/posts", json.loads((tools.folder / "openapi.json").read_text()))
    body = document["paths"]["/posts"]["post"]["requestBody"]["content"]["application/json"]
    body["example"] = {"videos": []}
    (tools.folder / "wrong.json").write_text(json.dumps(document))
    assert linter(tools, "wrong.json") == [rule]
