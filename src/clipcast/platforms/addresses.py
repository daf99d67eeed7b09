"""URLs that users, platforms and other servers supply."""

import re

from yarl import URL

# A URL that can be sent as it is. A signed one must be: any other spelling of it has another signature.
EXACT = re.compile(r"[\x21-\x7e]*")
# A host name, after IDNA, or an IP address without a zone.
HOST = re.compile(r"[A-Za-z0-9._:-]+")


def parse_url(text: object, base: URL | None = None) -> URL:
    """Return the absolute http or https URL, relative to `base` if there is one. Raise ValueError if it is not one.

    Characters that a URL cannot contain are escaped. A URL without them is kept as it is.
    """
    if not isinstance(text, str):
        raise ValueError("not text")
    url = URL(text, encoded=EXACT.fullmatch(text) is not None)
    url = url if base is None else base.join(url)
    if url.scheme not in ("http", "https") or not HOST.fullmatch(url.raw_host or ""):
        raise ValueError("not an http(s) URL")
    return url
