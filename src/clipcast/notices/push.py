"""Push messages to browsers (RFC 8030): encrypted for one browser (RFC 8291), signed by the installation (RFC 8292)."""

import asyncio
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.jwk import ECKey
from yarl import URL

from clipcast.common.settings import Settings
from clipcast.common.storable import storable
from clipcast.notices.outcome import Delayed, Refused
from clipcast.platforms.addresses import parse_url
from clipcast.platforms.errors import PublishError
from clipcast.platforms.responses import ResponseTooLarge, ResponseUnreadable, read
from clipcast.platforms.transport import HttpClient, NotSent, ResponseLost

ADDRESS_MAX = 1000
# Bytes: every push service takes a body of 4096, of which the header, the padding's mark and the tag take 103.
CONTENT_MAX = 4096 - 103
RECORD = 4096
# Seconds for a request, and the most bytes of its response.
REQUEST_TIME = 15.0
RESPONSE_MAX = 16 * 1024
# For so long a push service keeps a message for a browser that is off.
KEPT = timedelta(days=1)
# The life of a signature, of which RFC 8292 allows a day.
SIGNED_FOR = timedelta(hours=12)
# Statuses after which the same request can succeed later.
PASSING = (408, 425, 429)
# The subscription has ended: the person took the permission back, or the browser is gone.
GONE = (404, 410)


class Gone(Exception):
    """The browser gets no more messages by this subscription."""


class SubscriptionError(ValueError):
    """What a browser sent is not a subscription. The message is for people."""


@dataclass(frozen=True)
class Subscription:
    """A browser's address at its push service, and its keys. All of it is secret."""

    address: str = field(repr=False)
    key: bytes = field(repr=False)
    auth: bytes = field(repr=False)

    @property
    def host(self) -> str:
        """The host of the push service."""
        return URL(self.address).host or ""

    @property
    def digest(self) -> bytes:
        return sha256(self.address.encode()).digest()

    @classmethod
    def of(cls, stored: Mapping[str, str]) -> "Subscription":
        """Return the subscription of `as_json`."""
        return cls(stored["endpoint"], decoded(stored["p256dh"]), decoded(stored["auth"]))

    def as_json(self) -> dict[str, str]:
        """Return the subscription as browsers write it."""
        return {"endpoint": self.address, "p256dh": encoded(self.key), "auth": encoded(self.auth)}


def read_subscription(endpoint: str, p256dh: str, auth: str) -> Subscription:
    """Return the subscription that a browser has sent. Raise SubscriptionError."""
    try:
        found = Subscription(endpoint, decoded(p256dh), decoded(auth))
        url = parse_url(endpoint)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), found.key)
    except ValueError as error:
        raise SubscriptionError("The browser's subscription cannot be read. Turn push messages on again.") from error
    if (
        url.scheme != "https"
        or not url.host
        or url.user
        or url.password
        or url.port != 443
        or len(endpoint) > ADDRESS_MAX
    ):
        raise SubscriptionError("The address of the push service is not an https address on port 443.")
    if len(found.auth) != 16:
        raise SubscriptionError("The browser's key has another length than 16 bytes.")
    return found


def make_key() -> str:
    """Return a new private key for the signatures of an installation, as PEM."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def public_key(private: str) -> str:
    """Return the public part of a key, as browsers want it when they subscribe."""
    return encoded(_point(_load(private).public_key()))


def encrypt(
    content: bytes, key: bytes, auth: bytes, own: ec.EllipticCurvePrivateKey | None = None, salt: bytes = b""
) -> bytes:
    """Return the body of a message: one record that only the browser can read (RFC 8291, 3; RFC 8188, 2).

    `own` and `salt` are new for each message, unless a test gives them.
    """
    if len(content) > CONTENT_MAX:
        raise ValueError(f"The message has {len(content)} bytes, maximum {CONTENT_MAX}.")
    own, salt = own or ec.generate_private_key(ec.SECP256R1()), salt or os.urandom(16)
    theirs, ours = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key), _point(own.public_key())
    secret = _derive(own.exchange(ec.ECDH(), theirs), auth, b"WebPush: info\0" + key + ours, 32)
    cipher = AESGCM(_derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16))
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    # The 2 marks the last record.
    return header + cipher.encrypt(nonce, content + b"\x02", None)


def authorization(private: str, address: str, contact: str, now: datetime) -> str:
    """Return the header that tells a push service who sends: the same installation as at the subscription."""
    claims = {
        "aud": str(URL(address).origin()), "exp": int((now + SIGNED_FOR).timestamp()), "sub": contact,
    }  # fmt: skip
    token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, ECKey.import_key(private))
    return f"vapid t={token}, k={public_key(private)}"


def contact_of(settings: Settings) -> str:
    """Return where a push service reaches the operator: a service of Apple takes no message without it."""
    if settings.mail_from:
        return f"mailto:{settings.mail_from.rpartition('<')[2].rstrip('>')}"
    return settings.public_base if settings.public_base.startswith("https://") else "mailto:operator@example.org"


async def send_push(
    client: HttpClient, subscription: Subscription, content: bytes, authorization: str, topic: str, urgent: bool
) -> None:
    """Send a message to one browser. One with the same `topic` that still waits at the push service is replaced.

    Raise Gone, Refused if the push service will never accept it, or Delayed if it may accept it later.
    """
    headers = {
        "Authorization": authorization, "Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream",
        "TTL": str(int(KEPT.total_seconds())), "Urgency": "high" if urgent else "normal", "Topic": topic_of(topic),
    }  # fmt: skip
    body = encrypt(content, subscription.key, subscription.auth)
    host = subscription.host
    try:
        async with asyncio.timeout(REQUEST_TIME):
            url = URL(subscription.address, encoded=True)
            response = await client.send("POST", url, headers, body, public_only=True)
            try:
                status = response.status_code
                await read(response, RESPONSE_MAX)
            finally:
                response.close()
    except TimeoutError as error:
        raise Delayed(f"{host} does not respond.") from error
    except (NotSent, ResponseLost) as error:
        raise Delayed(f"{host} cannot be reached.") from error
    except (ResponseTooLarge, ResponseUnreadable):
        pass  # the status says whether it was accepted
    except PublishError as error:  # the host has an address that is not public, or does not exist
        raise Refused(storable(error.message, 300)) from error
    if status in GONE:
        raise Gone
    if status >= 500 or status in PASSING:
        raise Delayed(f"{host} does not accept the message now ({status}).")
    if status >= 300:
        raise Refused(f"{host} rejects the message with {status}. Turn push messages on again on this device.")


def topic_of(name: str) -> str:
    """Return a name as a topic: at most 32 characters that say nothing."""
    return encoded(sha256(name.encode()).digest())[:32]


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes of base64 with or without its padding. Raise ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _load(private: str) -> ec.EllipticCurvePrivateKey:
    found: Any = serialization.load_pem_private_key(private.encode(), None)
    assert isinstance(found, ec.EllipticCurvePrivateKey)
    return found


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
