"""Outgoing HTTP to platforms: no retries, no redirects, only the platforms' own hosts."""

import asyncio
import json as json_module
from collections.abc import AsyncIterator, Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from yarl import URL

from clipcast.clock import clock
from clipcast.common.storable import storable
from clipcast.platforms.addresses import parse_url
from clipcast.platforms.errors import PlatformAnswer, TransientError
from clipcast.platforms.responses import RESPONSE_MAX, Response, ResponseTooLarge, ResponseUnreadable, received
from clipcast.platforms.transport import HttpClient, NotSent, ResponseLost

# Seconds from the last sent piece of a request to the end of its response, even if bytes keep arriving. The default
# `resend_after` of `send_once` is longer.
RESPONSE_TIME = 75.0
# The longest wait and the longest token lifetime that Clipcast accepts from a platform.
WAIT_MAX = timedelta(days=7)
LIFE_MAX = timedelta(days=20 * 365)


class PlatformHttp:
    """The requests of one platform. With a sandbox, every host of the platform is a path of the sandbox."""

    def __init__(
        self,
        client: HttpClient,
        domains: tuple[str, ...],
        sandbox: str | None,
        headers: Mapping[str, str] | None = None,
        federated: bool = False,
    ) -> None:
        """Add `headers` to every request that does not set them. With `federated`, allow any public host."""
        self._client = client
        self._domains = domains
        self._sandbox = sandbox
        self._headers = dict(headers or {})
        self._federated = federated
        self._token = ""

    def signed(self, access_token: str) -> "PlatformHttp":
        """Return a copy that adds the access token to every request that does not set `Authorization`."""
        signed = copy(self)
        signed._headers = self._headers | {"Authorization": "Bearer {token}"}
        signed._token = access_token
        return signed

    def address(self, url: URL) -> URL:
        """Return the URL that a request to `url` uses: the sandbox's, if there is one.

        Raises TransientError for a host that is not the platform's.
        """
        if url.scheme != "https" or url.user or not (self._federated or self._is_ours(str(url.host))):
            raise TransientError(
                "foreign_address", f"The platform returned a URL with a foreign host: {url.host}.", rejected=True
            )
        if self._sandbox is None:
            return url
        return URL(f"{self._sandbox}/{url.host}{url.raw_path_qs}", encoded=True)

    def _is_ours(self, host: str) -> bool:
        return any(host == domain or host.endswith("." + domain) for domain in self._domains)

    def public(self, url: str) -> str:
        """Return the URL at which a person sees `url`: the sandbox's, if there is one."""
        return url if self._sandbox is None else str(self.address(_parsed(url)))

    async def request(
        self,
        name: str,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request. See base.Http."""
        wanted = self._headers | dict(headers or {})
        sent = {header: value.replace("{token}", self._token) for header, value in wanted.items() if value}
        address = self.address(_parsed(url, params))
        if json is not None:
            content = json_module.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
            sent.setdefault("Content-Type", "application/json")
        elif form is not None:
            content = urlencode(form).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        public_only = self._sandbox is None and not self._is_ours(str(address.host))
        try:
            async with asyncio.timeout(RESPONSE_TIME) as deadline:
                if content is not None and not isinstance(content, bytes):
                    content = _extending(content, deadline)
                response = await self._client.send(method, address, sent, content, public_only)
                try:
                    return await received(response)
                finally:
                    response.close()
        except TimeoutError as error:
            raise TransientError("network", f"The response to {name} took over {RESPONSE_TIME:.0f} s.") from error
        except ResponseTooLarge as error:
            raise _unreadable(name, f"it has more than {RESPONSE_MAX} bytes") from error
        except ResponseUnreadable as error:
            raise _unreadable(name, str(error)) from error
        except NotSent as error:
            raise TransientError("network", f"The platform cannot be reached ({name}).", rejected=True) from error
        except ResponseLost as error:
            raise TransientError("network", f"The response to {name} was lost ({error}).") from error


async def _extending(content: AsyncIterator[bytes], deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
    """Yield the pieces of `content`. Each restarts the deadline: the response follows the last one."""
    async for piece in content:
        deadline.reschedule(asyncio.get_running_loop().time() + RESPONSE_TIME)
        yield piece


def _parsed(url: object, params: Mapping[str, str] | None = None) -> URL:
    try:
        return parse_url(f"{url}{'&' if '?' in str(url) else '?'}{urlencode(params)}" if params else url)
    except (ValueError, TypeError) as error:
        message = f"The platform returned an invalid URL: {storable(str(url), 100)!r}."
        raise TransientError("foreign_address", message, rejected=True) from error


def _unreadable(name: str, why: str) -> TransientError:
    return TransientError("response_unreadable", f"The response to {name} cannot be read: {why}.", actor="platform")


def retry_after(response: Response) -> timedelta | None:
    """Return the wait in `Retry-After`, in either of its two forms; at most `WAIT_MAX`."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value)) if len(value) < 9 and int(value) < WAIT_MAX.total_seconds() else WAIT_MAX
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(WAIT_MAX, max(timedelta(), (at if at.tzinfo else at.replace(tzinfo=UTC)) - clock.now()))


def ambiguous_response(response: Response) -> TransientError:
    """Return the error of a 5xx or an undocumented response: the request may have taken effect."""
    return TransientError(
        "platform_unavailable",
        f"The platform responded with {response.status_code}.",
        actor="platform",
        platform=PlatformAnswer(http_status=response.status_code, message=response.text[:300] or None),
        wait=retry_after(response),
    )


def expires(seconds: object) -> datetime | None:
    """Return the instant `seconds` from now, at most `LIFE_MAX`; None if the value is not a number."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds != seconds:  # NaN
        return None
    return clock.now() + timedelta(seconds=max(0, min(seconds, LIFE_MAX.total_seconds())))
