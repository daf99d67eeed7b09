"""The page of the error codes: found in the sources, explained by error_codes.toml or by the platforms' own texts."""

import json
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import sources
from built_in import PLATFORMS
from sources import Collection, Use

from clipcast.platforms import errors

MEANINGS = Path(__file__).with_name("error_codes.toml")
# The sections of error_codes.toml in which a code of each shape is explained.
SECTIONS = {
    "api": ("api",),
    "row": ("request", "media"),
    "item": ("item",),
    "warning": ("warning",),
    "skipped": ("skipped",),
}
# The shapes of the codes that schemas of the OpenAPI documents hold.
CODES = {"ErrorCode": "api", "ProblemCode": "row", "ItemErrorCode": "item", "ItemWarningCode": "warning"}
# For a message that another error or the caller of a function brings.
VARIES = "The message states the cause."
HEAD = """# Error codes

`make docs` generates this page from the sources. Codes are stable: decide by `code`, never by a message's text.

| where | what a caller receives |
| --- | --- |
| [HTTP responses](#http-responses) | a problem document (RFC 9457) with `code`, `detail` and perhaps `errors` |
| [Problems of a request](#problems-of-a-request), [of a file](#problems-of-a-file) | a row of `errors`, which \
prevents the post, or of `warnings`, which does not: `path`, `code`, `message` and perhaps `limit` and `actual` |
| [Items](#items), [platforms](#tiktok) | the `error` of an item: `code`, `class`, `actor`, `message`, `fix`, \
`platform` |
| [Warnings of published items](#warnings-of-published-items) | a row of an item's `warnings` |
| [Items that a retry skips](#items-that-a-retry-skips) | a row of `skipped`, after `POST /posts/{id}/retry` |

`actor` names who must act: the `caller` of the API, the `operator` of Clipcast, the `account_owner`, or the `platform`.
With `nobody`, Clipcast continues without help.

"""
CLASSES_HEAD = """## Classes

The class of an item's error decides what Clipcast does. [Quickstart](quickstart.md) explains each.

| `class` | usual `actor` | usual `fix` |
| --- | --- | --- |
"""
API_HEAD = """
## HTTP responses

| `code` | status | who acts | meaning |
| --- | --- | --- | --- |
"""
REQUEST_HEAD = """
## Problems of a request

Preflight and `POST /posts` return all problems at once. The platforms' sections list further ones.

| `code` | who acts | meaning |
| --- | --- | --- |
"""
MEDIA_HEAD = """
## Problems of a file

Completing an upload reports an unusable file. Preflight compares the file with
[each platform's rules](platforms.md#media). If a rule is only advised, the problem is a warning.

| `code` | who acts | meaning |
| --- | --- | --- |
"""
ITEM_HEAD = """
## Items

These codes can occur on every platform. A linked file that fails preflight has the codes of its download, such as
`fetch_failed`.

| `code` | `class` | `actor` | meaning |
| --- | --- | --- | --- |
"""
WARNING_HEAD = """
## Warnings of published items

| `code` | meaning |
| --- | --- |
"""
SKIPPED_HEAD = """
## Items that a retry skips

| `code` | meaning |
| --- | --- |
"""
PLATFORM_ITEMS = """
| `code` of an item | `class` | `actor` | message | fix, if not the class's |
| --- | --- | --- | --- | --- |
"""
PLATFORM_WARNINGS = """
| `code` of an item's warning | message | fix |
| --- | --- | --- |
"""
PLATFORM_ROWS = """
| `code` of a problem of the metadata | message |
| --- | --- |
"""


def page() -> str:
    """Return the whole page. Raises ValueError for a code without a meaning, and for a meaning without a code."""
    found = sources.collect()
    if problems := list(check(found)):
        raise ValueError("\n".join(problems))
    meanings, core = load(), [use for use in found.uses if not platform_of(use)]
    parts = [HEAD, CLASSES_HEAD, *_class_rows(), API_HEAD]
    for code, (actor, meaning) in meanings["api"].items():
        status = _joined(use.status for use in _uses(core, "api", code)) or "any"
        parts.append(_row(f"`{code}`", status, _code(actor), meaning))
    for head, section in ((REQUEST_HEAD, "request"), (MEDIA_HEAD, "media")):
        parts.append(head)
        parts += [_row(f"`{code}`", _code(actor), text) for code, (actor, text) in sorted(meanings[section].items())]
    parts.append(ITEM_HEAD)
    for code, meaning in meanings["item"].items():
        uses = _uses(core, "item", code)
        actor = _codes(use.actor for use in uses)
        if isinstance(meaning, list):  # the actor is decided when the program runs
            actor, meaning = _code(meaning[0]), meaning[1]
        parts.append(_row(f"`{code}`", _codes(use.kind for use in uses), actor, meaning))
    for head, section in ((WARNING_HEAD, "warning"), (SKIPPED_HEAD, "skipped")):
        parts += [head, *(_row(f"`{code}`", meaning) for code, meaning in meanings[section].items())]
    for name, platform in PLATFORMS.items():
        if uses := [use for use in found.uses if platform_of(use) == name]:
            parts.append(_platform(platform.title, uses))
    return "".join(parts)


def codes() -> str:
    """Return the codes with their meanings as JSON, for the OpenAPI documents: by the schema that holds the code."""
    uses, meanings = sources.collect().uses, load()
    return json.dumps({name: _meanings(uses, meanings, shape) for name, shape in CODES.items()}, indent=1) + "\n"


def _meanings(uses: list[Use], meanings: dict[str, dict[str, list[str] | str]], shape: str) -> dict[str, str]:
    of_core = {}
    for section in SECTIONS[shape]:
        of_core |= {code: text if isinstance(text, str) else text[1] for code, text in meanings[section].items()}
    of_platforms: dict[str, str] = {}
    for use in sorted(uses, key=lambda use: (use.code, use.module, use.line)):
        if use.shape == shape and platform_of(use):
            of_platforms.setdefault(use.code, sources.FIELD.sub("…", use.message) or VARIES)
    return dict(sorted((of_platforms | of_core).items()))


def check(found: Collection) -> Iterable[str]:
    """Yield what keeps the page from being complete."""
    for place in found.unreadable:
        yield f"{place}: this code cannot be read from the sources. Write it as a text."
    meanings, used = load(), set()
    for use in found.uses:
        if platform_of(use):
            continue  # explained by its message
        explained = {
            (section, code)
            for section in SECTIONS[use.shape]
            for code in meanings[section]
            if fnmatchcase(code, use.code)
        }
        used |= explained
        if not explained:
            yield f"{use.module}:{use.line}: explain {use.code} in [{SECTIONS[use.shape][0]}] of {MEANINGS.name}."
    for section, codes in meanings.items():
        for code in codes:
            if (section, code) not in used:
                yield f"{MEANINGS.name}: [{section}] explains {code}, which the sources do not have."


def load() -> dict[str, dict[str, list[str] | str]]:
    """Return the meanings by section and code."""
    return tomllib.loads(MEANINGS.read_text())


def platform_of(use: Use) -> str:
    """Return the name of the platform in whose package this is; "" for the core and what platforms share."""
    for name, platform in PLATFORMS.items():
        package = platform.metadata.__module__.rpartition(".")[0]
        if use.module == package or use.module.startswith(package + "."):
            return name
    return ""


def _uses(uses: list[Use], shape: str, code: str) -> list[Use]:
    """Return the uses of a code, or else those of a pattern that it fits."""
    of_shape = [use for use in uses if use.shape == shape]
    return [use for use in of_shape if use.code == code] or [use for use in of_shape if fnmatchcase(code, use.code)]


def _class_rows() -> Iterable[str]:
    for error in vars(errors).values():
        if isinstance(error, type) and "kind" in vars(error):
            yield _row(_code(error.kind), _code(error.actor), error.default_fix)


def _platform(title: str, uses: list[Use]) -> str:
    items, warnings, rows = ([use for use in uses if use.shape == shape] for shape in ("item", "warning", "row"))
    parts = [f"\n## {title}\n"]
    if items:
        parts.append(PLATFORM_ITEMS)
        for code, kind, actor in sorted({(use.code, use.kind, use.actor) for use in items}):
            of_row = [use for use in items if (use.code, use.kind, use.actor) == (code, kind, actor)]
            texts = (_lines(use.message for use in of_row) or VARIES, _lines(use.fix for use in of_row))
            parts.append(_row(f"`{code}`", _code(kind), _code(actor), *texts))
    if warnings:
        parts.append(PLATFORM_WARNINGS)
        parts += sorted({_row(f"`{use.code}`", use.message, use.fix) for use in warnings})
    if rows:
        parts.append(PLATFORM_ROWS)
        for code in sorted({use.code for use in rows}):
            parts.append(_row(f"`{code}`", _lines(use.message for use in rows if use.code == code) or VARIES))
    return "".join(parts)


def _row(*cells: str) -> str:
    return f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in cells)} |\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(sorted({text for text in texts if text}))


def _codes(texts: Iterable[str]) -> str:
    return _joined(_code(text) for text in texts)


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(dict.fromkeys(text.replace("<", "&lt;") for text in texts if text))
