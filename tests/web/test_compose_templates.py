"""Templates of posts: saved from a draft, used in another one, renamed and removed."""

import re
from typing import Any

from clipcast.common.ids import new_id
from tests.web.browser import sent
from tests.web.conftest import Visitor, form


def listed(page: str) -> dict[str, str]:
    """Return the ids of the dialog's templates by name."""
    found = re.findall(r'<strong><bdi>([^<]*)</bdi></strong>.*?/use/([\w-]+)"', page, re.DOTALL)
    return dict(found)


async def save(owner: Visitor, name: str, typed: dict[str, Any]) -> str:
    answer = await owner.post(f"./compose/{new_id()}/templates", typed | {"template_name": name})
    assert answer.status_code == 200
    return answer.text


async def test_template_brings_words_accounts_and_settings_but_no_clips_and_no_time(
    owner: Visitor, desk: dict[str, Any]
) -> None:
    typed = form(desk, title="Harbour", text="First light", when="later", at="2031-01-01T18:30")
    typed |= {f"account.{desk['tiktok']}.brandContentToggle": "on", "own": [f"{desk['clip']}/{desk['tiktok']}"]}
    typed |= {f"clip.{desk['clip']}.text": "Of this clip only"}
    shown = await save(owner, "  Mornings  ", typed)
    assert "1 account" in shown
    template = listed(shown)["Mornings"]

    draft = f"./compose/{new_id()}"
    other = {"clip": [desk["clip"]], "account": [desk["youtube"]], "text": "Typed before", "when": "now", "at": ""}
    used = await owner.post(f"{draft}/use/{template}", other | {"zone": "UTC", "page": "p1", "version": "0"})
    assert used.headers["hx-redirect"] == owner._at(draft)
    now = sent((await owner.get(draft)).text)
    assert (now["title"], now["text"], now["account"]) == (["Harbour"], ["First light"], [desk["tiktok"]])
    assert now[f"account.{desk['tiktok']}.privacyLevel"] == ["SELF_ONLY"]
    assert (now["clip"], now["when"]) == ([desk["clip"]], ["now"])
    assert "Of this clip only" not in str(now)
    # A late save of the page that was left does not bring back its words.
    late = await owner.post(draft, other | {"zone": "UTC", "page": "p1", "version": "0"})
    assert "conflict-title" in late.text
    assert sent((await owner.get(draft)).text)["text"] == ["First light"]


async def test_template_without_accounts_keeps_those_of_the_draft(owner: Visitor, desk: dict[str, Any]) -> None:
    template = listed(await save(owner, "Words", {"text": "Only words", "when": "now", "zone": "UTC"}))["Words"]
    draft = f"./compose/{new_id()}"
    await owner.post(f"{draft}/use/{template}", {"account": [desk["youtube"]], "when": "now", "zone": "UTC"})
    now = sent((await owner.get(draft)).text)
    assert (now["account"], now["text"]) == ([desk["youtube"]], ["Only words"])


async def test_templates_are_renamed_replaced_and_removed(owner: Visitor, desk: dict[str, Any]) -> None:
    await save(owner, "One", form(desk, text="First words"))
    await save(owner, "two <b>", form(desk))
    shown = await save(owner, "ONE", form(desk, text="Later words"))
    assert list(listed(shown)) == ["ONE", "two &lt;b&gt;"]
    assert "Later words" in shown
    assert "First words" not in shown
    one, two = listed(shown).values()
    own = f"./compose/{new_id()}/templates"
    for name, problem in (("oNe", "Another template is called"), (" ", "The name is empty."), ("x" * 61, "Too long")):
        assert problem in (await owner.post(f"{own}/{two}/rename", {"name": name})).text
    assert "The name is empty." in await save(owner, "", form(desk))
    assert list(listed((await owner.post(f"{own}/{one}/rename", {"name": "Aone"})).text)) == ["Aone", "two &lt;b&gt;"]
    assert listed((await owner.post(f"{own}/{two}/delete")).text) == {"Aone": one}
    for path in (f"{own}/{two}/delete", f"{own}/x/rename", f"./compose/{new_id()}/use/{two}"):
        assert (await owner.post(path, {"name": "x", "when": "now", "zone": "UTC"})).status_code == 404


async def test_viewer_has_no_templates(owner: Visitor, desk: dict[str, Any], invited: Any) -> None:
    template = listed(await save(owner, "One", form(desk)))["One"]
    viewer = await invited("viewer")
    for path in (f"templates/{template}/delete", f"use/{template}", "templates"):
        assert (await viewer.post(f"./compose/{new_id()}/{path}", form(desk))).status_code == 403


async def test_template_of_another_workspace_is_not_found(owner: Visitor, desk: dict[str, Any]) -> None:
    template = listed(await save(owner, "One", form(desk)))["One"]
    other = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    path = f"{other}/compose/{new_id()}"
    assert (await owner.post(f"{path}/use/{template}", {"when": "now", "zone": "UTC"})).status_code == 404
    assert listed((await owner.get(f"{path}/templates")).text) == {}
