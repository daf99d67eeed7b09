"""Arguments of the wrong kind are refused before anything is sent."""

from typing import Any

import pytest

from clipcast.sdk import AsyncClipcast, Clipcast, ConnectionFailed, Retries, UsageError

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
        ({"on_duplicate": "refus"}, "Pass 'allow', 'refuse' or a function"),
        ({"on_duplicate": []}, "on_duplicate"),
        ({"piece_bytes": 0}, "at least 1"),
        ({"piece_bytes": "8M"}, "piece_bytes"),
    ],
    ids=str,
)
def test_argument_of_the_wrong_kind_is_refused(arguments: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"files": CLIP, "to": "youtube:@harbour"} | arguments
    with pytest.raises(UsageError, match=words):
        Clipcast("key", "http://127.0.0.1:1").publish(given.pop("files"), **given)


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_size_of_pieces_is_checked_before_an_upload(size: Any) -> None:
    with pytest.raises(UsageError, match="piece_bytes"):
        Clipcast("key", "http://127.0.0.1:1").upload("a.mp4", piece_bytes=size)


def test_files_of_an_iterator_are_those_of_a_list() -> None:
    """They get as far as the request, which nobody answers."""
    for method in (Clipcast.publish, Clipcast.validate):
        with Clipcast("key", "http://127.0.0.1:1", retries=Retries(attempts=1)) as client:
            files: Any = (clip for clip in [CLIP])
            with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:1 is not reachable"):
                method(client, files, to="youtube:@harbour")


async def test_closed_client_is_named() -> None:
    client, other = Clipcast("key", "http://127.0.0.1:1"), AsyncClipcast("key", "http://127.0.0.1:1")
    client.close()
    await other.close()
    with pytest.raises(UsageError, match="The client is closed"):
        client.get_workspace()
    with pytest.raises(UsageError, match="The client is closed"):
        await other.get_workspace()
