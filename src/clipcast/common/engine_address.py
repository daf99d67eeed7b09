"""The value of CLIPCAST_ENGINE: which engine brings ready jobs to the workers, and where its server is."""

import difflib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

ROWS = "rows"
EXAMPLE = "temporal://temporal.example.org:7233/clipcast?tls=1&prefix=clipcast"
PARAMETERS = ("tls", "prefix")
# Task queues are named PREFIX.QUEUE, and namespaces have names of the same form.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class EngineError(ValueError):
    """An invalid engine. The message is one line with the fix."""


@dataclass(frozen=True)
class TemporalAddress:
    """The address of a Temporal server's frontend, and what Clipcast uses there."""

    host: str
    port: int = 7233
    namespace: str = "default"
    # None: TLS if there is an API key or a certificate.
    tls: bool | None = None
    # The beginning of the names of its task queues.
    prefix: str = "clipcast"

    @property
    def target(self) -> str:
        """Host and port as one text. IPv6 addresses are in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.target}/{self.namespace}"


def parse_engine(text: str) -> TemporalAddress | None:
    """Parse `rows` (None) or `temporal://HOST:PORT/NAMESPACE?tls=1&prefix=clipcast`. Raise EngineError."""
    if text == ROWS:
        return None
    scheme, separator, rest = text.partition("://")
    if scheme != "temporal" or not separator:
        raise EngineError(f"give rows or an address such as {EXAMPLE}")
    place, _, query = rest.partition("?")
    authority, _, path = place.partition("/")
    if "@" in authority:
        raise EngineError("an address has no user name and no password. Give an API key in CLIPCAST_TEMPORAL_API_KEY")
    host, port = _host_and_port(authority)
    namespace = unquote(path) or TemporalAddress.namespace
    if not NAME.fullmatch(namespace):
        raise EngineError(
            f"{namespace[:100]!r} is not the name of a namespace. Write one name after the port: /clipcast"
        )
    return TemporalAddress(host, port, namespace, **_parameters(query))


def _host_and_port(authority: str) -> tuple[str, int]:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?", authority)
    if match is None:
        raise EngineError(f"{authority[:100]!r} is not a host with a port. Write HOST:PORT, IPv6 addresses in brackets")
    port = int(match[2]) if match[2] else TemporalAddress.port
    if not 1 <= port <= 65_535:
        raise EngineError(f"the port is {port}. Use a number from 1 to 65535")
    return match[1].strip("[]"), port


def _parameters(query: str) -> dict[str, Any]:
    values = dict(parse_qsl(query, keep_blank_values=True))
    for name in values:
        if name not in PARAMETERS:
            near = difflib.get_close_matches(name[:40], PARAMETERS, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(PARAMETERS)}."
            raise EngineError(f"there is no parameter {name[:40]!r}. {hint}".removesuffix("."))
    if values.get("tls", "1") not in ("0", "1"):
        raise EngineError(f"tls is {values['tls'][:40]!r}. Write tls=1 or tls=0")
    if not NAME.fullmatch(values.get("prefix", TemporalAddress.prefix)):
        raise EngineError(f"prefix is {values['prefix'][:100]!r}. Use letters, digits, dots, hyphens and underscores")
    return values | ({"tls": values["tls"] == "1"} if "tls" in values else {})
