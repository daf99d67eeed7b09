"""The official client of the protocol authorizes itself by OAuth, and uses a tool with its key."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyHttpUrl, AnyUrl

from clipcast.installation import Installation
from clipcast.people import oauth
from mcp import Client
from tests.web.conftest import PASSWORD

HOME = "http://127.0.0.1:33418/callback"


class Memory:
    """What the client keeps."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@pytest.mark.usefixtures("cheap_passwords")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_client_authorizes_itself_with_a_persons_consent(
    served: str, installation: Installation, mode: str
) -> None:
    async with httpx2.AsyncClient(base_url=served, trust_env=False) as browser:
        owner = {"name": "Owner", "email": "owner@example.org", "password": PASSWORD, "workspace": "Night Bakery"}
        made = await browser.post("/setup", data=owner | {"code": installation.vault.setup_code()})
        workspace = made.headers["location"].rsplit("/", 1)[1]
        landed: list[str] = []

        async def agree(address: str) -> None:
            assert (await browser.get(address)).status_code == 200
            form = {"workspace": workspace, "scopes": ["posts:read"], "days": "7", "decision": "allow"}
            landed.append((await browser.post(address, data=form)).headers["location"])

        async def arrive() -> AuthorizationCodeResult:
            query = parse_qs(urlsplit(landed[-1]).query)
            return AuthorizationCodeResult(code=query["code"][0], state=query["state"][0], iss=query["iss"][0])

        memory = Memory()
        metadata = OAuthClientMetadata(client_name="Quill Agent", redirect_uris=[AnyUrl(HOME)])
        auth = OAuthClientProvider(f"{served}/mcp", metadata, memory, agree, arrive)
        async with httpx2.AsyncClient(auth=auth, trust_env=False, timeout=30) as http:
            transport = streamable_http_client(f"{served}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                found = await client.call_tool("list_posts", {})
                refused = await client.call_tool("list_connections", {})
        assert found.structured_content["posts"] == []
        assert refused.structured_content["error"]["code"] == "scope_missing"
        assert memory.tokens
        assert memory.tokens.access_token.startswith("clipcast_")
        assert len(landed) == 1
        shown = (await browser.get(f"/w/{workspace}/settings")).text
        assert "Quill Agent" in shown


@pytest.mark.parametrize(
    ("address", "offered"),
    [
        ("https://clips.example.org", True), ("http://127.0.0.1:8000", True), ("http://[::1]:8000", True),
        ("http://localhost", True), ("http://clips.internal", False), ("http://10.0.0.7:8000", False),
    ],
)  # fmt: skip
def test_oauth_is_offered_where_nobody_can_listen(installation: Installation, address: str, offered: bool) -> None:
    settings = installation.settings.model_copy(update={"public_url": AnyHttpUrl(address)})
    assert oauth.is_offered(settings) is offered
