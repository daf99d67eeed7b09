"""Shared parts of Meta's Graph hosts: one error envelope, and tables keyed by code and subcode."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from clipcast.platforms.base import Http, Tokens
from clipcast.platforms.errors import UNKNOWN, ErrorRule, PlatformAnswer, PublishError
from clipcast.platforms.http import ambiguous_response, expires, retry_after
from clipcast.platforms.responses import Response

# The version of Meta's Graph API, for Facebook and Instagram. Each version lives for about two years.
VERSION = "v27.0"

# Rules by (code, subcode). None matches any value.
Table = Mapping[tuple[int | None, int | None], ErrorRule]


def parse_graph_response(response: Response, table: Table) -> dict[str, Any]:
    """Return the body of a successful response. Raise the error of its code; the HTTP status does not matter."""
    try:
        body = response.json()
    except ValueError:
        raise ambiguous_response(response) from None
    if not isinstance(body, dict):
        raise ambiguous_response(response)
    if "error" in body or not response.is_success:
        raise graph_error(response, body.get("error"), table)
    return body


def graph_error(response: Response, error: Any, table: Table) -> PublishError:
    """Return the error of Graph's envelope, by code and subcode, then by either alone."""
    if not isinstance(error, dict):
        return ambiguous_response(response)
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    message = error.get("error_user_msg") or error.get("message")
    shown = f"{code}/{subcode}" if subcode else str(code)
    answer = PlatformAnswer(response.status_code, shown, message, error.get("fbtrace_id"))
    # Some endpoints send a number as the code, others send it as the subcode.
    for key in ((code, subcode), (None, subcode), (None, code), (code, None)):
        if key != (None, None) and key in table:
            return table[key].to_error(answer, retry_after(response) or _regains_access(response))
    if code is not None and 200 <= code <= 299 and (10, None) in table:
        return table[10, None].to_error(answer, retry_after(response))
    if error.get("is_transient") or response.status_code >= 500:
        return ambiguous_response(response)
    return UNKNOWN.to_error(answer, retry_after(response))


def long_lived(body: dict[str, Any], scopes: tuple[str, ...]) -> Tokens:
    """Return the tokens of an authorization that renews itself: an access token without a refresh token."""
    return Tokens(body["access_token"], None, expires(body.get("expires_in")), None, scopes)


async def graph_quota(http: Http, url: str, table: Table) -> dict[str, int]:
    """Return the account's publishing quota: posts used, posts allowed, and the window in seconds."""
    params = {"fields": "quota_usage,config"}
    [limit] = parse_graph_response(await http.request("limit", "GET", url, params=params), table)["data"]
    config = limit["config"]
    return {"used": limit["quota_usage"], "total": config["quota_total"], "seconds": config["quota_duration"]}


async def graph_permalink(http: Http, url: str, table: Table) -> str | None:
    """Return the public address of a post, or None if the platform returns none."""
    params = {"fields": "id,permalink,shortcode,timestamp"}
    permalink = parse_graph_response(await http.request("permalink", "GET", url, params=params), table).get("permalink")
    return str(permalink) if permalink else None


def _regains_access(response: Response) -> timedelta | None:
    """Return the wait that Meta's own header states. Earlier requests would extend it."""
    try:
        usage = json.loads(response.headers.get("x-business-use-case-usage", "{}"))
        minutes = max((int(one["estimated_time_to_regain_access"]) for of in usage.values() for one in of), default=0)
        return timedelta(minutes=minutes) if minutes > 0 else None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
