"""JSON values without secrets, so that they can be kept and shown."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

MASK = "***"
# A field with such a name holds a secret.
SECRET_FIELD = re.compile(r"passw|secret|token|authorization|cookie|signature|credential|verifier|api[_-]?key", re.I)
# Secrets that Clipcast makes: API keys and the secrets of webhooks.
SECRET_TEXT = re.compile(r"\b(clipcast_|whsec_)[\w+/=-]{8,}")
# A field within a text: name=value, or "name": value. A text that was cut may end within the value.
PAIR = re.compile(
    r"""(?<![\w.-])([\w.-]++)(["']?\s*+=\s*+|["']\s*+:\s*+)"""
    r"""("(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|\[[^]]*+]?|[^\s&;,"'}\]]++)""",
    re.DOTALL,
)
ADDRESS = re.compile(r"https?://[^\s\"'<>]+")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
# A longer segment of a path may be a signature.
SEGMENT_MAX = 32
# The whole path of such an address is its secret: hooks.slack.com, hook.eu1.make.com, discord.com/api/webhooks.
HOOK = re.compile(r"^https?://([^/?#]*@)?hooks?\.|webhook", re.I)


def masked(value: Any, field: str = "", hosts_only: bool = False) -> Any:
    """Return a JSON value with MASK in place of secrets.

    Secrets are the texts of fields whose names say so, keys of Clipcast, and in addresses the user, the query and long
    segments of the path: each of them can give access. With `hosts_only`, and of addresses that look like those of
    webhooks, the whole path is a secret.
    """
    match value:
        case dict():
            return {name: masked(one, str(name), hosts_only) for name, one in value.items()}
        case list():
            return [masked(one, field, hosts_only) for one in value]
        case str() if SECRET_FIELD.search(field):
            return MASK
        case str():
            return masked_text(value, hosts_only)
    return value


def masked_text(text: str, hosts_only: bool = False) -> str:
    """Return a text with MASK in place of keys of Clipcast and of the secret parts of addresses."""
    if "://" in text:
        text = ADDRESS.sub(lambda found: _masked_address(found[0], hosts_only), text)
    return SECRET_TEXT.sub(lambda found: found[1] + MASK, text) if "_" in text else text


def masked_fields(text: str) -> str:
    """Return a text that may be JSON or a form, whole or cut, with MASK in place of the values of secret fields."""
    return PAIR.sub(_masked_pair, text)


def masked_query(query: str) -> str:
    """Return a query with MASK in place of the values of fields whose names say that they hold a secret."""
    values = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, masked(value, name)) for name, value in values], safe="*:/,@")


def _masked_pair(found: re.Match[str]) -> str:
    name, between, value = found.groups()
    if not SECRET_FIELD.search(name):
        return found[0]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{name}{between}{quote}{MASK}{quote}"


def _masked_address(address: str, host_only: bool) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return MASK
    segments = [MASK if len(one) > SEGMENT_MAX and not UUID.fullmatch(one) else one for one in parts.path.split("/")]
    host = parts.netloc.rpartition("@")[2]
    if (host_only or HOOK.search(address)) and (parts.path.strip("/") or parts.query):
        return f"{parts.scheme}://{host}/{MASK}"
    return f"{parts.scheme}://{host}{'/'.join(segments)}{'?' + MASK if parts.query else ''}"
