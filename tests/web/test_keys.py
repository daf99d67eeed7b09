"""The keyboard's list, and single keys that a person can turn off."""

from tests.web.conftest import Visitor


async def test_single_keys_are_listed_and_can_be_turned_off(owner: Visitor) -> None:
    listed = (await owner.get("/account/keys")).text
    for words in (
        "<kbd>G</kbd> <kbd>C</kbd>",
        "<kbd>G</kbd> <kbd>R</kbd>",
        "Undo the last move",
        "Everywhere",
        'href="/account#keys"',
    ):
        assert words in listed
    assert 'data-keys="off"' not in (await owner.get("./posts")).text
    assert (await owner.post("/account/keys", {})).headers["location"] == "/account#keys"
    assert 'data-keys="off"' in (await owner.get("./posts")).text
    page = (await owner.get("/account")).text
    assert 'name="keys" value="on" role="switch">' in page
    await owner.post("/account/keys", {"keys": "on"})
    assert 'data-keys="off"' not in (await owner.get("./posts")).text
    assert 'role="switch" checked' in (await owner.get("/account")).text


async def test_keyboards_list_needs_a_session(visitor: Visitor) -> None:
    assert (await visitor.get("/account/keys")).status_code == 303
