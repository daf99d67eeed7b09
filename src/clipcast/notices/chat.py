"""Chat messages by apprise, to a fixed list of services.

apprise sends by `requests`, which would follow redirects, read proxy settings and connect to any address. So the
services' modules get another `requests`: it sends by Clipcast's own client, only to the hosts of the service, and only
to addresses of the public internet, which are checked at each connection.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from yarl import URL

from clipcast.common.storable import storable
from clipcast.common.words import listed
from clipcast.notices.outcome import Delayed, Refused
from clipcast.platforms.errors import PublishError
from clipcast.platforms.responses import Response, ResponseTooLarge, ResponseUnreadable, read
from clipcast.platforms.transport import HttpClient, NotSent, ResponseLost

if TYPE_CHECKING:
    import requests

ADDRESS_MAX = 1000
# Seconds for one request, and for all requests of a message.
REQUEST_TIME = 15.0
MESSAGE_TIME = 45.0
RESPONSE_MAX = 64 * 1024
# The shortest secret of which a page shows the end.
SHOWN_FROM = 20
# Statuses after which the same request can succeed later.
PASSING = (408, 425, 429)
# For the plugins, which wait for requests. The event loop's threads do the work that requests may wait for.
THREADS = ThreadPoolExecutor(16, "chat")
TOKEN = r"[\w.~-]+"  # noqa: S105 - a pattern


@dataclass(frozen=True)
class Service:
    """A chat service. `forms` are the patterns of its addresses: they have no place for a host or an option."""

    name: str
    title: str
    plugin: str
    # The hosts that get its requests. One that begins with a dot stands for all names below it.
    hosts: tuple[str, ...]
    forms: tuple[str, ...]
    example: str
    # Options of the plugin in place of its defaults.
    options: Mapping[str, Any] = field(default_factory=dict)

    def has(self, host: str) -> bool:
        """Return whether the host belongs to the service."""
        return any(host == one or (one.startswith(".") and host.endswith(one)) for one in self.hosts)


SERVICES = {
    service.name: service
    for service in (
        Service(
            "slack", "Slack", "NotifySlack", ("hooks.slack.com",),
            (rf"https://hooks\.slack\.com/services/{TOKEN}/{TOKEN}/{TOKEN}", rf"slack://{TOKEN}/{TOKEN}/{TOKEN}"),
            "https://hooks.slack.com/services/T.../B.../...",
            {"include_image": False, "include_footer": False, "include_timestamp": False},
        ),
        Service(
            "discord", "Discord", "NotifyDiscord", ("discord.com",),
            (rf"https://discord(?:app)?\.com/api/webhooks/\d+/{TOKEN}", rf"discord://\d+/{TOKEN}"),
            "https://discord.com/api/webhooks/.../...",
            {"avatar": False},
        ),
        Service(
            "workflows", "Microsoft Teams", "NotifyWorkflows", (".logic.azure.com", ".powerplatform.com"),
            (
                r"https://[\w.-]+\.(?:logic\.azure|powerplatform)\.com(?::443)?(?:/powerautomate/automations/direct(?:/cu/\d+)?)?"
                rf"/workflows/{TOKEN}/triggers/manual/paths/invoke\?(?:(?:api-version|sp|sv|sig)=[\w%./~+-]*&?)+",
            ),
            "https://....logic.azure.com/workflows/.../triggers/manual/paths/invoke?...",
            {"include_image": False},
        ),
        Service(
            "google_chat", "Google Chat", "NotifyGoogleChat", ("chat.googleapis.com",),
            (rf"https://chat\.googleapis\.com/v1/spaces/{TOKEN}/messages\?(?:(?:key|token)=[\w%.~=-]+&?)+",),
            "https://chat.googleapis.com/v1/spaces/.../messages?key=...&token=...",
        ),
        Service(
            "telegram", "Telegram", "NotifyTelegram", ("api.telegram.org",),
            (r"tgram://\d+:[\w-]+/(?:-?\d+|@\w+)",),
            "tgram://BOT_TOKEN/CHAT_ID",
            {"include_image": False},
        ),
        Service(
            "ntfy", "ntfy.sh", "NotifyNtfy", ("ntfy.sh",),
            (r"https://ntfy\.sh/[\w-]{1,64}", r"ntfys?://[\w-]{1,64}"),
            "https://ntfy.sh/TOPIC",
            {"include_image": False},
        ),
        Service(
            "pushover", "Pushover", "NotifyPushover", ("api.pushover.net",),
            (r"pover://\w{30}@\w{30}",),
            "pover://USER_KEY@APP_TOKEN",
        ),
    )
}  # fmt: skip


class ChatAddressError(ValueError):
    """An address that no service on the list has. The message is for people, and does not show the address."""


def service_of(address: str) -> Service:
    """Return the service of a chat address. Raise ChatAddressError."""
    if len(address) > ADDRESS_MAX:
        raise ChatAddressError(f"The address is too long: {len(address)} characters, maximum {ADDRESS_MAX}.")
    for service in SERVICES.values():
        if any(re.fullmatch(form + "/?", address, re.ASCII) for form in service.forms):
            _plugin(service, address)
            return service
    titles = listed([service.title for service in SERVICES.values()])
    raise ChatAddressError(f"Clipcast does not send to such an address. Write it like one of the examples: {titles}.")


def masked(address: str) -> str:
    """Return the scheme, the host and the last characters of an address, without its secret."""
    scheme, _, rest = address.partition("://")
    host = rest.partition("/")[0] if scheme == "https" else ""
    # The end tells two addresses apart. Of a short secret, such as a topic of ntfy.sh, it would be too much.
    end = address.rstrip("/")[-3:] if len(rest) - len(host) > SHOWN_FROM else ""
    return f"{scheme}://{host}{'/' if host else ''}…{end}"


# In texts of people: what would be a mention, a link or a format in some chat.
NEUTRAL = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "@": "@\u200b"})


def neutral(text: str) -> str:
    """Return a text of a person so that no chat takes a part of it as a mention, a link with a title, or code."""
    return text.translate(NEUTRAL)


async def send_chat(client: HttpClient, address: str, title: str, body: str) -> None:
    """Send a message. Raise Refused if the service will never accept it, Delayed if it may accept it later."""
    try:
        service = service_of(address)
        plugin = _plugin(service, address)
    except ChatAddressError as error:
        raise Refused(str(error)) from error
    sending = _Sending(client, asyncio.get_running_loop(), service)
    token = _sending.set(sending)
    try:
        async with asyncio.timeout(MESSAGE_TIME):
            notify = partial(plugin.notify, body=body, title=title, body_format="text")
            sent = await sending.loop.run_in_executor(THREADS, copy_context().run, notify)
    except TimeoutError as error:
        raise Delayed(f"{service.title} does not respond.") from error
    finally:
        _sending.reset(token)
    if not sent:
        raise sending.failure()


@dataclass
class _Sending:
    """The requests of one message. A plugin makes them in a thread, and this sends them in the event loop."""

    client: HttpClient
    loop: asyncio.AbstractEventLoop
    service: Service
    status: int | None = None
    problem: str | None = None

    def request(self, prepared: requests.PreparedRequest) -> Response:
        return asyncio.run_coroutine_threadsafe(self._request(prepared), self.loop).result(MESSAGE_TIME)

    async def _request(self, prepared: requests.PreparedRequest) -> Response:
        url = URL(prepared.url or "", encoded=True)
        if url.scheme != "https" or url.user or url.port != 443 or not self.service.has(str(url.host)):
            self.problem = f"{self.service.title} would be called at a foreign address."
            raise _failed(self.problem)
        body: Any = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
        headers = {name: str(value) for name, value in prepared.headers.items() if name.lower() != "content-length"}
        try:
            async with asyncio.timeout(REQUEST_TIME):
                response = await self.client.send(str(prepared.method), url, headers, body, public_only=True)
                try:
                    self.status = response.status_code
                    content = await read(response, RESPONSE_MAX)
                finally:
                    response.close()
        except TimeoutError as error:
            raise _failed("time-out") from error
        except (NotSent, ResponseLost, ResponseTooLarge, ResponseUnreadable) as error:
            raise _failed(type(error).__name__) from error
        except PublishError as error:  # the host has an address that is not public, or does not exist
            self.problem = error.message
            raise _failed(error.code) from error
        return Response(response.status_code, content, response.headers)

    def failure(self) -> Refused | Delayed:
        title = self.service.title
        if self.problem:
            return Delayed(storable(self.problem, 300))
        if self.status is None:
            return Delayed(f"{title} cannot be reached.")
        if 300 <= self.status < 500 and self.status not in PASSING:
            return Refused(f"{title} rejects the message with {self.status}. Check the address.")
        return Delayed(f"{title} does not accept the message now ({self.status}).")


_sending: ContextVar[_Sending] = ContextVar("sending")


class _Requests:
    """What the plugins use of `requests`. Any other name is an AttributeError."""

    def __init__(self) -> None:
        import requests

        self.codes = requests.codes
        self.RequestException = requests.RequestException

    def post(self, url: str, **options: Any) -> requests.Response:
        return self.request("POST", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        verify: object = None,
        timeout: object = None,
        allow_redirects: object = None,
        **content: Any,
    ) -> requests.Response:
        """Send a request. The options for TLS, time and redirects have no effect."""
        import requests

        found = _sending.get().request(requests.Request(method, url, **content).prepare())
        response = requests.Response()
        response.status_code, response._content = found.status_code, found.content
        response.headers.update(found.headers.items())
        return response


def _failed(reason: str) -> Exception:
    import requests

    return requests.ConnectionError(reason)


@cache
def _modules() -> Mapping[str, Any]:
    """Import the plugins, which takes 0.1 s and 16 MB, and replace their `requests`."""
    # Their log lines can contain addresses. Uvicorn's configuration of logging would undo `disabled`.
    logging.getLogger("apprise").addFilter(lambda _: False)
    modules: dict[str, Any] = {name: import_module(f"apprise.plugins.{name}") for name in SERVICES}
    for module in modules.values():
        module.requests = _Requests()
    return modules


def _plugin(service: Service, address: str) -> Any:
    """Return the plugin with this address. Raise ChatAddressError if the plugin does not accept it."""
    from apprise import AppriseAsset

    kind = getattr(_modules()[service.name], service.plugin)
    found = kind.parse_native_url(address) or kind.parse_url(address)
    if not found:
        raise ChatAddressError(f"This is not an address of {service.title}. Write it like {service.example}")
    asset = AppriseAsset(app_id="Clipcast", app_desc="Clipcast", app_url="")
    try:
        plugin = kind(**found | dict(service.options), asset=asset)
    except TypeError as error:  # apprise's error for invalid parts
        message = f"This is not a complete address of {service.title}. Write it like {service.example}"
        raise ChatAddressError(message) from error
    # It would sleep for as long as a response says. A refused message is sent again later, by its job.
    plugin.throttle = lambda *_, **__: None
    return plugin
