"""Push messages: only the browser can read them, only public addresses get them, each device once."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import delete, func, select
from yarl import URL

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.notices import NoticeChannel, NoticeEntry, PushDevice, PushKey
from clipcast.database.models.people import SignInSession
from clipcast.notices import devices, push, service
from clipcast.notices.habits import GATHER, Habits
from clipcast.notices.outcome import Delayed, Refused
from clipcast.notices.push import Subscription, SubscriptionError, encrypt, read_subscription, send_push
from clipcast.platforms.transport import HttpClient, Incoming
from tests.notices.conftest import Office

MINUTE = timedelta(minutes=1)
HOST = "push.example.net"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class BrowserOfTests:
    """A browser: its keys, and the messages that it could read."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"sixteen bytes ok"
    read: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    # What the push service responds for it.
    status: int = 201

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> Subscription:
        return read_subscription(f"https://{HOST}/send/{self.name}", encoded(self.public), encoded(self.auth))

    def decrypt(self, body: bytes) -> bytes:
        """Decrypt a body by the library of the standard's author, which Clipcast does not use."""
        import http_ece

        found: bytes = http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        return found


@dataclass
class PushService:
    """A push service on a real socket, and its browsers by name."""

    browsers: dict[str, BrowserOfTests] = field(default_factory=dict)
    port: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def browser(self, name: str) -> BrowserOfTests:
        self.browsers[name] = BrowserOfTests(name)
        return self.browsers[name]

    async def respond(self, request: web.Request) -> web.Response:
        browser, body = self.browsers[request.path.rpartition("/")[2]], await request.read()
        if browser.status < 300:
            browser.bodies.append(body)
            browser.read.append(json.loads(browser.decrypt(body)))
            browser.headers.append(dict(request.headers))
        return web.Response(status=browser.status, body=self.body, headers=self.headers)


class Rerouted(HttpClient):
    """The client with the push service at a port of this machine."""

    port = 0

    async def send(
        self, method: str, url: URL, headers: Any, content: Any = None, public_only: bool = False
    ) -> Incoming:
        assert public_only, "the host of a push service is not checked"
        assert (url.scheme, url.host, method) == ("https", HOST, "POST")
        return await super().send(method, URL(f"http://127.0.0.1:{self.port}{url.raw_path}"), headers, content)


@pytest.fixture
async def pushes() -> AsyncIterator[PushService]:
    made = PushService()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.respond)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
def client(pushes: PushService) -> Callable[[], HttpClient]:
    def make() -> HttpClient:
        made = Rerouted(named=True)
        made.port = pushes.port
        return made

    return make


@pytest.fixture
async def phones(office: Office, pushes: PushService, client: Callable[[], HttpClient]) -> PushService:
    """Return the push service with two devices of the owner, who gets no e-mails."""
    office.client = client
    for name in ("phone", "desk"):
        await add(office, pushes.browser(name))
    async with office.installation.database.begin() as session:
        mine = office.workspaces["Night Bakery"]
        await service.choose_events(session, office.users["owner"], mine, "email", [])
    return pushes


async def add(office: Office, browser: BrowserOfTests, user: str = "owner", session_id: UUID | None = None) -> UUID:
    """Have a person turn push messages on, in a new session if none is named. Return the session's id."""
    own = office.users[user]
    async with office.installation.database.begin() as session:
        if session_id is None:
            made = SignInSession(
                digest=new_id().bytes, user_id=own, address="", agent="", expires_at=clock.now() + timedelta(days=30)
            )
            session.add(made)
            await session.flush()
            session_id = made.id
        vault = office.installation.vault
        await devices.add_device(session, vault, own, session_id, browser.name, browser.subscription)
    return session_id


async def held(office: Office, user: str = "owner") -> dict[str, PushDevice]:
    async with office.installation.database.session() as session:
        return {one.agent: one for one in await devices.devices_of(session, office.users[user])}


async def tell_and_send(office: Office, *types: str, **data: Any) -> None:
    await office.tell(*types, **data)
    clock.move(GATHER)
    await office.send()


def test_message_equals_the_example_of_the_standard() -> None:
    """RFC 8291, appendix A."""
    own = ec.derive_private_key(
        int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    body = encrypt(
        b"When I grow up, I want to be a watermelon", decoded(key), decoded("BTBZMqHH6r4Tts7J_aSIgg"), own,
        decoded("DGv6ra1nlYgDCS1FRnbzlw"),
    )  # fmt: skip
    assert encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


async def test_each_device_gets_a_message_that_only_it_can_read(office: Office, phones: PushService) -> None:
    """It leads to the post, holds nothing secret, and is signed for its push service."""
    post = str(new_id())
    await tell_and_send(office, "item.failed", "item.failed", post_id=post)
    workspace = office.workspaces["Night Bakery"]
    for browser in phones.browsers.values():
        [message] = browser.read
        assert message == {
            "title": "2 items have failed: Night Bakery", "body": "A post: The video is too long.",
            "path": f"/w/{workspace}/posts/{post}", "tag": post, "badge": 0,
        }  # fmt: skip
        [headers] = browser.headers
        assert (headers["TTL"], headers["Urgency"], headers["Content-Encoding"]) == ("86400", "high", "aes128gcm")
        assert len(headers["Topic"]) == 32
        assert post not in headers["Topic"]
        token, _, key = headers["Authorization"].removeprefix("vapid t=").partition(", k=")
        point = decoded(key)
        public = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": encoded(point[1:33]), "y": encoded(point[33:])})
        claims = jwt.decode(token, public, algorithms=["ES256"]).claims
        assert claims["aud"] == f"https://{HOST}"
        assert claims["sub"] == "mailto:clipcast@example.org"
        assert 0 < claims["exp"] - clock.now().timestamp() <= 24 * 3600
    [phone], [desk] = (browser.bodies for browser in phones.browsers.values())
    assert b"items" not in phone
    with pytest.raises(Exception, match="InvalidTag"):
        phones.browsers["desk"].decrypt(phone)
    assert phone[:16] != desk[:16], "the salt is new for each message"
    assert all(one.sent_at and one.error is None for one in (await held(office)).values())


async def test_keys_are_encrypted_in_the_database(office: Office, phones: PushService) -> None:
    """Neither the installation's private key nor a browser's address can be read there."""
    await tell_and_send(office, "item.failed")
    async with office.installation.database.session() as session:
        private = (await session.scalars(select(PushKey.private))).one()
        stored = (await session.scalars(select(PushDevice.subscription))).all()
    assert b"PRIVATE KEY" not in private
    assert str(office.installation.vault.open(private)).startswith("-----BEGIN PRIVATE KEY-----")
    assert not [one for one in stored if HOST.encode() in one or encoded(b"sixteen").encode() in one]
    assert HOST + "/send" not in repr(phones.browsers["phone"].subscription)


@pytest.mark.parametrize("status", [404, 410])
async def test_ended_subscription_is_deleted(office: Office, phones: PushService, status: int) -> None:
    phones.browsers["phone"].status = status
    await tell_and_send(office, "item.failed")
    assert set(await held(office)) == {"desk"}
    assert len(phones.browsers["desk"].read) == 1
    async with office.installation.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(NoticeEntry)) == 0


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_repetition_reaches_only_the_device_that_has_not_got_it(
    office: Office, phones: PushService, status: int
) -> None:
    phones.browsers["phone"].status = status
    await tell_and_send(office, "item.failed")
    assert f"({status})" in str((await held(office))["phone"].error)
    phones.browsers["phone"].status = 201
    clock.move(MINUTE)
    await office.send()
    assert [len(browser.read) for browser in phones.browsers.values()] == [1, 1]
    assert (await held(office))["phone"].error is None


@pytest.mark.parametrize("status", [302, 400, 403, 413])
async def test_refused_message_is_not_repeated(office: Office, phones: PushService, status: int) -> None:
    """The device's line says so. The message counts as sent, since another device has it."""
    phones.headers = {"Location": "http://127.0.0.1/"}
    phones.browsers["phone"].status = status
    await tell_and_send(office, "item.failed")
    clock.move(MINUTE)
    assert await office.send() == 0
    assert f"rejects the message with {status}" in str((await held(office))["phone"].error)
    async with office.installation.database.session() as session:
        channel = (await session.scalars(select(NoticeChannel).where(NoticeChannel.channel == "push"))).one()
    assert channel.error is None


async def test_device_gets_the_message_later_though_another_one_refuses_it(office: Office, phones: PushService) -> None:
    phones.browsers["phone"].status, phones.browsers["desk"].status = 403, 503
    await tell_and_send(office, "item.failed")
    phones.browsers["desk"].status = 201
    clock.move(MINUTE)
    await office.send()
    assert [len(browser.read) for browser in phones.browsers.values()] == [0, 1]


async def test_message_that_no_device_got_is_not_sent(office: Office, phones: PushService) -> None:
    for browser in phones.browsers.values():
        browser.status = 410
    await tell_and_send(office, "item.failed")
    async with office.installation.database.session() as session:
        channel = (await session.scalars(select(NoticeChannel).where(NoticeChannel.channel == "push"))).one()
        assert await session.scalar(select(func.count()).select_from(NoticeEntry)) == 0
    assert channel.sent_at is None
    assert channel.error == "No device gets push messages any more. Turn them on again on a device."


async def test_quiet_hours_and_choices_hold_for_push(office: Office, phones: PushService) -> None:
    """By default a device shows what needs somebody. What else is chosen waits for the end of the quiet hours."""
    async with office.installation.database.begin() as session:
        owner, now = office.users["owner"], clock.now()
        zone = ZoneInfo("UTC")
        quiet = ((now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time())
        await service.choose_habits(session, owner, Habits(zone, quiet))
    await tell_and_send(office, "review.approved")
    assert not phones.browsers["phone"].read
    async with office.installation.database.begin() as session:
        mine = office.workspaces["Night Bakery"]
        await service.choose_events(session, owner, mine, "push", ["review.approved", "item.failed"])
    await tell_and_send(office, "review.approved", "item.failed")
    assert [one["title"] for one in phones.browsers["phone"].read] == ["1 item has failed: Night Bakery"]
    clock.move(timedelta(hours=1))
    await office.send()
    assert phones.browsers["phone"].read[1]["title"] == "1 post is approved: Night Bakery"
    assert phones.browsers["phone"].headers[1]["Urgency"] == "normal"


async def test_many_posts_are_one_message_that_leads_to_the_notices(office: Office, phones: PushService) -> None:
    await tell_and_send(office, *["item.failed"] * 5)
    [message] = phones.browsers["phone"].read
    assert message["path"] == f"/w/{office.workspaces['Night Bakery']}/notices"
    assert message["body"].count("\n") == 3
    assert message["body"].endswith("and 2 more")


async def test_longest_message_fits(office: Office, phones: PushService) -> None:
    """Four-byte characters in every text stay below the 4096 bytes that push services take."""
    for _ in range(3):
        await office.tell("item.failed", error={"message": "🌊" * 5000})
    clock.move(GATHER)
    await office.send()
    [body] = phones.browsers["phone"].bodies
    assert 2000 < len(body) <= 4096


async def test_device_ends_with_its_session(office: Office, phones: PushService) -> None:
    """Signing out, or being signed out, ends the messages. Without a device, nothing waits."""
    async with office.installation.database.begin() as session:
        await session.execute(delete(SignInSession))
    assert await held(office) == {}
    await tell_and_send(office, "item.failed")
    assert not phones.browsers["phone"].read
    async with office.installation.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(NoticeEntry)) == 0


async def test_browser_belongs_to_whom_turned_it_on_last(office: Office, phones: PushService) -> None:
    """And a session has one subscription; a person has at most some devices."""
    await office.member("editor", "editor")
    await add(office, phones.browsers["phone"], "editor")
    assert set(await held(office)) == {"desk"}
    assert set(await held(office, "editor")) == {"phone"}
    for _ in range(2):
        for name in ("new", "newer"):
            session_id = await add(office, phones.browser(name))
        await add(office, phones.browser("newest"), session_id=session_id)
    assert set(await held(office)) == {"desk", "new", "newest"}
    for number in range(devices.DEVICES_MAX):
        await add(office, phones.browser(f"tablet {number}"))
    assert set(await held(office)) == {f"tablet {number}" for number in range(devices.DEVICES_MAX)}


async def test_test_message_reaches_devices(office: Office, phones: PushService) -> None:
    async with office.installation.database.begin() as session:
        await service.send_test(session, office.users["owner"], office.workspaces["Night Bakery"], "push")
    await office.send()
    [message] = phones.browsers["phone"].read
    assert message["title"] == "Test message: Night Bakery"
    assert message["body"] == "Push messages arrive on this device."


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.net/x", "https://user:password@push.example.net/x", "https://push.example.net:8443/x",
        "file:///etc/passwd", "https:///x", "", "https://xn--a/x", "https://127.1/x",
        "https://push.example.net/" + "x" * 1000,
    ],
)  # fmt: skip
def test_other_addresses_are_no_subscription(endpoint: str) -> None:
    browser = BrowserOfTests("x")
    with pytest.raises(SubscriptionError):
        read_subscription(endpoint, encoded(browser.public), encoded(browser.auth))


@pytest.mark.parametrize(
    ("key", "auth"), [("", "x"), ("AAAA", encoded(b"a" * 16)), (encoded(b"\x04" + b"1" * 64), encoded(b"a" * 16))]
)
def test_other_keys_are_no_subscription(key: str, auth: str) -> None:
    with pytest.raises(SubscriptionError):
        read_subscription(f"https://{HOST}/x", key, auth)
    with pytest.raises(SubscriptionError):
        read_subscription(f"https://{HOST}/x", encoded(BrowserOfTests("x").public), encoded(b"short"))


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "localhost"])
async def test_private_address_is_refused_before_a_connection(host: str) -> None:
    """At each sending, after the look-up."""
    browser = BrowserOfTests("x")
    subscription = read_subscription(f"https://{host}/x", encoded(browser.public), encoded(browser.auth))
    async with HttpClient(named=True) as client:
        with pytest.raises(Refused, match="private network"):
            await send_push(client, subscription, b"{}", "vapid", "topic", True)


async def test_endless_and_silent_responses_are_cut_off(
    pushes: PushService, client: Callable[[], HttpClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status of a long response counts. A service that does not respond gets the message again later."""
    browser = pushes.browser("phone")
    pushes.body = b"x" * 1_000_000
    async with client() as http:
        await send_push(http, browser.subscription, b"{}", "vapid", "topic", True)
        assert browser.read == [{}]
        monkeypatch.setattr(push, "REQUEST_TIME", 0.0)
        with pytest.raises(Delayed, match="does not respond"):
            await send_push(http, browser.subscription, b"{}", "vapid", "topic", True)
