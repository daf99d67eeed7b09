"""However a command ends: its exit code says why, and with --json one document."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from clipcast.cli import app
from clipcast.cli.client import live
from clipcast.cli.client.installations import Logins
from clipcast.cli.client.session import Refused, ending, show
from clipcast.sdk import Progress, PublishedPost

ANSWERS = (
    '{"status": "ok"}',
    '{"ok": true, "data": []}',
    "[1, 2]",
    "[]",
    "null",
    '{"connections": null, "pagination": {}}',
)


class Other(BaseHTTPRequestHandler):
    """A server of another product."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def other() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Other)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("answer", ANSWERS)
def test_server_of_another_product_is_exit_code_3(other: str, home: Path, answer: str) -> None:
    Other.body = answer.encode()
    clip = home / "clip.mp4"
    clip.write_bytes(b"x")
    for command in (
        ["accounts", "list"], ["post", str(clip), "--to", "youtube:@x"], ["login", other, "--key", "k"],
        ["upload", str(clip)], ["upload", "https://example.org/a.mp4"], ["render", str(clip)], ["webhooks", "list"],
        ["webhooks", "listen"], ["posts", "list"],
    ):  # fmt: skip
        environ = {"CLIPCAST_URL": other, "CLIPCAST_API_KEY": "key"}
        done = CliRunner().invoke(app, [*command, "--json"], env=environ)
        assert (done.exit_code, json.loads(done.stdout)["error"]["code"]) == (3, "unexpected_response"), command
    assert not Logins.path().exists()


def test_plan_without_an_end_is_refused(home: Path) -> None:
    environ = {"CLIPCAST_URL": "http://127.0.0.1:1", "CLIPCAST_API_KEY": "key"}
    done = CliRunner().invoke(app, ["post", "--csv", "/dev/zero", "--json"], env=environ)
    assert (done.exit_code, json.loads(done.stdout)["error"]["code"]) == (2, "usage")
    assert "Divide the plan" in done.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt, typer.Abort])
def test_interrupted_question_is_exit_code_130(error: type[BaseException], capsys: Any) -> None:
    with pytest.raises(typer.Exit) as raised, ending(as_json=True):
        raise error
    assert raised.value.exit_code == 130
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "interrupted"


def test_output_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(Refused, match="No space left on device"):
            show({"a": 1}, (), True)


def test_message_shows_no_password() -> None:
    done = CliRunner().invoke(app, ["login", "https://user:secret@clips.example.org", "--key", "key"])
    assert done.exit_code == 2
    assert "secret" not in done.stderr


# Presses Ctrl-C when a module is looked for, as a person does who changes her mind at once.
PRESS = """
import os, signal, sys
class Press:
    def find_spec(self, name, *_):
        if name == os.environ["PRESS_AT"]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Press())
from clipcast.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("clipcast.cli", "accounts list"), ("typer", "accounts list"), ("clipcast.sdk", "accounts list"),
        ("clipcast.sdk", "webhooks listen"), ("clipcast.sdk", "upload x.mp4"), ("clipcast.sdk", "post x.mp4 --to @x"),
    ],
)  # fmt: skip
def test_command_that_is_interrupted_at_its_start_says_so(home: Path, module: str, command: str) -> None:
    environ = {**os.environ, "CLIPCAST_URL": "http://127.0.0.1:1", "CLIPCAST_API_KEY": "key", "PRESS_AT": module}
    done = subprocess.run(
        [sys.executable, "-c", PRESS, *command.split()], env=environ, cwd=home, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")


def test_each_file_has_its_own_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if two have the same name."""
    shown = io.StringIO()
    monkeypatch.setattr(live, "_console", lambda: Console(file=shown, force_terminal=True, width=100))
    with live.upload_bars(as_json=False) as bar:
        for _ in range(2):
            tell = bar()
            for sent in (1, 4):
                tell(Progress("clip.mp4", sent, 4))
    last = shown.getvalue().split("\r")[-1]
    assert last.count("clip.mp4") == last.count("4/4 bytes") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["posts", "list", "--limit", "0", "--json"], "'--limit'"),
        (["posts", "lst", "--json"], "No such command 'lst'"),
        (["post", "--json", "--at"], "'--at'"),
        (["--nope", "posts", "--json"], "--nope"),
    ],
)
def test_wrong_use_of_a_command_is_json_where_that_is_asked(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, arguments)
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["code"], message in error["message"]) == (2, "usage", True)
    plain = CliRunner().invoke(app, [one for one in arguments if one != "--json"])
    assert (plain.exit_code, plain.stdout) == (2, "")


def test_wait_for_a_later_post_says_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    item: Any = {
        "id": "i1", "platform": "threads", "account": {"username": "harbour"}, "connection_id": "c1", "stage": None,
        "status": "pending", "progress": 0, "platform_post_url": None, "error": None, "edit_id": "e1",
    }  # fmt: skip
    post: Any = {"post_id": "p1", "status": "pending", "scheduled_at": "2027-01-24T21:00:00.000Z", "items": [item]}
    states = [PublishedPost.of(post), PublishedPost.of(post | {"status": "completed"})]
    assert live.watch(iter(states), {}, as_json=True).done
    out, err = capsys.readouterr()
    assert (out, err.count("The post p1 goes out"), "2027-01-2" in err) == ("", 1, True)
