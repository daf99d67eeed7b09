"""Bluesky's OAuth against a real server: pushed request, consent, proofs, scopes, refresh, replay."""

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
import pytest

from clipcast.cli.browser import answer
from clipcast.connections.links import make_link
from clipcast.connections.tokens import from_fields
from clipcast.database.models.connections import Connection
from clipcast.platforms.bluesky.oauth import BlueskyOAuth
from clipcast.platforms.client import http_of
from clipcast.platforms.errors import ReconnectNeeded
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.transport import HttpClient
from clipcast.testing.harness import Stage
from tests.real_pds.conftest import RealPds

pytestmark = pytest.mark.real_pds


def consent(pds: RealPds, url: str) -> str:
    """Signs in and allows everything on the server's own page; where the browser is sent back to."""
    with httpx2.Client(trust_env=False) as browser:
        headers = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "none"}
        page = browser.get(url, headers=headers)
        assert page.is_success, page.text
        api = f"{pds.url}/@atproto/oauth-provider/~api"
        same = {"sec-fetch-mode": "same-origin", "sec-fetch-dest": "empty", "sec-fetch-site": "same-origin"}
        # They are meant for https alone, so they are carried by hand.
        cookies = [line.split(";")[0] for line in page.headers.get_list("set-cookie")]
        csrf = next(cookie.partition("=")[2] for cookie in cookies if "csrf" in cookie)
        sent = same | {"origin": pds.url, "referer": url, "x-csrf-token": csrf, "cookie": "; ".join(cookies)}
        credentials = {"locale": "en", "username": pds.handle, "password": "the-account's-own", "remember": False}
        signed_in = browser.post(f"{api}/sign-in", json=credentials, headers=sent)
        assert signed_in.is_success, signed_in.text
        bearer = {"authorization": f"Bearer {signed_in.json()['ephemeralToken']}"}
        body = {"did": pds.did, "scope": " ".join(BlueskyOAuth.required_scopes)}
        allowed = browser.post(f"{api}/consent", json=body, headers=sent | bearer)
        assert allowed.is_success, allowed.text
        return str(allowed.json()["url"])


async def connect(stage: Stage, pds: RealPds) -> str:
    mounts = {stage.installation.settings.public_base: stage.caller.http._transport}
    async with httpx2.AsyncClient(mounts=mounts, trust_env=False) as browser:
        page = await browser.get(make_link(stage.installation, UUID(stage.caller.workspace_id), "bluesky", "oauth"))
        away = await answer(browser, page, pds.handle)
        assert away is not None
        url = away.headers["location"].removeprefix(stage.sandbox.url + "/")
        back = consent(pds, url)
        # The server's page goes on to `redirect_uri` with the rest.
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        done = await browser.get(query.pop("redirect_uri"), params=query)
    assert done.status_code == 200, done.text
    [found] = (await stage.caller.get("/connections")).json()["connections"]
    assert (found["account_id"], found["username"]) == (pds.did, pds.handle)
    return str(found["id"])


async def test_a_post(real_stage: Stage, pds: RealPds) -> None:
    metadata = {"text": "Tide", "threadgate": ["followers"], "disableEmbedding": True}
    post_id = await real_stage.post(await connect(real_stage, pds), "bluesky", metadata)
    await real_stage.run_until_ended()
    item = await real_stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)
    [record] = pds.posts()
    assert record["uri"] == item["platform_post_id"]


async def test_a_refresh_token_is_good_once(real_stage: Stage, pds: RealPds) -> None:
    connection, installation = await connect(real_stage, pds), real_stage.installation
    async with installation.database.session() as session:
        row = await session.get_one(Connection, UUID(connection))
    tokens = from_fields(installation.vault.open(row.tokens))
    sign_in, platform = PLATFORMS["bluesky"].sign_in_method("oauth"), PLATFORMS["bluesky"]
    app = BlueskyOAuth().own_app(installation.settings.public_base, b"")
    async with HttpClient() as client:
        http = http_of(platform, client, installation.settings)
        fresh = await sign_in.refresh(http, app, tokens)
        assert fresh.refresh_token != tokens.refresh_token
        with pytest.raises(ReconnectNeeded):
            await sign_in.refresh(http, app, tokens)
        with pytest.raises(ReconnectNeeded):  # and the replay has ended the whole sign-in
            await sign_in.refresh(http, app, fresh)
