"""OAuth for agents: a program registers, a person agrees, and the program gets an API key."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from clipcast.clock import clock
from tests.web.conftest import Visitor

HOME = "http://127.0.0.1:33418/callback"
VERIFIER = "v" * 50
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ISSUER = "http://127.0.0.1:8000"


class Program:
    """A program that a person connects."""

    def __init__(self, http: httpx2.AsyncClient, person: Visitor) -> None:
        self.http, self.person = http, person
        self.id = ""

    async def register(self, *addresses: str, name: str = "Quill Agent") -> httpx2.Response:
        body = {"client_name": name, "redirect_uris": addresses or [HOME], "grant_types": ["refresh_token"]}
        answer = await self.http.post("/oauth/register", json=body)
        if answer.status_code == 201:
            self.id = answer.json()["client_id"]
        return answer

    def page(self, **changes: str | None) -> str:
        query = {
            "response_type": "code", "client_id": self.id, "redirect_uri": HOME, "state": "xyz",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256", "resource": f"{ISSUER}/mcp",
            "scope": "posts:read connections:read",
        } | changes  # fmt: skip
        return "/oauth/authorize?" + urlencode({name: value for name, value in query.items() if value is not None})

    async def authorize(self, page: str | None = None, **changes: Any) -> httpx2.Response:
        workspace = self.person.base.rsplit("/", 1)[1]
        form = {"workspace": workspace, "scopes": ["posts:read"], "days": "30", "decision": "allow"}
        return await self.person.post(page or self.page(), form | changes)

    async def exchange(self, code: str, /, **changes: str | None) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": HOME, "client_id": self.id,
            "code_verifier": VERIFIER,
        } | changes  # fmt: skip
        return await self.http.post("/oauth/token", data={name: one for name, one in form.items() if one is not None})


@pytest.fixture
async def program(http: httpx2.AsyncClient, owner: Visitor) -> Program:
    program = Program(http, owner)
    assert (await program.register()).status_code == 201
    return program


def sent_back(answer: httpx2.Response) -> dict[str, str]:
    """Return what the browser takes back to the program."""
    assert answer.status_code == 303, answer.text
    return {name: value[0] for name, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def test_program_gets_a_key_with_the_scopes_that_the_person_chose(program: Program, owner: Visitor) -> None:
    shown = await owner.get(program.page())
    assert shown.status_code == 200
    assert "<strong>Quill Agent</strong>" in shown.text
    assert "http://127.0.0.1:33418" in shown.text
    assert re.findall(r'value="([a-z:]+)" checked', shown.text) == ["posts:read", "connections:read"]
    assert "form-action 'self' http:;" in shown.headers["content-security-policy"]
    answer = await program.authorize()
    back = sent_back(answer)
    assert (back["state"], back["iss"]) == ("xyz", ISSUER)
    assert answer.headers["location"].startswith(HOME + "?")
    token = await program.exchange(back["code"])
    assert token.headers["cache-control"] == "no-store"
    granted = token.json()
    assert (granted["token_type"], granted["expires_in"], granted["scope"]) == ("Bearer", 30 * 86_400, "posts:read")
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    assert (await program.http.get("/api/v1/posts", headers=bearer)).status_code == 200
    assert (await program.http.get("/api/v1/connections", headers=bearer)).json()["code"] == "scope_missing"
    keys = (await owner.get("./developers/keys")).text
    assert "Quill Agent" in keys
    assert "key.created" in (await owner.get("./settings")).text
    revoke = re.search(r'action="([^"]+/revoke)"', keys)
    assert revoke
    await owner.post(revoke[1])
    assert (await program.http.get("/api/v1/posts", headers=bearer)).status_code == 401


async def test_code_that_comes_twice_revokes_its_key(program: Program) -> None:
    code = sent_back(await program.authorize())["code"]
    bearer = {"Authorization": f"Bearer {(await program.exchange(code)).json()['access_token']}"}
    again = await program.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await program.http.get("/api/v1/posts", headers=bearer)).status_code == 401


async def test_code_is_worth_nothing_to_others(program: Program) -> None:
    code = sent_back(await program.authorize())["code"]
    refused: tuple[tuple[dict[str, str | None], int, str], ...] = (
        ({"code_verifier": "w" * 50}, 400, "invalid_grant"),
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"code": "invented"}, 400, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:33418/other"}, 400, "invalid_grant"),
        ({"client_id": "invented"}, 401, "invalid_client"),
        ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
        ({"resource": "https://elsewhere.example/mcp"}, 400, "invalid_target"),
    )
    for changes, status, error in refused:
        answer = await program.exchange(code, **changes)
        assert (answer.status_code, answer.json()["error"]) == (status, error), changes
    # It is still worth something to the program.
    assert (await program.exchange(code)).status_code == 200


async def test_code_of_another_program_is_refused(program: Program) -> None:
    code = sent_back(await program.authorize())["code"]
    other = Program(program.http, program.person)
    await other.register(name="Other")
    assert (await other.exchange(code)).json()["error"] == "invalid_grant"


async def test_code_expires(program: Program) -> None:
    code = sent_back(await program.authorize())["code"]
    clock.move(timedelta(minutes=3))
    assert (await program.exchange(code)).json()["error"] == "invalid_grant"


async def test_person_who_is_no_owner_any_more_grants_nothing(
    program: Program, owner: Visitor, invited: Callable[[str], Awaitable[Visitor]]
) -> None:
    await invited("owner")
    code = sent_back(await program.authorize())["code"]
    members = re.findall(r'action="([^"]+/members/[^"/]+)#members"', (await owner.get("./settings")).text)
    for member in members:
        await owner.post(member, {"role": "editor"})
    assert (await program.exchange(code)).json()["error"] == "invalid_grant"


async def test_only_owners_can_agree(program: Program, invited: Callable[[str], Awaitable[Visitor]]) -> None:
    editor = await invited("editor")
    program.person = editor
    assert "Only the owner of a workspace" in (await editor.get(program.page())).text
    answer = await program.authorize()
    assert answer.status_code == 422
    assert sent_back(await program.authorize(decision="deny"))["error"] == "access_denied"


async def test_person_signs_in_first(program: Program, visitors: Callable[[], Visitor]) -> None:
    stranger = visitors()
    answer = await stranger.get(program.page())
    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["location"]).query)["next"] == [program.page()]
    assert (await stranger.post(program.page(), {"decision": "allow"})).status_code == 303


async def test_other_sites_cannot_agree_for_the_person(program: Program, owner: Visitor) -> None:
    owner.headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await program.authorize()).status_code == 403


async def test_form_names_what_is_missing(program: Program) -> None:
    for changes, error in (
        ({"scopes": []}, "Choose at least one scope."),
        ({"scopes": ["everything"]}, "Choose at least one scope."),
        ({"days": "10000"}, "Choose one of the lifetimes."),
        ({"workspace": "0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69"}, "Choose a workspace that you own."),
    ):
        answer = await program.authorize(**changes)
        assert answer.status_code == 422
        assert error in answer.text


async def test_invalid_request_goes_back_to_the_program(program: Program, owner: Visitor) -> None:
    for changes, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
    ):
        back = sent_back(await owner.get(program.page(**changes)))
        assert (back["error"], back["state"]) == (error, "xyz")


async def test_nothing_is_sent_to_an_unknown_address(program: Program, owner: Visitor) -> None:
    for changes in ({"client_id": "invented"}, {"redirect_uri": "https://attacker.example/"}):
        page = program.page(**changes)
        for answer in (await owner.get(page), await program.authorize(page)):
            assert answer.status_code == 400
            assert "location" not in answer.headers


async def test_code_goes_to_registered_addresses_only(program: Program) -> None:
    for registered, asked, is_accepted in (
        ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", True),
        ("http://localhost:1/cb", "http://localhost:2/cb", True),
        ("http://127.0.0.1/cb", "http://127.0.0.1:49152/other", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1.attacker.example/cb", False),
        ("https://agent.example/cb", "https://agent.example:8443/cb", False),
        ("cursor://anysphere.cursor-mcp/cb", "cursor://anysphere.cursor-mcp/cb", True),
        ("https://agent.example/cb?from=clipcast", "https://agent.example/cb?from=clipcast", True),
    ):
        assert (await program.register(registered)).status_code == 201
        answer = await program.authorize(program.page(redirect_uri=asked))
        assert (answer.status_code == 303) is is_accepted, asked
        if is_accepted:
            assert answer.headers["location"].startswith(asked)
            assert sent_back(answer)["code"]


async def test_unsafe_address_is_not_registered(program: Program) -> None:
    for address in (
        "http://agent.example/cb", "javascript:alert(1)", "data:text/html,x", "https://user@agent.example/", "https://",
        "https://agent.example/#top", "https://agent.example/a b", "//agent.example", "", "https://agent.example/;x",
        "https://agent.example/" + "x" * 400, "https://agent.example:99999999/",
    ):  # fmt: skip
        answer = await program.register(address)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri"), address


async def test_malformed_registration_is_refused(program: Program) -> None:
    bodies: tuple[Any, ...] = ([], {}, {"redirect_uris": "x"}, {"redirect_uris": []}, {"redirect_uris": [1]})
    for body in bodies:
        answer = await program.http.post("/oauth/register", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"] in ("invalid_redirect_uri", "invalid_client_metadata")


async def test_names_are_shown_as_text(program: Program, owner: Visitor) -> None:
    await program.register(name="<b>Bank\u202e</b>" + "x" * 200)
    shown = (await owner.get(program.page())).text
    assert "&lt;b&gt;Bank&lt;/b&gt;" in shown
    assert "<b>Bank" not in shown


async def test_documents_lead_a_program_to_the_addresses(http: httpx2.AsyncClient) -> None:
    resource = (await http.get("/.well-known/oauth-protected-resource/mcp")).json()
    assert resource == (await http.get("/.well-known/oauth-protected-resource")).json()
    assert (resource["resource"], resource["authorization_servers"]) == (f"{ISSUER}/mcp", [ISSUER])
    server = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert server["issuer"] == ISSUER
    assert server["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint"):
        assert server[name].startswith(f"{ISSUER}/oauth/")
