"""The commands, run as processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from typer.testing import CliRunner

from clipcast.cli import app
from clipcast.cli.temporal_server import MISSING
from clipcast.platforms.registry import PLATFORMS
from clipcast.server.sockets import close, listen
from clipcast.testing.harness import free_port
from tests.forked import run_command

COMMANDS = (
    [], ["serve"], ["api"], ["worker"], ["renderer"], ["sandbox"], ["demo"], ["connect"], ["workspaces"],
    ["workspaces", "create"], ["workspaces", "list"],
    ["mcp"], ["keys"], ["keys", "create"], ["keys", "list"], ["keys", "revoke"], ["db"],
    ["db", "upgrade"], ["doctor"], ["users"], ["users", "list"], ["users", "password"], ["users", "invite"],
    ["jobs"], ["jobs", "list"], ["jobs", "show"], ["jobs", "retry"],
    ["jobs", "drain"], ["jobs", "pause"], ["jobs", "resume"],
    ["post"], ["posts"], ["posts", "list"], ["accounts"], ["accounts", "list"], ["upload"], ["render"], ["login"],
    ["webhooks"],
)  # fmt: skip
HEALTH_PORT = "CLIPCAST_WORKER_HEALTH_PORT"
START = 150  # seconds; a loaded machine takes long to start a demo


def clipcast(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run_command(*arguments, environ=os.environ | environ)


def clipcast_anew(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that has imported nothing."""
    return subprocess.run(
        [sys.executable, "-m", "clipcast", *arguments], capture_output=True, text=True, env=os.environ | environ
    )


def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "clipcast", *arguments], text=True, env=os.environ | environ,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command: list[str]) -> None:
    shown = clipcast_anew(*command, "--help", COLUMNS="200")
    assert shown.returncode == 0
    assert "Usage: " in shown.stdout
    assert shown.stderr == ""


def test_invalid_settings_are_all_reported_in_one_message() -> None:
    for command in (["worker"], ["api"], ["serve"], ["keys", "list"]):
        shown = clipcast(*command, CLIPCAST_DATABSE_URL="x", CLIPCAST_SECRET_KEY="short")
        assert shown.returncode == 2, command
        assert "CLIPCAST_DATABSE_URL: there is no such setting. Did you mean CLIPCAST_DATABASE_URL?" in shown.stderr
        assert "CLIPCAST_SECRET_KEY: each key needs at least 32 characters" in shown.stderr
        assert "Traceback" not in shown.stderr


def test_scope_that_no_platform_has_is_reported() -> None:
    shown = clipcast("keys", "list", CLIPCAST_EXTRA_SCOPES="threads_location")
    assert shown.returncode == 2
    assert "CLIPCAST_EXTRA_SCOPES: there is no use for threads_location." in shown.stderr


def test_unreachable_database_is_reported_without_a_traceback(tmp_path: Path) -> None:
    url = "postgresql://u:p@127.0.0.1:1/x"
    shown = clipcast("db", "upgrade", CLIPCAST_DATABASE_URL=url, CLIPCAST_DATA_DIR=str(tmp_path))
    assert shown.returncode == 1
    assert "is not available" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_port_in_use_is_reported_with_the_flag_to_change(tmp_path: Path) -> None:
    data_dir, other = tmp_path / "data", str(free_port())
    [taken] = listen("127.0.0.1", 0)
    with taken:
        port = str(taken.getsockname()[1])
        for command, setting, environ in (
            (["serve", "--port", port], "--port", {}),
            (["serve", "--host", "localhost", "--port", port], "--port", {}),
            (["serve", "--port", other], HEALTH_PORT, {HEALTH_PORT: port}),
            (["api", "--port", port], "--port", {}),
            (["sandbox", "--port", port], "--port", {}),
            (["demo", "--port", port, "--sandbox-port", other], "--port", {}),
            (["demo", "--port", other, "--sandbox-port", port], "--sandbox-port", {}),
            (["worker"], HEALTH_PORT, {HEALTH_PORT: port}),
            (["renderer"], HEALTH_PORT, {HEALTH_PORT: port}),
        ):
            shown = clipcast(*command, CLIPCAST_DATA_DIR=str(data_dir), **environ)
            assert shown.returncode == 1, command
            reason = "Address already in use"
            assert shown.stderr == f"Port {port} is not available ({reason}). Choose another one with {setting}.\n"
    assert not data_dir.exists()


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid"])
def test_host_of_another_machine_is_reported(tmp_path: Path, host: str) -> None:
    shown = clipcast("serve", "--host", host, "--port", str(free_port()), CLIPCAST_DATA_DIR=str(tmp_path))
    assert shown.returncode == 1
    assert shown.stderr.startswith(f"{host} is not an address of this machine (")


def modes_open_to_others(folder: Path) -> list[str]:
    """Return the files and folders below `folder` that another local user can reach or read."""
    found = []
    for path, folders, files in os.walk(folder):
        for name in list(folders):
            if Path(path, name).stat().st_mode & 0o007 == 0:
                folders.remove(name)  # others cannot reach its contents
            else:
                found.append(name)
        found += [name for name in files if Path(path, name).stat().st_mode & 0o007]
    return found


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_data_directory_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    data_dir = tmp_path / "not" / "there"
    before = os.umask(umask)
    try:
        made = clipcast("workspaces", "create", "Studio", CLIPCAST_DATA_DIR=str(data_dir))
    finally:
        os.umask(before)
    assert made.returncode == 0, made.stderr
    assert data_dir.stat().st_mode & 0o007 == 0
    assert (data_dir / "media").stat().st_mode & 0o077 == 0
    assert modes_open_to_others(data_dir) == []
    (data_dir / "media").chmod(0o755)  # as releases before this one left it
    data_dir.chmod(0o755)
    clipcast("workspaces", "list", CLIPCAST_DATA_DIR=str(data_dir))
    assert data_dir.stat().st_mode & 0o007 == 0
    assert modes_open_to_others(data_dir) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's database runs as another user")
def test_default_data_directory_of_root_is_not_its_home(tmp_path: Path) -> None:
    home = tmp_path / "root"
    home.mkdir(mode=0o700)
    shown = subprocess.run(
        [sys.executable, "-c", "from clipcast.common.settings import load; print(load({}).data_dir)"],
        capture_output=True, text=True, env=os.environ | {"HOME": str(home)},
    )  # fmt: skip
    assert shown.stdout.strip() == "/var/lib/clipcast"
    assert home.stat().st_mode & 0o777 == 0o700


def test_workspace_key_and_link_are_created_and_listed(tmp_path: Path) -> None:
    home = {"CLIPCAST_DATA_DIR": str(tmp_path), "CLIPCAST_SANDBOX_URL": "http://127.0.0.1:8900"}
    workspace = clipcast("workspaces", "create", "Studio", **home).stdout.strip()
    assert clipcast("workspaces", "list", **home).stdout.strip() == f"{workspace}  Studio"
    key = clipcast("keys", "create", "-w", "Studio", "--scope", "posts:read", **home).stdout.strip()
    assert key.startswith("clipcast_")
    listed = clipcast("keys", "list", **home).stdout
    assert key not in listed
    assert key[-4:] in listed
    assert "posts:read" in listed
    assert "active" in listed
    assert clipcast("keys", "revoke", listed.split()[0], **home).returncode == 0
    assert "revoked" in clipcast("keys", "list", **home).stdout
    link = clipcast("connect", "tiktok", "-w", workspace, **home).stdout.strip()
    assert link.startswith("http://127.0.0.1:8000/connect/")
    assert clipcast("storage", "take-over", **home).stdout.strip() == "The storage belongs to this installation."
    assert (tmp_path / "media" / "installation" / "mark.json").exists()
    for wrong in (
        ["keys", "create", "-w", "Nobody"],
        ["keys", "create", "-w", "Studio", "--scope", "everything"],
        ["keys", "revoke", "nothing"],
        ["connect", "myspace", "-w", "Studio"],
        ["connect", "tiktok", "-w", "Nobody"],
        ["workspaces", "create", " "],
    ):
        shown = clipcast(*wrong, **home)
        assert (shown.returncode, "Traceback" in shown.stderr) == (2, False), wrong
        assert shown.stderr.strip()


def until_file(path: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    end = time.monotonic() + START
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.1)
    return json.loads(path.read_text())


def until_ready(url: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + START
    while True:
        assert process.poll() is None
        try:
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < end
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.timeout(400)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_demo_runs_until_it_is_stopped_and_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    """The quickstart's demo ends by SIGTERM (tests/docs/test_quickstart.py)."""
    ready_file, sandbox = tmp_path / "ready.json", free_port()
    # The other one is stopped while the demo fills its workspace.
    plain = ["--plain"] if number == signal.SIGKILL else []
    ports = "--port", str(free_port()), "--sandbox-port", str(sandbox)
    process = start("demo", *ports, "--ready-file", str(ready_file), *plain)
    try:
        ready = until_file(ready_file, process)
        assert set(ready) == {
            "base_url", "api_key", "workspace_id", "sandbox_url", "edit_id", "connections", "email", "password", "pids",
            "filled", "review_link",
        }  # fmt: skip
        assert set(ready["connections"]) == set(PLATFORMS)
        assert all(alive(pid) for pid in ready["pids"].values())
        if number == signal.SIGKILL:
            post_as_in_the_summary(ready)
            ready = kill_worker(ready_file, ready)
    finally:
        os.kill(process.pid, number)
        output = process.communicate(timeout=START)[0]
    if number != signal.SIGKILL:
        assert process.returncode == 0, output
    until_dead(ready["pids"])
    for port in ports[1::2]:
        close(listen("127.0.0.1", int(port)))


def until_dead(pids: dict[str, int]) -> None:
    end = time.monotonic() + START
    while left := [name for name, pid in pids.items() if alive(pid)]:
        assert time.monotonic() < end, left
        time.sleep(0.1)


def post_as_in_the_summary(ready: dict[str, Any]) -> None:
    """Send the request of the summary's curl command. The demo's output can be read only after its end."""
    body = {
        "videos": [
            {
                "editId": ready["edit_id"],
                "targets": [
                    {"connectionId": ready["connections"]["youtube"], "metadata": {"youtube": {"title": "Again"}}}
                ],
            }
        ]
    }
    created = httpx2.post(
        ready["base_url"] + "/api/v1/posts", json=body, headers={"X-Api-Key": ready["api_key"]}, trust_env=False
    )
    assert created.status_code == 201, created.text


def kill_worker(ready_file: Path, ready: dict[str, Any]) -> dict[str, Any]:
    """Kill the worker, wait until another one has published the post, and return the new contents of the file."""
    os.kill(ready["pids"]["worker"], signal.SIGKILL)
    end = time.monotonic() + START
    while (now := json.loads(ready_file.read_text()))["pids"]["worker"] == ready["pids"]["worker"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    while len(httpx2.get(ready["sandbox_url"] + "/__sandbox/posts", trust_env=False).json()) < len(PLATFORMS) + 1:
        assert time.monotonic() < end
        time.sleep(0.1)
    return now


@pytest.mark.parametrize("command", ["serve", "api", "worker"])
def test_wrong_secret_key_ends_the_command_with_one_line(tmp_path: Path, command: str) -> None:
    environ = os.environ | {"CLIPCAST_DATA_DIR": str(tmp_path), "CLIPCAST_SECRET_KEY": "o" * 32}
    subprocess.run([sys.executable, "-m", "clipcast", "db", "upgrade"], env=environ, check=True, capture_output=True)
    arguments = [] if command == "worker" else ["--port", str(free_port())]
    ended = subprocess.run(
        [sys.executable, "-m", "clipcast", command, *arguments],
        env=environ | {"CLIPCAST_SECRET_KEY": "x" * 32}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 2
    lines = ended.stderr.strip().splitlines()
    assert lines[0].startswith("CLIPCAST_SECRET_KEY is not the key of this database: it has the fingerprint ")
    assert len(lines) <= (2 if command == "serve" else 1)


@pytest.mark.parametrize("command", ["worker", "renderer"])
def test_health_command_checks_a_process_that_runs_jobs(tmp_path: Path, command: str) -> None:
    port = free_port()
    environ = os.environ | {"CLIPCAST_DATA_DIR": str(tmp_path), "CLIPCAST_WORKER_HEALTH_PORT": str(port)}
    asked = [sys.executable, "-m", "clipcast", "health", "--url", f"http://127.0.0.1:{port}"]
    nobody = subprocess.run(asked, capture_output=True, text=True)
    assert nobody.returncode == 1
    assert "No Clipcast responds at" in nobody.stderr
    worker = subprocess.Popen([sys.executable, "-m", "clipcast", command], env=environ)
    try:
        until_ready(f"http://127.0.0.1:{port}/livez", worker)
        ready = subprocess.run(asked, capture_output=True, text=True)
        assert (ready.returncode, ready.stdout.splitlines()[:2]) == (0, ["database: ok", "hot_database: ok"])
    finally:
        worker.terminate()
        assert worker.wait(30) == 0


def test_demo_without_a_temporal_server_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipcast.cli.demo.find_program", lambda: None)
    shown = CliRunner().invoke(app, ["demo", "--engine", "temporal", "--port", str(free_port())])
    assert shown.exit_code == 1
    assert shown.output.splitlines() == [MISSING]


def test_engine_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipcast.common.settings.find_spec", lambda name: None)
    monkeypatch.setenv("CLIPCAST_ENGINE", "temporal://127.0.0.1/clipcast")
    shown = CliRunner().invoke(app, ["worker"])
    assert shown.exit_code == 2
    assert "pip install --require-hashes -r requirements-temporal.lock" in shown.output
