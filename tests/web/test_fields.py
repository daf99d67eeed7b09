"""Invalid values in every field of the app: an error beside the field, the typed value kept, and no change."""

from typing import Any

import pytest

from clipcast.common.ids import new_id
from clipcast.testing.harness import some_day
from tests.web.conftest import PASSWORD, Visitor, form

LONG = "x" * 101
SETTINGS = [
    ("keys", "name", {"name": "", "scopes": "posts:write", "days": "7"}, "Give a name"),
    ("keys", "name", {"name": LONG, "scopes": "posts:write", "days": "7"}, "Give a name of at most 100"),
    ("keys", "name", {"name": "a\x00b", "scopes": "posts:write", "days": "7"}, "cannot be stored (U+0000)"),
    ("keys", "scopes", {"name": "n8n", "days": "7"}, "at least one scope"),
    ("keys", "scopes", {"name": "n8n", "scopes": ["posts:write", "everything"], "days": "7"}, "from these scopes"),
    ("keys", "days", {"name": "n8n", "scopes": "posts:write", "days": "soon"}, "one of the lifetimes"),
    ("keys", "days", {"name": "n8n", "scopes": "posts:write", "days": "8"}, "one of the lifetimes"),
    ("invitations", "note", {"note": LONG, "role": "editor"}, "Give a name of at most 100"),
    ("invitations", "note", {"note": "a\x00b", "role": "editor"}, "cannot be stored (U+0000)"),
    ("invitations", "role", {"note": "Ann", "role": "emperor"}, "one of the roles"),
    ("name", "name", {"name": " "}, "Give a name"),
    ("name", "name", {"name": "\u200b\n"}, "Give a name"),
    ("name", "name", {"name": "a\x00b"}, "cannot be stored (U+0000)"),
    ("workspaces", "name", {"name": LONG}, "Give a name of at most 100"),
    ("workspaces", "name", {"name": "a\x00b"}, "cannot be stored (U+0000)"),
]
PAGES = {"keys": "developers/keys"}
IDS = {"keys": "key", "invitations": "invite", "name": "workspace", "workspaces": "another"}


@pytest.mark.parametrize(("path", "field", "typed", "said"), SETTINGS)
async def test_invalid_setting_shows_the_problem_beside_the_field(
    owner: Visitor, path: str, field: str, typed: dict[str, Any], said: str
) -> None:
    answer = await owner.post(f"./{PAGES.get(path, f'settings/{path}')}", typed)
    assert answer.status_code == 422
    beside = answer.text.split(f'id="{IDS[path]}-{field}-problem" role="alert">')[1].split("</small>")[0]
    assert said in beside
    # What was typed elsewhere is still there.
    assert "\x00" not in answer.text
    page, keys = (await owner.get("./settings")).text, (await owner.get("./developers/keys")).text
    assert 'role="alert"' not in page + keys
    assert ("No keys yet" in keys, "Invited:" in page, "Night Bakery" in page) == (True, False, True)


async def test_unknown_role_is_rejected(owner: Visitor) -> None:
    answer = await owner.post(f"./settings/members/{new_id()}", {"role": "emperor"})
    assert (answer.status_code, "Choose one of the roles" in answer.text) == (422, True)


@pytest.mark.parametrize("zone", ["Tokyo", "Mars/Olympus", "a\x00b", "+03:00"])
async def test_unknown_zone_shows_the_problem_beside_the_field(owner: Visitor, zone: str) -> None:
    answer = await owner.post("/account/zone", {"zone": zone})
    assert answer.status_code == 422
    assert 'id="zone-name-problem" role="alert"' in answer.text
    assert ("Did you mean Asia/Tokyo?" in answer.text) == (zone == "Tokyo")
    assert 'id="zone-name-problem"' not in (await owner.get("/account")).text
    assert (await owner.post("/account/zone", {"zone": "Asia/Tokyo"})).status_code == 303
    assert "Asia/Tokyo</a>" in (await owner.get(".")).text
    assert (await owner.post("/account/zone", {"zone": ""})).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [("wrong", PASSWORD + "-new", "old"), (PASSWORD, "short", "new"), (PASSWORD, "a\x00" + PASSWORD, "new"),
     ("a\x00b", PASSWORD + "-new", "old")],
)  # fmt: skip
async def test_wrong_password_shows_the_problem_beside_the_field(
    owner: Visitor, old: str, new: str, field: str
) -> None:
    answer = await owner.post("/account/password", {"old": old, "new": new})
    assert answer.status_code == 422
    assert f'id="{field}-problem" role="alert"' in answer.text
    assert (await owner.sign_in()).status_code == 303


@pytest.mark.parametrize(
    ("query", "field"),
    [("from=soon", "from"), ("to=2026-02-30", "to"), ("from=2026-05-02&to=2026-05-01", "to"),
     ("state=nonsense", "state"), ("account=nonsense", "account")],
)  # fmt: skip
async def test_invalid_filter_shows_the_problem_beside_the_field(owner: Visitor, query: str, field: str) -> None:
    answer = await owner.get(f"./posts?{query}")
    assert answer.status_code == 200
    assert f'id="{field}-problem" role="alert"' in answer.text


@pytest.mark.parametrize(
    ("at", "said"),
    [("soon", "Choose a day and a time."), ("", "Choose a day and a time."), ("a\x00b", "cannot be stored (U+0000)"),
     ("2020-01-01T10:00", "1 Jan 2020, 10:00 UTC has passed: it is "),
     ("9000-01-01T10:00", "days ahead, maximum 365. Choose an earlier time.")],
)  # fmt: skip
async def test_invalid_new_time_shows_the_problem_beside_the_field(
    owner: Visitor, desk: dict[str, Any], at: str, said: str
) -> None:
    typed = form(desk, when="later", at=f"{some_day()}T18:30")
    post = (await owner.post(f"./compose/{new_id()}/send", typed)).headers["hx-redirect"]
    answer = await owner.post(post + "/reschedule", {"at": at})
    assert answer.status_code == 422
    shown = answer.text.split('id="at-problem" role="alert">')[1].split("</small>")[0]
    assert said in shown
    assert "Z now" not in shown
    assert f'value="{some_day()}T18:30"' in (await owner.get(post)).text
