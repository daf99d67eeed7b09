"""Results of tools: the API's JSON, cut to a size that an agent can read, and errors as results."""

import json
from typing import Any

from mcp.types import CallToolResult, TextContent

from clipcast.mcp.api import ToolError

# Characters of JSON. About 12 000 tokens.
RESULT_MAX = 50_000
ERRORS_MAX = 20


def result_of(value: Any) -> CallToolResult:
    """Return the result with a JSON value; `{}` for an operation without one."""
    shown = bounded({} if value is None else value)
    return CallToolResult(content=[TextContent(text=_text(shown))], structured_content=shown)


def error_result(error: ToolError) -> CallToolResult:
    """Return the result of a call that failed: its code, message, fix, and the problems of single fields."""
    problems = [one for one in error.document.get("errors") or [] if isinstance(one, dict)][:ERRORS_MAX]
    lines = [f"{error.code}: {error.message}", *(f"{one.get('path')}: {one.get('message')}" for one in problems)]
    if error.fix and error.fix not in error.message:
        lines.append(f"Fix: {error.fix}")
    shown = {"code": error.code, "message": error.message, "fix": error.fix}
    more = {name: value for name, value in error.document.items() if name not in ("type", "title", "detail", "errors")}
    if problems:
        more["errors"] = problems
    structured = {"error": bounded(more | shown)}
    return CallToolResult(content=[TextContent(text="\n".join(lines))], structured_content=structured, is_error=True)


def bounded(value: Any, most: int = RESULT_MAX) -> Any:
    """Return the value, or a part of it with at most `most` characters of JSON, which says what is left out.

    The longest list of an object loses its last entries.
    """
    text = _text(value)
    if len(text) <= most:
        return value
    if isinstance(value, dict):
        lists = [(len(_text(one)), name) for name, one in value.items() if isinstance(one, list)]
        _, longest = max(lists, default=(0, None))
        if longest is not None:
            kept, total = list(value[longest]), len(value[longest])
            while kept:
                kept = kept[: len(kept) * 3 // 4]
                note = f"{longest} has {total} entries; this result shows {len(kept)}. Ask for fewer, or for one."
                cut = value | {longest: kept, "left_out": note}
                if kept and len(_text(cut)) <= most:
                    return cut
    note = f"The result has {len(text)} characters; this is its beginning. Ask for a part."
    return {"left_out": note, "beginning": text[: most // 2]}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
