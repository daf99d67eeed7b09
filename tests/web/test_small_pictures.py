"""Pictures of accounts on pages: beside the initials, for those who see the account."""

import io
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from PIL import Image

from clipcast.connections.avatar_runner import avatars_part
from clipcast.installation import Installation
from clipcast.publishing.worker import Worker
from tests.web.conftest import PASSWORD, Visitor, connect

PICTURE = re.compile(
    r'<img src="([^"]+/avatar\?v=[^"]+)" alt="" loading="lazy" decoding="async" width="48" height="48">'
)


async def fetch_pictures(installation: Installation) -> None:
    one = installation
    worker = Worker(one.settings, one.database, one.storage, one.vault, [avatars_part(one)])
    await worker.run_due()
    await worker.close()


async def test_picture_stands_over_the_initials_and_browsers_keep_it(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    assert not PICTURE.search((await owner.get("./accounts")).text)
    await fetch_pictures(installation)
    await connect(owner, installation, "bluesky")
    page = (await owner.get("./accounts")).text
    # The account without a picture has its initials, and the others have them below.
    assert page.count('class="account-avatar"') == 3
    assert page.count('aria-hidden="true">HF') == 3
    addresses = PICTURE.findall(page)
    assert len(set(addresses)) == 2
    for address in addresses:
        shown = await owner.get(address)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
        assert shown.headers["cache-control"] == "private, max-age=31536000, immutable"
        with Image.open(io.BytesIO(shown.content)) as picture:
            assert (picture.format, picture.size) == ("WEBP", (96, 96))
        assert len(shown.content) < 4000
        plain = await owner.get(address.partition("?")[0])
        assert "immutable" not in plain.headers["cache-control"]
        about = address.partition("/avatar")[0]
        assert address in (await owner.get(about)).text


async def test_only_who_sees_the_account_sees_its_picture(
    owner: Visitor,
    installation: Installation,
    desk: dict[str, Any],
    visitors: Callable[[], Visitor],
) -> None:
    await fetch_pictures(installation)
    path = f"./accounts/{desk['tiktok']}/avatar"
    assert (await owner.get(path)).status_code == 200
    for wrong in (f"./accounts/{UUID(int=1)}/avatar", "./accounts/x/avatar"):
        assert (await owner.get(wrong)).status_code == 404
    second = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    assert (await owner.get(second + path[1:])).status_code == 404
    stranger = visitors()
    assert (await stranger.get(owner._at(path))).status_code == 303
    client = (await owner.post("./clients", {"name": "Orbit", "timezone": "UTC"})).headers["location"].split("/")[-2]
    await owner.post(f"./clients/{client}/accounts", {"account": desk["youtube"]})
    limited = {"sees": "some", "client": client, "role": "editor", "note": "Newcomer"}
    made = await owner.post("./settings/invitations", limited)
    member, link = visitors(), made.text.split('id="new-invitation">')[1].split("<")[0]
    await member.post(link, {"name": "Bo", "email": "bo@example.org", "password": PASSWORD})
    seen = [owner._at(f"./accounts/{desk[one]}/avatar") for one in ("youtube", "tiktok")]
    assert [(await member.get(one)).status_code for one in seen] == [200, 404]
