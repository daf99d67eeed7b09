"""The identity of an account: handle, DID and server (docs/platforms/bluesky.md 1)."""

from urllib.parse import quote, urlsplit

from clipcast.platforms.addresses import parse_url
from clipcast.platforms.base import Http
from clipcast.platforms.bluesky.errors import parse_response
from clipcast.platforms.bluesky.rules import APPVIEW, DIRECTORY
from clipcast.platforms.errors import InvalidRequest, PlatformAnswer
from clipcast.platforms.http import ambiguous_response


async def did_of(http: Http, handle: str) -> str:
    """Return the DID of a handle. Raise InvalidRequest if no account has it."""
    params = {"handle": handle.lower()}
    url = f"{APPVIEW}/com.atproto.identity.resolveHandle"
    return str(parse_response(await http.request("resolve", "GET", url, params=params, headers=UNSIGNED))["did"])


async def server_of(http: Http, did: str) -> str:
    """Return the origin of the account's current server, from its DID document: accounts move.

    Raises InvalidRequest if the DID does not exist or names no usable server.
    """
    if did.startswith("did:web:"):
        url = f"https://{did.removeprefix('did:web:')}/.well-known/did.json"
    else:
        url = f"{DIRECTORY}/{quote(did, safe=':')}"
    response = await http.request("did", "GET", url, headers=UNSIGNED)
    if response.status_code in (404, 410):
        raise _nowhere(did, response.status_code)
    try:
        services = response.json()["service"] if response.is_success else None
        found = [one["serviceEndpoint"] for one in services or () if one["id"].endswith("#atproto_pds")]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ambiguous_response(response) from None
    if services is None:
        raise ambiguous_response(response)
    if not found:
        raise _nowhere(did, 200)
    return origin_of(str(found[0]))


def origin_of(url: str) -> str:
    """Return the scheme and host of a server's URL. Raise InvalidRequest if it is invalid."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        parse_url(parts.geturl())
        usable = parts.hostname and parts.scheme in ("http", "https") and parts.username is None and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidRequest(
            "server_unknown", f"{url[:100]} is not a server's address.", actor="account_owner",
            fix="Give the server's host, such as bsky.social.",
        )  # fmt: skip
    return f"{parts.scheme}://{parts.netloc}"


def service_did(origin: str) -> str:
    """Return the server's DID, the audience of a token."""
    return "did:web:" + urlsplit(origin).netloc.replace(":", "%3A")


def _nowhere(did: str, status: int) -> InvalidRequest:
    return InvalidRequest(
        "account_unknown", f"The account {did[:100]} does not exist.", actor="account_owner", rejected=True,
        platform=PlatformAnswer(status), fix="Check the handle.",
    )  # fmt: skip


# The header of public look-ups, which need no token.
UNSIGNED = {"Authorization": ""}
