"""Several clips on several accounts, with own captions: posts and edits have exactly the typed captions."""

from typing import Any
from uuid import UUID

import pytest

from clipcast.common.ids import new_id
from clipcast.installation import Installation
from clipcast.posts import repository
from clipcast.testing.harness import some_day
from tests.web.browser import sent
from tests.web.conftest import Visitor

Details = dict[tuple[str, str], dict[str, Any]]


async def posted(installation: Installation, path: str) -> Details:
    """Return the metadata of a post's items, by clip and account."""
    async with installation.database.session() as session:
        items = await repository.get_items(session, UUID(path.rsplit("/", 1)[1]))
    return {(str(item.edit_id), str(item.connection_id)): item.details for item in items}


def nine(studio: dict[str, Any], **more: Any) -> dict[str, Any]:
    accounts = [studio["tiktok"], studio["youtube"], studio["instagram"]]
    return {
        "account": accounts, "clip": studio["clips"], "title": "Harbour", "text": "For all",
        f"account.{studio['tiktok']}.privacyLevel": "SELF_ONLY", "when": "now", "at": "", "zone": "UTC",
    } | more  # fmt: skip


async def publish(owner: Visitor, draft: str, form: dict[str, Any]) -> str:
    answer = await owner.post(draft + "/send", form)
    assert "hx-redirect" in answer.headers, answer.text
    return answer.headers["hx-redirect"]


async def test_compose_with_nine_targets_posts_the_shared_caption(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    draft = f"./compose/{new_id()}"
    saved = await owner.post(draft, nine(studio))
    assert saved.status_code == 200
    assert ">9 items</span>" in saved.text
    opened = await owner.get(draft)
    assert opened.status_code == 200
    details = await posted(installation, await publish(owner, draft, sent(opened.text)))
    assert len(details) == 9
    for (_, account), said in details.items():
        field = {studio["tiktok"]: "title", studio["youtube"]: "description", studio["instagram"]: "caption"}[account]
        assert said[field] == "For all"


async def test_compose_with_own_captions_posts_the_most_specific(
    owner: Visitor, installation: Installation, studio: dict[str, Any]
) -> None:
    one, two, three = studio["clips"]
    tiktok, youtube, instagram = studio["tiktok"], studio["youtube"], studio["instagram"]
    particular = f"{two}/{instagram}"
    typed = nine(studio) | {
        f"clip.{two}.text": "For the second",
        f"clip.{two}.title": "Second",
        "platform.youtube.description": "For YouTube",
        "own": [tiktok, particular, f"{three}/{tiktok}"],
        f"account.{tiktok}.title": "For TikTok",
        f"target.{particular}.caption": "For the second on Instagram",
        f"target.{three}/{tiktok}.privacyLevel": "PUBLIC_TO_EVERYONE",
    }
    draft = f"./compose/{new_id()}"
    page = (await owner.post(draft, typed)).text
    assert "For the second on Instagram" in page
    # FilledForm once, it is on the page, and sent from there unchanged.
    details = await posted(installation, await publish(owner, draft, sent((await owner.get(draft)).text)))
    assert details[one, instagram]["caption"] == details[three, instagram]["caption"] == "For all"
    assert details[two, instagram]["caption"] == "For the second on Instagram"
    assert details[two, youtube] == {"title": "Second", "description": "For YouTube"}
    assert details[one, youtube] == {"title": "Harbour", "description": "For YouTube"}
    assert details[one, tiktok] == details[two, tiktok] == {"title": "For TikTok", "privacyLevel": "SELF_ONLY"}
    assert details[three, tiktok] == {"title": "For TikTok", "privacyLevel": "PUBLIC_TO_EVERYONE"}


async def test_own_caption_of_the_only_remaining_clip_is_kept(owner: Visitor, studio: dict[str, Any]) -> None:
    one = studio["clips"][0]
    draft = f"./compose/{new_id()}"
    await owner.post(draft, nine(studio) | {f"clip.{one}.text": "Its own"})
    alone = sent((await owner.get(draft)).text) | {"clip": [one]}
    page = (await owner.post(draft, alone)).text
    again = await owner.post(draft, sent(page))
    assert "Its own" in again.text
    assert sent(again.text)[f"clip.{one}.text"] == ["Its own"]


@pytest.mark.parametrize("action", ["edit", "copy"])
@pytest.mark.parametrize("own", [False, True])
async def test_edit_and_copy_of_nine_items_keep_every_caption(
    owner: Visitor, installation: Installation, studio: dict[str, Any], action: str, own: bool
) -> None:
    typed = nine(studio, when="later", at=f"{some_day()}T18:30")
    if own:
        pairs = [f"{clip}/{account}" for clip in studio["clips"] for account in typed["account"]]
        fields = {studio["tiktok"]: "title", studio["youtube"]: "title", studio["instagram"]: "caption"}
        words = {f"target.{pair}.{fields[pair.split('/')[1]]}": f"Words {n}" for n, pair in enumerate(pairs)}
        typed |= {"own": pairs, "cell.shown": pairs, "cell": pairs[:-1]} | words
    first = await publish(owner, f"./compose/{new_id()}", typed)
    said = await posted(installation, first)
    assert len(said) == (8 if own else 9)
    assert len({str(one) for one in said.values()}) == (8 if own else 3)
    opened = await owner.get((await owner.post(f"{first}/{action}")).headers["location"])
    assert opened.status_code == 200
    form = sent(opened.text)
    # The title and the text that all share are where they were typed.
    assert (form["text"], form["title"]) == (([""], [""]) if own else (["For all"], ["Harbour"]))
    draft = str(opened.url.path)
    answer = await owner.post(draft, form)
    assert answer.status_code == 200
    # Saved twice without a touch, it still says the same.
    more = {"when": "later", "at": f"{some_day(5)}T18:30", "plan.shown": "later"}
    second = await publish(owner, draft, sent(answer.text) | more)
    assert await posted(installation, second) == said
    assert (await owner.get(first)).status_code == (303 if action == "edit" else 200)  # it leads to its successor
