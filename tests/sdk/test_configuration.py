"""The address and the key come from the call or the environment; wrong ones are refused with a fix."""

import pytest

from clipcast.sdk import AsyncClipcast, Clipcast, UsageError, requests
from clipcast.sdk.configuration import Configuration, base_of


@pytest.mark.parametrize(
    "written",
    ["https://clipcast.example", "https://clipcast.example/", " https://clipcast.example/api/v1/ "],
)
def test_address_may_have_the_path_of_the_api(written: str) -> None:
    assert base_of(written) == "https://clipcast.example"
    assert base_of("http://[::1]:8123/under/api/v1") == "http://[::1]:8123/under"


@pytest.mark.parametrize(
    "written",
    ["clipcast.example", "ftp://clipcast.example", "https://", "https://a.example?x=1", "http://a:99999", "http://["],
)
def test_other_addresses_are_refused(written: str) -> None:
    with pytest.raises(UsageError, match="is not an address"):
        base_of(written)


def test_environment_gives_what_the_call_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIPCAST_API_KEY", raising=False)
    monkeypatch.delenv("CLIPCAST_URL", raising=False)
    for client in (Clipcast, AsyncClipcast):
        with pytest.raises(UsageError) as raised:
            client()
        assert "CLIPCAST_API_KEY" in raised.value.fix
    with pytest.raises(UsageError):
        Clipcast("clé")
    assert Configuration.of("key", None, None, 60).url == "http://127.0.0.1:8000"
    monkeypatch.setenv("CLIPCAST_API_KEY", "of-environment\n")
    monkeypatch.setenv("CLIPCAST_URL", "https://clipcast.example/api/v1")
    found = Configuration.of(None, None, "workspace", 60)
    assert (found.key, found.url, found.is_local) == ("of-environment", "https://clipcast.example", False)
    request = requests.update_post("1", if_match=3, scheduled_at=None)
    assert found.address_of(request) == "https://clipcast.example/api/v1/posts/1"
    headers = found.headers_of(request)
    assert (headers["X-Api-Key"], headers["X-Workspace-Id"]) == ("of-environment", "workspace")
    assert (headers["If-Match"], headers["Content-Type"]) == ('"3"', "application/json")
    assert "of-environment" not in repr(found) + repr(Clipcast())


def test_client_waits_longer_where_the_server_reads_files() -> None:
    found = Configuration.of("key", None, None, 60)
    assert found.patience_of(requests.get_workspace()) == 60
    assert found.patience_of(requests.complete_upload(video_id="1", file_name="clip.mp4")) == 600


def test_messages_show_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for written in ("ftp://user:secret@host", "user:secret@host/x", "https://host?token=secret", "http://u:secret@["):
        with pytest.raises(UsageError) as raised:
            Clipcast("key", written)
        assert "secret" not in str(raised.value)
    with pytest.raises(UsageError, match="workspace_id"):
        Clipcast("key", workspace="é")
