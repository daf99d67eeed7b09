"""The options of accounts, as their platforms return them."""

from clipcast.testing.harness import Caller, Stage


async def options(stage: Stage, platform: str) -> dict:
    connection = await stage.connect(platform)
    response = await stage.caller.get(f"/connections/{connection}/options")
    assert response.status_code == 200, response.text
    assert response.json()["platform"] == platform
    return response.json()["options"]


async def test_options_of_each_platform_are_returned(stage: Stage) -> None:
    tiktok = await options(stage, "tiktok")
    assert tiktok["privacyLevel"] == ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    youtube = await options(stage, "youtube")
    assert {"id": "22", "title": "People & Blogs"} in youtube["categoryId"]
    assert {"id": "18", "title": "Short Movies"} not in youtube["categoryId"]
    assert youtube["playlistId"]
    assert [board["title"] for board in (await options(stage, "pinterest"))["boardId"]] == ["Harbours", "Recipes"]
    assert (await options(stage, "instagram"))["quota"] == {"used": 0, "total": 50, "seconds": 86_400}
    assert (await options(stage, "threads"))["quota"]["total"] == 250


async def test_options_of_unavailable_account_return_503_409_or_404(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    await stage.sandbox.fault("tiktok", "creator_info", "before", "status", status=503)
    down = await stage.caller.get(f"/connections/{connection}/options")
    assert (down.status_code, down.json()["code"]) == (503, "platform_unavailable")
    assert int(down.headers["retry-after"]) >= 1
    await stage.sandbox.change_account("tiktok", revoked=True)
    gone = await stage.caller.get(f"/connections/{connection}/options")
    assert (gone.status_code, gone.json()["code"]) == (409, "connection_not_usable")
    other = await Caller.create(stage.installation, stage.caller.http, "Other")
    assert (await other.get(f"/connections/{connection}/options")).status_code == 404
