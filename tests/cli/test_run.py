"""What the commands that run processes print."""

import pytest

from clipcast.cli.run import ready_at
from clipcast.common.settings import load


@pytest.mark.parametrize(
    ("public", "host", "expected"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "::1", "http://[::1]:8000"),
        ("https://clips.example.org", "127.0.0.1", "https://clips.example.org, listening on http://127.0.0.1:8000"),
        ("https://clips.example.org", "::1", "https://clips.example.org, listening on http://[::1]:8000"),
        ("http://127.0.0.1:8000", "0.0.0.0", "http://127.0.0.1:8000, listening on http://0.0.0.0:8000"),
    ],
)
def test_ready_at_names_the_public_url_and_another_listening_address(public: str, host: str, expected: str) -> None:
    """An operator behind a proxy sees where the proxy must send requests."""
    assert ready_at(load({}, public_url=public), host, 8000) == expected
