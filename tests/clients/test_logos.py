"""Logos of clients by the API: their address needs no key, and ends with the logo."""

import io
from uuid import UUID, uuid4

import pytest
from PIL import Image

from clipcast.audit.service import Actor
from clipcast.clients.logos import remove_logo, set_logo
from clipcast.common.problems import NotFound
from clipcast.installation import Installation
from clipcast.testing.harness import Caller

BY = Actor("user", UUID(int=1), "Owner", "")


async def test_address_of_a_logo_needs_no_key_and_ends_with_it(installation: Installation, caller: Caller) -> None:
    workspace = UUID(caller.workspace_id)
    made = (await caller.post("/clients", {"name": "Orbit", "timezone": "UTC"})).json()
    assert made["logo_url"] is None
    content = io.BytesIO()
    Image.new("RGBA", (300, 300), "#2c51de80").save(content, "PNG")
    await set_logo(installation, workspace, made["id"], content.getvalue(), BY)
    [shown] = (await caller.get("/clients")).json()["clients"]
    picture = await caller.http.get(shown["logo_url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(picture.content)) as logo:
        assert (logo.size, logo.mode) == ((192, 192), "RGBA")
    await set_logo(installation, workspace, made["id"], content.getvalue(), BY)
    assert (await caller.http.get(shown["logo_url"])).status_code == 410
    again = (await caller.get(f"/clients/{made['id']}")).json()["logo_url"]
    assert (await caller.http.get(again)).status_code == 200
    await remove_logo(installation, workspace, made["id"], BY)
    assert (await caller.http.get(again)).status_code == 410
    for unknown in (str(uuid4()), "x"):
        with pytest.raises(NotFound):
            await set_logo(installation, workspace, unknown, content.getvalue(), BY)
        with pytest.raises(NotFound):
            await set_logo(installation, uuid4(), made["id"], content.getvalue(), BY)
