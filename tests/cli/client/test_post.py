"""`clipcast post`, and the commands around it, against the API on a real port."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from clipcast.cli import demos
from clipcast.cli.client.installations import Logins
from clipcast.cli.client.times import local_time
from clipcast.clips import library
from clipcast.clock import clock
from clipcast.database.models.clips import Render
from clipcast.sdk import Clipcast, ConnectionFailed
from clipcast.sdk.transport import Send
from clipcast.testing.harness import ACCOUNT
from clipcast.workspaces.service import SCOPES, create_key
from tests.cli.client.conftest import Shell
from tests.tcp_proxy import tcp_proxy

BLUESKY, THREADS = f"bluesky:@{ACCOUNT}", f"threads:@{ACCOUNT}"


async def connect(shell: Shell, *platforms: str) -> None:
    for platform in platforms:
        await shell.served.stage.connect(platform)


async def test_command_of_the_readme_ends_with_the_addresses(
    shell: Shell, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(shell, "bluesky", "threads")
    command = ["post", str(clip), "--to", BLUESKY, "--to", THREADS, "--text", "First light", "--wait"]
    async with shell.served.publishing():
        done = await shell.run(*command)
        assert (done.code, done.err.count(": live")) == (0, 2), done.err
        lines = [line.split() for line in done.out.splitlines()]
        assert [line[:2] for line in lines] == [["live", BLUESKY], ["live", THREADS]]
        assert all(line[2].startswith("http") for line in lines)
        # A double is refused where nobody can be asked, and posted if a person wants it.
        double = await shell.run(*command)
        assert (double.code, "Add --allow-duplicate" in double.err) == (2, True)
        error = (await shell.run(*command, "--json")).json["error"]
        assert (error["code"], len(error["errors"])) == ("duplicate_content", 2)
        assert all(one["earlier"]["post_id"] for one in error["errors"])
        monkeypatch.setattr("clipcast.cli.client.post.is_interactive", lambda: True)
        assert (await shell.run(*command, input="n\n")).code == 2
        asked = await shell.run(*command, input="y\n")
        assert (asked.code, BLUESKY in asked.err) == (0, True), asked.err
        again = await shell.run(*command, "--json", "--allow-duplicate")
    assert again.code == 0
    assert [item["status"] for item in again.json["items"]] == ["published"] * 2
    assert len(await shell.served.stage.sandbox.posts("threads")) == 3
    [first, *_] = (await shell.run("posts", "list")).out.splitlines()
    shown = await shell.run("posts", "show", first.split()[0])
    assert "completed" in shown.out
    assert lines[0][2] not in shown.out
    watched = await shell.run("posts", "watch", first.split()[0], "--json")
    assert (watched.code, watched.json["status"]) == (0, "completed")


async def test_problems_name_the_account_and_the_option(shell: Shell, clip: Path) -> None:
    """All are reported before the upload, with exit code 2."""
    await connect(shell, "bluesky", "threads", "pinterest", "youtube")
    bare = await shell.run("post", str(clip), "--to", f"@{ACCOUNT}", "--text", "x")
    assert bare.code == 2
    assert all(name in bare.err for name in (BLUESKY, THREADS, f"youtube:@{ACCOUNT}", f"pinterest:@{ACCOUNT}"))
    missing = await shell.run(
        "post", str(clip), "--to", f"youtube:@{ACCOUNT}", "--to", f"pinterest:@{ACCOUNT}", "--to", THREADS,
        "--text", "x" * 501,
    )  # fmt: skip
    assert missing.code == 2
    assert (
        f"youtube:@{ACCOUNT}, title: This field is required. Add --title, or --set youtube.title=VALUE." in missing.err
    )
    assert "Add --set pinterest.boardId=VALUE. Its values now: " in missing.err
    assert "(Harbours)" in missing.err
    assert f"{THREADS}, threads.text: " in missing.err
    listed = await shell.run("post", str(clip), "--to", f"youtube:@{ACCOUNT}", "--json")
    assert (listed.code, [one["code"] for one in listed.json["error"]["errors"]]) == (2, ["required"])
    settings = ["nonsense", "youtube.titel=x", "myspace.x=1", "youtube.embeddable=perhaps"]
    wrong = await shell.run("post", str(clip), "--to", THREADS, *(part for one in settings for part in ("--set", one)))
    assert wrong.code == 2
    assert len([line for line in wrong.err.splitlines() if line.startswith("--set")]) == 4
    assert "Did you mean 'title'?" in wrong.err
    unused = await shell.run("post", str(clip), "--to", THREADS, "--set", "tiktok.privacyLevel=SELF_ONLY")
    assert (unused.code, "no --to is an account of tiktok" in unused.err) == (2, True)
    text = shell.folder / "notes.txt"
    text.write_text("no video")
    for command in (["upload", str(text)], ["post", str(text), "--to", THREADS, "--text", "x"]):
        refused = await shell.run(*command)
        assert (refused.code, f"{text}: " in refused.err) == (2, True), refused.err
    copy = shell.folder / "copy.mp4"
    copy.write_bytes(clip.read_bytes())
    twice = await shell.run("post", str(clip), str(copy), "--to", THREADS, "--text", "x")
    assert (twice.code, "/videos/" in twice.err, f"by {clip} to {THREADS}" in twice.err) == (2, False, True), twice.err
    to = ["post", str(clip), "--to", THREADS]
    for zone in ("Europe/Lisbon", "Nowhere/At_All"):
        alone = await shell.run(*to, "--timezone", zone)
        assert (alone.code, f"--timezone {zone} is that of --at, which is missing" in alone.err) == (2, True)
    assert (await shell.run(*to, "--at", "tomorrow 9:00", "--timezone", "Nowhere/At_All")).code == 2
    for arguments in ([], [str(clip)], ["nothing.mp4", "--to", THREADS], [str(clip), "--to", THREADS, "--at", "soon"]):
        assert (await shell.run("post", *arguments)).code == 2
    assert len((await shell.served.stage.caller.get("/clips")).json()["clips"]) == 2  # those of the double


async def test_settings_and_time_reach_the_post(shell: Shell, clip: Path) -> None:
    await connect(shell, "youtube", "threads")
    done = await shell.run(
        "post", str(clip), "--to", f"youtube:@{ACCOUNT}", "--to", THREADS, "--title", "Dawn", "--text", "Tide",
        "--tag", "sea", "--tag", "dawn", "--set", "youtube.privacyStatus=unlisted", "--set", "youtube.embeddable=no",
        "--at", "tomorrow 18:00", "--timezone", "America/Sao_Paulo", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    post = done.json
    assert (post["status"], post["scheduled_at"][10:]) == ("pending", "T21:00:00.000Z")
    assert [item["metadata"] for item in post["items"]] == [
        {"youtube": {"title": "Dawn", "description": "Tide", "tags": ["sea", "dawn"], "privacyStatus": "unlisted",
                     "embeddable": False}},
        {"threads": {"text": "Tide"}},
    ]  # fmt: skip
    refused = await shell.run("posts", "delete", post["post_id"])
    assert (refused.code, "Add --yes" in refused.err) == (2, True)
    assert (await shell.run("posts", "delete", post["post_id"], "--yes")).code == 0
    assert (await shell.run("posts", "show", post["post_id"])).code == 2


async def test_dry_run_uploads_checks_and_posts_nothing(shell: Shell, clip: Path) -> None:
    await connect(shell, "threads")
    command = ["post", str(clip), "--to", THREADS, "--text", "Tide"]
    dry = await shell.run(*command, "--dry-run")
    assert (dry.code, dry.out.startswith("Valid. Nothing was posted.")) == (0, True)
    assert (await shell.served.stage.caller.get("/posts")).json()["posts"] == []
    # The upload is that of the file, whatever the command says of it, until the file changes.
    assert (await shell.run("upload", str(clip))).code == 0
    assert (await shell.run(*command[:-1], "Ebb")).code == 0
    assert len((await shell.served.stage.caller.get("/clips")).json()["clips"]) == 1
    os.utime(clip, ns=(0, 0))
    assert (await shell.run("upload", str(clip))).code == 0
    assert len((await shell.served.stage.caller.get("/clips")).json()["clips"]) == 2


async def test_upload_takes_the_clip_out_of_the_bin(shell: Shell, clip: Path) -> None:
    database = shell.served.stage.installation.database
    uploads = []
    for _ in range(2):
        uploads.append((await shell.run("upload", str(clip))).out)
        async with database.begin() as session:
            [render] = await session.scalars(select(Render))
            assert render.deleted_at is None
            library.delete(session, [render])
    assert uploads[0] == uploads[1]


async def test_failed_item_is_exit_code_1_and_can_be_retried(shell: Shell, clip: Path) -> None:
    await connect(shell, "bluesky", "threads")
    error = {"error": "AccountTakedown", "message": "Account has been taken down"}
    await shell.served.stage.sandbox.fault("bluesky", "put", "before", "status", status=403, body=error)
    async with shell.served.publishing():
        done = await shell.run("post", str(clip), "--to", BLUESKY, "--to", THREADS, "--text", "Tide", "--wait")
        assert done.code == 1, done.out
        failed, live = (line.split(maxsplit=2) for line in done.out.splitlines())
        assert (failed[:2], live[:2]) == (["failed", BLUESKY], ["live", THREADS])
        [post] = (await shell.run("posts", "list", "--json")).json["posts"]
        assert (await shell.run("posts", "watch", post["post_id"])).code == 1
        assert (await shell.run("posts", "retry", post["post_id"], "--force")).code == 2
        retried = await shell.run("posts", "retry", post["post_id"], "--wait")
    assert (retried.code, retried.out.count("live ")) == (0, 2), retried.err


async def test_wait_ends_where_a_person_must_act_with_reason_fix_and_deadline(shell: Shell, clip: Path) -> None:
    """The other account's video is live by then. Afterwards, `posts watch` says the same, and follows the post."""
    stage = shell.served.stage
    await connect(shell, "bluesky", "tiktok")
    tiktok = f"tiktok:@{ACCOUNT}"
    command = ["post", str(clip), "--to", BLUESKY, "--to", tiktok, "--text", "Tide", "--set"]
    waiting = asyncio.create_task(shell.run(*command, "tiktok.privacyLevel=SELF_ONLY", "--wait"))
    while not (await stage.caller.get("/posts")).json()["posts"]:
        await asyncio.sleep(0.01)
    clock.move(timedelta(minutes=5))
    await stage.sandbox.change_account("tiktok", revoked=True)
    await stage.run_until_ended(timedelta(minutes=5))
    done = await waiting
    [post] = (await stage.caller.get("/posts")).json()["posts"]
    held = next(one for one in (await stage.show(post["post_id"]))["items"] if one["platform"] == "tiktok")
    assert held["held_until"] == held["next_attempt_at"]
    assert done.code == 1, done.err
    note = f"{held['error']['message']} {held['error']['fix']} It waits until {local_time(held['held_until'])}"
    assert f"{tiktok}: needs action {note}, and fails then." in done.err
    assert held["error"]["fix"].endswith("The item then continues.")
    rows = {line.split()[0]: line for line in done.out.splitlines()}
    assert ("live" in rows, "needs" in rows, note in done.out) == (True, True, True)
    assert f"`clipcast posts watch {post['post_id']}` follows it after that." in done.err
    watched = await shell.run("posts", "watch", post["post_id"], "--json")
    assert (watched.code, watched.json["status"]) == (1, "processing")
    await stage.connect("tiktok")
    async with shell.served.publishing():
        assert (await shell.run("posts", "watch", post["post_id"])).code == 0


async def test_interrupted_command_continues_and_posts_once(shell: Shell, clip: Path) -> None:
    """The connection is lost at several bytes of the command's requests. Repeated, it posts exactly once."""
    await connect(shell, "threads")
    command = ["post", str(clip), "--to", THREADS, "--text", "Tide"]
    async with tcp_proxy(shell.served.port) as proxy:
        proxy.cut()
        lost = await shell.run(*command, CLIPCAST_URL=f"http://127.0.0.1:{proxy.port}")
        assert lost.code == 3
        assert "Check that Clipcast runs" in lost.err
        proxy.restore()
        proxy.hang_responses()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "clipcast", *command, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | shell.environ | {"CLIPCAST_URL": f"http://127.0.0.1:{proxy.port}"},
        )  # fmt: skip
        # The server has processed the first request, and its response is held back.
        while not proxy._writers:
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert process.returncode == 130
        assert b"Stopped." in err
        proxy.restore()
        done = await shell.run(*command, CLIPCAST_URL=f"http://127.0.0.1:{proxy.port}")
    assert done.code == 0
    assert len((await shell.served.stage.caller.get("/posts")).json()["posts"]) == 1


async def test_post_that_was_created_before_its_response_was_lost_is_not_repeated(
    shell: Shell, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(shell, "threads")
    command = ["post", str(clip), "--to", THREADS, "--text", "Tide"]
    publish = Clipcast.publish

    def interrupted(self: Clipcast, *arguments: Any, **named: Any) -> Any:
        publish(self, *arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Clipcast, "publish", interrupted)
        stopped = await shell.run(*command)
    assert (stopped.code, "posts nothing twice" in stopped.err) == (130, True)
    again = await shell.run(*command)
    assert (again.code, "Continuing the same command" in again.err) == (0, True)
    assert len((await shell.served.stage.caller.get("/posts")).json()["posts"]) == 1
    # It has ended. The next command like it is meant as another post, also if it was interrupted.
    with monkeypatch.context() as patch:
        patch.setattr(Clipcast, "publish", interrupted)
        assert (await shell.run(*command, "--allow-duplicate")).code == 130
    assert (await shell.run(*command, "--allow-duplicate")).code == 0
    assert len((await shell.served.stage.caller.get("/posts")).json()["posts"]) == 2
    with monkeypatch.context() as patch:
        patch.setattr(Clipcast, "publish", interrupted)
        patch.setattr("clipcast.cli.client.post.confirm_duplicates", lambda *_: True)
        assert (await shell.run(*command)).code == 130
    another = await shell.run(*command, "--allow-duplicate")
    assert (another.code, "Continuing" in another.err) == (0, False)
    assert len((await shell.served.stage.caller.get("/posts")).json()["posts"]) == 4


async def test_interrupted_command_continues_for_its_key_and_workspace_only(
    shell: Shell, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ids of one workspace mean nothing in another."""
    await connect(shell, "threads")
    command = ["post", str(clip), "--to", THREADS, "--text", "Tide", "--at", "in 5 hours"]
    with monkeypatch.context() as patch:
        patch.setattr(Clipcast, "publish", _interrupt)
        assert (await shell.run(*command)).code == 130
    stage = shell.served.stage
    async with stage.installation.database.begin() as session:
        _, key = await create_key(session, "other", [UUID(stage.caller.workspace_id)], SCOPES)
    other = await shell.run(*command, CLIPCAST_API_KEY=key)
    assert (other.code, "Continuing" in other.err) == (0, False), other.err
    named = await shell.run(*command, "--allow-duplicate", CLIPCAST_WORKSPACE=stage.caller.workspace_id)
    assert (named.code, "Continuing" in named.err) == (0, False), named.err
    same = await shell.run(*command)
    assert "Continuing the same command" in same.err


async def test_command_that_stopped_while_it_waited_finds_its_post(
    shell: Shell, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where doubles are refused, and the file's upload has expired. What is lost after the post names it."""
    await connect(shell, "threads")
    await shell.served.client.update_workspace(duplicates="refuse")
    command = ["post", str(clip), "--to", THREADS, "--text", "Tide", "--at", "in 5 hours"]
    perform = Clipcast._perform

    def lose(self: Clipcast, effect: Any) -> Any:
        if isinstance(effect, Send) and effect.request.operation == "getPost":
            raise ConnectionFailed("The connection is lost.", sent=True)
        return perform(self, effect)

    with monkeypatch.context() as patch:
        patch.setattr(Clipcast, "_perform", lose)
        lost = await shell.run(*command, "--json")
    [post] = (await shell.served.client.list_posts())["posts"]
    assert (lost.code, lost.json["error"]["post_id"]) == (3, post["post_id"])
    assert f"clipcast posts watch {post['post_id']}" in lost.err
    clock.move(timedelta(hours=3))
    with monkeypatch.context() as patch:
        patch.setattr("clipcast.cli.client.live.watch", _interrupt)
        stopped = await shell.run(*command, "--wait")
    assert (stopped.code, post["post_id"] in stopped.err) == (130, True)
    again = await shell.run(*command, "--json")
    assert (again.code, again.json["post_id"]) == (0, post["post_id"])
    assert again.json["scheduled_at"] == post["scheduled_at"]
    # It has ended, so the next one is a double.
    for arguments, code in (([], 2), (["--dry-run"], 2), (["--dry-run", "--yes"], 0), (["--allow-duplicate"], 0)):
        done = await shell.run(*command, *arguments)
        assert (done.code, "Add --allow-duplicate" in done.err) == (code, code == 2), done.err


def _interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


async def test_command_whose_post_was_deleted_can_post_again(
    shell: Shell, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(shell, "threads")
    command = ["post", str(clip), "--to", THREADS, "--text", "Tide", "--at", "in 5 hours"]
    with monkeypatch.context() as patch:
        patch.setattr("clipcast.cli.client.live.watch", _interrupt)
        assert (await shell.run(*command, "--wait")).code == 130
    [post] = (await shell.served.client.list_posts())["posts"]
    await shell.served.client.delete_post(post["post_id"])
    gone = await shell.run(*command)
    assert (gone.code, f"{post['post_id']} was deleted" in gone.err) == (2, True)
    assert (await shell.run(*command)).code == 0
    assert len((await shell.served.client.list_posts())["posts"]) == 1


async def test_command_that_sent_no_post_takes_its_time_anew(shell: Shell, clip: Path) -> None:
    """A dry run and a refused command keep the upload only, as long as it exists."""
    await connect(shell, "threads")
    command = ["post", str(clip), "--to", THREADS, "--text", "Tide", "--at", "in 2 hours"]
    assert (await shell.run(*command, "--dry-run")).code == 0
    clock.move(timedelta(hours=3))
    [video] = (await shell.served.client.list_videos())["clips"]
    await shell.served.client.delete_video(video["video_id"])
    begun = clock.now().replace(microsecond=0)
    done = await shell.run(*command, "--json")
    assert (done.code, "Continuing" in done.err) == (0, False), done.err
    scheduled = datetime.fromisoformat(done.json["scheduled_at"])
    assert begun <= scheduled - timedelta(hours=2) <= clock.now()
    for arguments in (["--at", ""], ["--at", "", "--csv", str(clip)], ["--at", "9999-12-31T23:59-10:00"]):
        assert (await shell.run("post", str(clip), "--to", THREADS, "--text", "Ebb", *arguments)).code == 2


async def test_account_is_asked_once_for_its_choices(shell: Shell, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await connect(shell, "pinterest", "threads")
    asked: list[str] = []
    perform = Clipcast._perform

    def count(self: Clipcast, effect: Any) -> Any:
        asked.append(effect.request.operation if isinstance(effect, Send) else "")
        return perform(self, effect)

    pinterest = f"pinterest:@{ACCOUNT}"
    with monkeypatch.context() as patch:
        patch.setattr(Clipcast, "_perform", count)
        done = await shell.run("post", str(clip), str(clip), str(clip), "--to", pinterest, "--text", "Tide")
    assert (done.code, "(Harbours)" in done.err) == (2, True), done.err
    assert sorted(asked) == ["getConnectionOptions", "listConnections", "validatePost"]
    bare = await shell.run("post", str(clip), "--to", f"@{ACCOUNT}", "--set", "pinterest.boardId=7")
    assert (bare.code, pinterest in bare.err, THREADS in bare.err) == (2, True, True)


async def test_odd_names_reach_neither_the_terminal_nor_the_request(shell: Shell, clip: Path) -> None:
    await connect(shell, "threads")
    odd = os.fsdecode(b"\xff\x1b[31m [red] \n\xe2\x80\xae4pm.mp4")
    path = shell.folder / odd
    path.write_bytes(clip.read_bytes())
    done = await shell.run("upload", str(path))
    assert done.code == 0, done.err
    assert "\x1b" not in done.out + done.err
    [shown] = (await shell.served.stage.caller.get("/clips")).json()["clips"]
    assert "[red]" in shown["title"]
    edit = done.out.split()[0]
    assert (await shell.run("post", edit, "--to", THREADS, "--text", "Tide")).code == 0


async def test_login_saves_the_key_for_its_address_only(shell: Shell) -> None:
    url, key = str(shell.environ["CLIPCAST_URL"]), str(shell.environ["CLIPCAST_API_KEY"])
    await connect(shell, "threads")
    none = {"CLIPCAST_URL": "", "CLIPCAST_API_KEY": ""}
    unknown = await shell.run("accounts", "list", **none)
    assert (unknown.code, "clipcast login" in unknown.err) == (2, True)
    assert (await shell.run("login", url, "--key", "clipcast_wrong")).code == 2
    assert (await shell.run("login", "ftp://x", "--key", key)).code == 2
    nothing = await shell.run("login", url, input="")
    assert (nothing.code, "Pass it with --key" in nothing.err) == (2, True)
    assert not Logins.path().exists()
    done = await shell.run("login", url + "/api/v1/", input=key + "\n", **none)
    assert done.code == 0, done.err
    assert key not in done.out + done.err
    assert Logins.path().stat().st_mode & 0o777 == 0o600
    assert (await shell.run("accounts", "list", **none)).out.startswith(THREADS)
    other = await shell.run("accounts", "list", "--url", "http://127.0.0.1:1", **none)
    assert (other.code, "No key is known" in other.err) == (2, True)
    gone = await shell.run("accounts", "list", CLIPCAST_URL="http://127.0.0.1:1")
    assert gone.code == 3
    assert (await shell.run("logout", **none)).code == 0
    assert key not in Logins.path().read_text()


async def test_running_demo_is_found(shell: Shell) -> None:
    await connect(shell, "threads")
    none = {"CLIPCAST_URL": "", "CLIPCAST_API_KEY": ""}
    with demos.announced(str(shell.environ["CLIPCAST_URL"]), str(shell.environ["CLIPCAST_API_KEY"])):
        [path] = demos.folder().iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        # A demo that was killed leaves its file.
        (demos.folder() / "999999999.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "key": "x"}))
        found = await shell.run("accounts", "list", **none)
    assert (found.code, found.out.split()[0]) == (0, THREADS)
    assert "Using the demo" in found.err
    assert (await shell.run("accounts", "list", **none)).code == 2


def test_commands_for_posting_import_no_server(home: Path) -> None:
    """They start fast, and work where the server's packages are missing."""
    program = (
        "import sys\nfrom clipcast.cli import app\n"
        "try: app(['posts', 'list', '--url', 'http://127.0.0.1:1'])\nexcept SystemExit: pass\n"
        "print(*(name for name in sys.modules if name.startswith('clipcast.')))"
    )
    environ = os.environ | {"CLIPCAST_API_KEY": "clipcast_x"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    rooms = {name.split(".")[1] for name in done.stdout.split()}
    assert rooms == {"cli", "clock", "sdk"}, done.stderr
    assert "is not reachable" in done.stderr
