"""The first run, signing in and out, sessions, and requests from other sites."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.database.models.people import User
from clipcast.installation import Installation
from clipcast.people.service import SESSION_LIFETIME
from tests.web.conftest import PASSWORD, Visitor


async def test_first_run_creates_the_owner_and_the_workspace(visitor: Visitor, installation: Installation) -> None:
    assert (await visitor.get("/")).headers["location"] == "/setup"
    answer = await visitor.set_up()
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Night Bakery" in (await visitor.get(visitor.base)).text
    assert (await visitor.get("/setup")).headers["location"] == "/"
    async with installation.database.session() as session:
        from sqlalchemy import select

        user = (await session.execute(select(User))).scalar_one()
    assert user.email == "owner@example.org"
    assert user.password_hash.startswith("$argon2id$")


async def test_second_first_run_is_rejected(owner: Visitor, visitors: Callable[[], Visitor]) -> None:
    second = await visitors().set_up(email="other@example.org")
    assert second.status_code == 422
    assert "already has an owner" in second.text


async def test_first_run_reports_all_problems_at_once(visitor: Visitor) -> None:
    answer = await visitor.set_up(name=" ", email="nobody", password="password12", workspace="")
    assert answer.status_code == 422
    for said in ("Give a name", "Give an e-mail address", "easy to guess", 'value="nobody"'):
        assert said in answer.text, said
    assert "password12" not in answer.text


@pytest.mark.parametrize("password", ["short", "harbourowner", "passwordpassword", "1234567890", "x" * 1001])
async def test_weak_password_is_rejected(visitor: Visitor, password: str) -> None:
    assert (await visitor.set_up(password=password)).status_code == 422


async def test_person_signs_in_and_out(owner: Visitor, visitors: Callable[[], Visitor]) -> None:
    browser = visitors()
    wrong = await browser.sign_in(password="wrong")
    assert (wrong.status_code, "password is wrong" in wrong.text) == (422, True)
    unknown = await browser.sign_in(email="nobody@example.org")
    assert "password is wrong" in unknown.text
    assert (await browser.sign_in(next=owner.base)).headers["location"] == owner.base
    assert (await browser.get(owner.base)).status_code == 200
    assert (await browser.post("/sign-out")).headers["location"] == "/sign-in"
    gone = await browser.get(owner.base)
    assert gone.headers["location"].startswith("/sign-in?next=%2Fw%2F")


async def test_cookie_with_https_is_bound_to_the_host(owner: Visitor, installation: Installation) -> None:
    from pydantic import AnyHttpUrl

    safe = installation.settings.model_copy(update={"public_url": AnyHttpUrl("https://clips.example.org")})
    object.__setattr__(installation, "settings", safe)
    cookie = (await owner.sign_in()).headers["set-cookie"]
    assert cookie.startswith("__Host-clipcast_session=")
    assert "Secure" in cookie


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"]
)
async def test_sign_in_redirects_to_no_other_site(owner: Visitor, target: str) -> None:
    assert (await owner.sign_in(next=target)).headers["location"] == "/"


async def test_sign_in_is_limited(owner: Visitor, visitors: Callable[[], Visitor]) -> None:
    browser = visitors()
    codes = [(await browser.sign_in(password="guess")).status_code for _ in range(12)]
    assert codes[:9] == [422] * 9
    last = await browser.sign_in()
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0


async def test_session_ends_after_its_lifetime(owner: Visitor, visitors: Callable[[], Visitor]) -> None:
    other = visitors()
    await other.sign_in()
    page = (await owner.get("/account")).text
    [session] = re.findall(r"/account/sessions/([\w-]+)/end", page)
    await owner.post(f"/account/sessions/{session}/end")
    assert (await other.get(owner.base)).status_code == 303
    assert (await owner.get(owner.base)).status_code == 200
    clock.move(SESSION_LIFETIME - timedelta(hours=1))
    used = await owner.get(owner.base)
    assert used.status_code == 200  # and it goes on, in the browser, too
    assert "clipcast_session=" in used.headers["set-cookie"]
    assert "set-cookie" not in (await owner.get(owner.base)).headers
    clock.move(timedelta(days=1))
    assert (await owner.get(owner.base)).status_code == 200
    clock.move(SESSION_LIFETIME + timedelta(hours=1))
    assert (await owner.get(owner.base)).status_code == 303


async def test_session_of_another_person_cannot_be_ended(owner: Visitor, invited) -> None:  # type: ignore[no-untyped-def]
    await invited("viewer")
    viewer = await invited("editor")
    page = (await owner.get("/account")).text
    assert "/account/sessions/" not in page  # the own one has no button
    import uuid

    assert (await viewer.post(f"/account/sessions/{uuid.uuid4()}/end")).status_code == 404


async def test_a_changed_password_ends_every_other_session(owner: Visitor, visitors: Callable[[], Visitor]) -> None:
    other = visitors()
    await other.sign_in()
    new = "plinth-orbit-93-walnut"
    weak = await owner.post("/account/password", {"old": PASSWORD, "new": "aaaaaaaaaa"})
    assert weak.status_code == 422
    wrong = await owner.post("/account/password", {"old": "wrong", "new": new})
    assert "current password is wrong" in wrong.text
    assert (await owner.post("/account/password", {"old": PASSWORD, "new": new})).status_code == 200
    assert (await other.get(owner.base)).status_code == 303
    assert (await owner.get(owner.base)).status_code == 200
    assert (await other.sign_in(password=new)).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://sub.example.org"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": "", "Origin": "http://[::1"},
    ],
)
@pytest.mark.parametrize("path", ["./settings/name", "/sign-out", "/account/zone", "/sign-in", "/setup"])
async def test_request_from_another_site_returns_403(owner: Visitor, path: str, headers: dict[str, str]) -> None:
    owner.headers = {name: value for name, value in headers.items() if value}
    answer = await owner.post(path, {"name": "Stolen", "zone": "UTC"})
    assert (answer.status_code, "The request came from another site" in answer.text) == (403, True)
    owner.headers = {}
    assert "Night Bakery" in (await owner.get(owner.base)).text


async def test_request_with_an_origin_only_is_accepted(owner: Visitor, installation: Installation) -> None:
    owner.headers = {"Origin": installation.settings.public_base}
    assert (await owner.post("/account/zone", {"zone": "UTC"})).status_code == 303


async def test_times_are_shown_in_the_chosen_zone(owner: Visitor) -> None:
    owner.client.cookies.set("clipcast_zone", "America/Sao_Paulo")
    assert "America/Sao_Paulo" in (await owner.get("./posts")).text
    assert (await owner.post("/account/zone", {"zone": "Europe/Lisbon"})).status_code == 303
    assert "Europe/Lisbon" in (await owner.get("./posts")).text
    assert (await owner.post("/account/zone", {"zone": "Mars/Olympus"})).status_code == 422
    await owner.post("/account/zone", {"zone": ""})
    owner.client.cookies.set("clipcast_zone", "../../etc/passwd")
    assert ">UTC<" in (await owner.get("./posts")).text


async def test_pages_carry_their_policy(owner: Visitor) -> None:
    for path in (".", "./compose", "./settings", "/sign-in", "/nowhere"):
        policy = (await owner.client.get(owner._at(path), follow_redirects=True)).headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


async def test_programs_get_problems_and_people_get_pages(owner: Visitor) -> None:
    assert (await owner.get("/api/v1/nowhere")).headers["content-type"] == "application/problem+json"
    page = await owner.get("/nowhere")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "This page does not exist." in page.text
    assert (await owner.client.delete("/api/v1/posts")).status_code == 405


async def test_ended_session_signals_open_pages_to_sign_in(visitor: Visitor) -> None:
    await visitor.set_up()
    visitor.client.cookies.clear()
    answer = await visitor.get(visitor.base + "/posts", **{"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-trigger"]) == (401, "sign-in-needed")
    again = await visitor.post(
        "/sign-in", {"email": "owner@example.org", "password": "wrong"}, **{"HX-Request": "true"}
    )
    assert "password is wrong" in again.text
    back = await visitor.post(
        "/sign-in", {"email": "owner@example.org", "password": PASSWORD}, **{"HX-Request": "true"}
    )
    assert (back.status_code, back.headers["hx-trigger"]) == (204, "signed-in")
