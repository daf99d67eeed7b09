"""OAuth for agents: registered clients, and authorization codes that become API keys of a workspace.

Nothing is stored before a key exists. A client's id and a code are signed texts that hold what they stand for. A code
contains the id of the key that it becomes, so the database's primary key makes it valid once.

Clients are public: they have no secret, and prove by PKCE (RFC 7636) that the code is theirs.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.names import tidy_name
from clipcast.common.settings import Settings
from clipcast.common.vault import Vault
from clipcast.database.models.workspaces import ApiKey
from clipcast.people import repository
from clipcast.workspaces.service import SCOPES, create_key, revoke

CODE_LIFETIME = timedelta(minutes=2)
# A client's id is valid as long as the installation's secret key.
CLIENT_LIFETIME = timedelta(days=36_500)
REDIRECTS_MAX, REDIRECT_LENGTH_MAX, NAME_MAX = 10, 400, 80
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Schemes whose addresses run in the browser or read its files.
FORBIDDEN_SCHEMES = (
    "javascript",
    "data",
    "file",
    "blob",
    "about",
    "vbscript",
    "filesystem",
    "view-source",
    "ws",
    "wss",
)
SAFE_ADDRESS = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+=%-]+")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class OAuthError(Exception):
    """An error of the protocol: its name of RFC 6749, and a sentence."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message


@dataclass(frozen=True)
class Client:
    """A program that registered itself. Its name is its own claim."""

    id: str
    name: str
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True)
class Grant:
    """What a person granted to a client: the content of a code."""

    key_id: str
    client: str
    client_name: str
    redirect_uri: str
    challenge: str
    user_id: str
    workspace_id: str
    scopes: list[str]
    days: int


def is_offered(settings: Settings) -> bool:
    """Return whether clients can authorize by OAuth: the public URL is https, or of this machine."""
    return settings.public_url.scheme == "https" or (settings.public_url.host or "").strip("[]") in LOOPBACK


def resource_of(settings: Settings) -> str:
    """Return the identifier of the protected resource (RFC 9728)."""
    return f"{settings.public_base}/mcp"


def register(vault: Vault, name: str, redirect_uris: list[str]) -> Client:
    """Return a new client. Raises OAuthError for an address to which a code must not be sent."""
    if not 0 < len(redirect_uris) <= REDIRECTS_MAX:
        raise OAuthError("invalid_redirect_uri", f"Register 1 to {REDIRECTS_MAX} redirect_uris.")
    for address in redirect_uris:
        if problem := _redirect_problem(address):
            raise OAuthError("invalid_redirect_uri", f"{address[:100]!r} is not accepted: {problem}.")
    shown = tidy_name(name)[:NAME_MAX] or "Unnamed program"
    claim = {"oauth_client": {"name": shown, "redirect_uris": redirect_uris}}
    return Client(vault.sign(claim, CLIENT_LIFETIME), shown, tuple(redirect_uris))


def find_client(vault: Vault, client_id: str) -> Client | None:
    """Return the client of an id; None if this installation did not register it."""
    claim = vault.verify(client_id)
    found = claim and claim.get("oauth_client")
    return Client(client_id, found["name"], tuple(found["redirect_uris"])) if isinstance(found, dict) else None


def find_redirect(client: Client, address: str | None) -> str | None:
    """Return the address if the client registered it; without one, its only one. Loopback addresses may have any port.

    Programs listen on a port that the system chooses (RFC 8252, 7.3).
    """
    if address is None:
        return client.redirect_uris[0] if len(client.redirect_uris) == 1 else None
    if address in client.redirect_uris:
        return address
    if _redirect_problem(address):
        return None
    wanted = _without_port(address)
    return address if wanted and wanted in map(_without_port, client.redirect_uris) else None


def grant(
    vault: Vault, client: Client, redirect_uri: str, challenge: str, user_id: UUID, workspace_id: UUID,
    scopes: list[str], days: int,
) -> str:  # fmt: skip
    """Return the code with which the client gets its key."""
    given = Grant(
        str(new_id()), client_digest(client.id), client.name, redirect_uri, challenge, str(user_id),
        str(workspace_id), scopes, days,
    )  # fmt: skip
    return vault.sign({"oauth_code": asdict(given)}, CODE_LIFETIME)


def client_digest(client_id: str) -> str:
    return hashlib.sha256(client_id.encode()).hexdigest()


def read_code(vault: Vault, code: str, client_id: str, redirect_uri: str | None, verifier: str) -> Grant:
    """Return what a code grants. Raises OAuthError unless it is valid and this client's."""
    claim = vault.verify(code)
    found: Any = claim and claim.get("oauth_code")
    if not isinstance(found, dict):
        raise OAuthError("invalid_grant", "The code is wrong or has expired. Authorize again.")
    given = Grant(**found)
    if given.client != client_digest(client_id):
        raise OAuthError("invalid_grant", "The code belongs to another client.")
    if redirect_uri is not None and redirect_uri != given.redirect_uri:
        raise OAuthError("invalid_grant", "redirect_uri is not that of the authorization.")
    made = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    if not VERIFIER.fullmatch(verifier) or not compare_digest(made, given.challenge):
        raise OAuthError("invalid_grant", "code_verifier does not fit the code_challenge.")
    return given


async def redeem(session: AsyncSession, given: Grant) -> tuple[ApiKey, str | None]:
    """Create the key that a code grants, and return it with its secret.

    A code that comes twice was stolen: revoke the key of its first use, and return it without a secret. Raises
    OAuthError if the person may not grant a key any more.
    """
    key_id, workspace_id = UUID(given.key_id), UUID(given.workspace_id)
    members = await repository.lock_members(session, workspace_id)
    member = members.get(UUID(given.user_id))
    if member is None or member.role != "owner":
        raise OAuthError("invalid_grant", "The person who agreed is no owner of the workspace any more.")
    if (used := await session.get(ApiKey, key_id)) is not None:
        revoke(used)
        return used, None
    ends = clock.now() + timedelta(days=given.days) if given.days else None
    scopes = tuple(scope for scope in SCOPES if scope in given.scopes)
    return await create_key(session, given.client_name, [workspace_id], scopes, ends, key_id=key_id)


def _redirect_problem(address: str) -> str | None:
    if len(address) > REDIRECT_LENGTH_MAX:
        return f"it is longer than {REDIRECT_LENGTH_MAX} characters"
    if not SAFE_ADDRESS.fullmatch(address):
        return "it holds a fragment or a character that is not allowed"
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "it is no address"
    if parts.username is not None or parts.password is not None:
        return "it holds a user name"
    if parts.scheme == "https":
        return None if host else "it has no host"
    if parts.scheme == "http":
        return None if host in LOOPBACK else "only https, loopback addresses and schemes of programs are safe"
    if not parts.scheme or parts.scheme in FORBIDDEN_SCHEMES:
        return "its scheme is not allowed"
    return None


def _without_port(address: str) -> str | None:
    """Return a loopback address without its port; None for another address."""
    parts = urlsplit(address)
    if parts.scheme != "http" or (parts.hostname or "") not in LOOPBACK:
        return None
    return parts._replace(netloc=parts.hostname or "").geturl()
