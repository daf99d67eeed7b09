"""Every platform's error parser returns an error with a class and the raw text for any JSON."""

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipcast.platforms import responses
from clipcast.platforms.errors import InternalError, PublishError
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.responses import Response, Seen, understood

STATUSES = (200, 201, 400, 401, 403, 404, 409, 416, 422, 429, 500, 503)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
# The fields in which platforms send their codes, with any value.
NAMES = st.sampled_from(
    ["error", "code", "message", "error_subcode", "error_user_msg", "errors", "reason", "data", "status",
     "errorDetails", "inputErrors", "serviceErrorCode", "jobStatus", "failureCode", "debug_info", "type",
     "error_code",
     "error_message", "error_type", "error_description", "log_id", "fbtrace_id", "details", "is_transient",
     "error_data"]
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=12
)


def classifiers() -> list[tuple[str, Callable[..., Any]]]:
    """Return each function of a platform's `errors.py` that takes a response alone."""
    found = []
    for platform in PLATFORMS:
        module = importlib.import_module(f"clipcast.platforms.{platform}.errors")
        for name, function in vars(module).items():
            own = callable(function) and getattr(function, "__module__", "") == module.__name__
            if own and not name.startswith("_") and _takes_a_response(function):
                found.append((f"{platform}.{name}", function))
    return found


def _takes_a_response(function: Callable[..., Any]) -> bool:
    code = function.__code__
    required = code.co_argcount - len(function.__defaults__ or ())
    return required == 1 and code.co_varnames[0] == "response"


@pytest.mark.parametrize(("name", "classify"), classifiers(), ids=[name for name, _ in classifiers()])
@settings(max_examples=60)
@given(body=JSON, status=st.sampled_from(STATUSES))
def test_parser_classifies_any_json(name: str, classify: Callable[..., Any], body: Any, status: int) -> None:
    response = Response(status, content=json.dumps(body).encode(), url="https://platform.example/x")
    seen = responses._seen.set(Seen())
    try:
        with understood():
            responses._seen.get().response = response  # type: ignore[union-attr]
            error = classify(response)
    except PublishError as raised:
        error = raised
    finally:
        responses._seen.reset(seen)
    if isinstance(error, PublishError):
        assert not isinstance(error, InternalError)
        assert error.platform is None or isinstance(error.platform.code, str | None)
        if error.code == "response_not_understood" and body not in ("", None):
            assert error.platform is not None
            assert error.platform.message
            assert not error.rejected  # after the guarded request, Clipcast reconciles


def test_every_platform_has_a_parser() -> None:
    assert {name.split(".")[0] for name, _ in classifiers()} == set(PLATFORMS)
