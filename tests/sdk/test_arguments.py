"""Arguments of the wrong kind are refused before anything is sent."""

from typing import Any

import pytest

from clipcast.sdk import Clipcast, UsageError

CLIP = {"edit_setting_id": "1"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tags": "harbour"}, "Pass a list, such as"),
        ({"tags": 5}, "tags"),
        ({"tags": ["a", 5]}, "tags"),
        ({"to": 5}, "to"),
        ({"to": [5]}, "to"),
        ({"to": {"id": "1"}}, "to"),
        ({"to": b"@harbour"}, "to"),
        ({"to": []}, "at least one account"),
        ({"files": 5}, "files"),
        ({"files": None}, "files"),
        ({"settings": "youtube"}, "settings"),
        ({"settings": {"youtube": "unlisted"}}, "settings"),
        ({"wait": "yes"}, "wait"),
        ({"wait": -1}, "wait"),
        ({"wait": float("nan")}, "wait"),
    ],
    ids=str,
)
def test_argument_of_the_wrong_kind_is_refused(arguments: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"files": CLIP, "to": "youtube:@harbour"} | arguments
    with pytest.raises(UsageError, match=words):
        Clipcast("key", "http://127.0.0.1:1").publish(given.pop("files"), **given)
