"""Signatures in captions, and hashtags as people type them."""

import pytest
from pydantic_core import PydanticCustomError

from clipcast.clients.schemas import TAGS_MAX
from clipcast.clients.words import read_tags, with_signature
from clipcast.common.ids import new_id
from clipcast.testing.harness import Caller


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Tide", "Tide\n\nMade in Lisbon"),
        ("", "Made in Lisbon"),
        ("Tide\n\n#sea #harbour", "Tide\n\nMade in Lisbon\n\n#sea #harbour"),
        ("Tide\n#sea\n\n#harbour\n", "Tide\n\nMade in Lisbon\n\n#sea\n\n#harbour"),
        ("#sea #harbour", "Made in Lisbon\n\n#sea #harbour"),
        ("We love #sea", "We love #sea\n\nMade in Lisbon"),
        ("Tide\n\nMade in Lisbon\n\n#sea", "Tide\n\nMade in Lisbon\n\n#sea"),
    ],
)
def test_signature_stands_once_between_the_caption_and_the_hashtags(text: str, result: str) -> None:
    assert with_signature(text, "Made in Lisbon") == result
    assert with_signature(result, "Made in Lisbon") == result
    assert with_signature(text, "") == text


def test_hashtags_are_read_in_every_spelling() -> None:
    assert read_tags("#sea, harbour #sea\n##شروق a\u0308") == ["sea", "harbour", "شروق", "ä"]
    for typed, code in ((" #, ", "too_short"), (" ".join(f"t{n}" for n in range(TAGS_MAX + 1)), "too_long")):
        with pytest.raises(PydanticCustomError) as caught:
            read_tags(typed)
        assert caught.value.type == code


async def test_signature_and_hashtag_sets_are_changed_by_the_api(caller: Caller) -> None:
    client = (await caller.post("/clients", {"name": "Alba", "timezone": "UTC"})).json()
    own = f"/clients/{client['id']}"
    assert client["signature"] == ""
    changed = await caller.call("PATCH", own, json={"signature": "  Made in Lisbon. "})
    assert changed.json()["signature"] == "Made in Lisbon."
    assert (await caller.call("PATCH", own, json={"name": "Alba"})).json()["signature"] == "Made in Lisbon."
    too_long = await caller.call("PATCH", own, json={"signature": "x" * 501})
    assert [(one["path"], one["code"]) for one in too_long.json()["errors"]] == [("/signature", "too_long")]
    sets = own + "/hashtag-sets"
    made = (await caller.post(sets, {"name": "Mornings", "tags": ["#sea", "sea", "a\u0308"]})).json()
    assert (made["name"], made["tags"]) == ("Mornings", ["sea", "ä"])
    for body, path, code in (
        ({"name": "mornings", "tags": ["x"]}, "/name", "not_unique"),
        ({"name": "", "tags": ["x"]}, "/name", "too_short"),
        ({"name": "Two", "tags": ["two words"]}, "/tags/0", "invalid"),
        ({"name": "Two", "tags": ["#"]}, "/tags/0", "invalid"),
        ({"name": "Two", "tags": []}, "/tags", "too_short"),
    ):
        refused = await caller.post(sets, body)
        assert [(one["path"], one["code"]) for one in refused.json()["errors"]] == [(path, code)], body
    patched = await caller.call("PATCH", f"{sets}/{made['id']}", json={"tags": ["tide"]})
    assert patched.json() == made | {"tags": ["tide"]}
    assert (await caller.call("PATCH", f"{sets}/{made['id']}", json={})).json() == made | {"tags": ["tide"]}
    assert (await caller.get(sets)).json() == {"hashtag_sets": [made | {"tags": ["tide"]}]}
    for id in (new_id(), "x"):
        assert (await caller.call("PATCH", f"{sets}/{id}", json={})).status_code == 404
    assert (await caller.call("DELETE", f"{sets}/{made['id']}")).status_code == 204
    assert (await caller.call("DELETE", f"{sets}/{made['id']}")).status_code == 404
    assert (await caller.get(sets)).json() == {"hashtag_sets": []}
