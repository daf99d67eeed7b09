"""The `users` commands, and the setup of a server that other people can reach."""

import signal
from pathlib import Path

import httpx2

from clipcast.testing.harness import free_port
from tests.cli.test_commands import clipcast, start

OLD, NEW = "copper-lantern-47-orchid", "plinth-orbit-93-walnut"


def test_setup_needs_the_printed_code_and_commands_manage_users(tmp_path: Path) -> None:
    port = free_port()
    environ = {"CLIPCAST_DATA_DIR": str(tmp_path / "data"), "CLIPCAST_PUBLIC_URL": "https://clips.example.org"}
    process = start("serve", "--port", str(port), **environ)
    try:
        assert process.stdout is not None
        said = ""
        while "/setup?code=" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        code = said.split("/setup?code=")[1].split()[0]
        form = {"name": "Harbour Owner", "email": "owner@example.org", "password": OLD, "workspace": "Studio"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as browser:
            # Only the operator, who sees the server's output, may become the owner.
            assert "This code is wrong" in browser.post("/setup", data=form).text
            assert "This code is wrong" in browser.post("/setup", data=form | {"code": code[:-1]}).text
            assert browser.post("/setup", data=form | {"code": code}).status_code == 303

            listed = clipcast("users", "list", **environ)
            assert "owner@example.org  Harbour Owner  Studio (owner)" in listed.stdout
            weak = clipcast("users", "password", "owner@example.org", "--password", "1234567890", **environ)
            assert (weak.returncode, "easy to guess" in weak.stderr) == (2, True)
            nobody = clipcast("users", "password", "other@example.org", "--password", NEW, **environ)
            assert (nobody.returncode, "There is no user" in nobody.stderr) == (2, True)
            assert clipcast("users", "password", "Owner@example.org", "--password", NEW, **environ).returncode == 0
            old = browser.post("/sign-in", data={"email": "owner@example.org", "password": OLD})
            assert old.status_code == 422
            new = browser.post("/sign-in", data={"email": "owner@example.org", "password": NEW})
            assert new.status_code == 303

            invited = clipcast("users", "invite", "--workspace", "Studio", "--role", "viewer", **environ)
            path = invited.stdout.strip().removeprefix("https://clips.example.org")
            assert "Join Studio" in browser.get(path).text
            wrong = clipcast("users", "invite", "--workspace", "Studio", "--role", "king", **environ)
            assert (wrong.returncode, "viewer, editor, owner" in wrong.stderr) == (2, True)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_api_prints_the_setup_link_and_other_commands_use_its_address(tmp_path: Path) -> None:
    port = free_port()
    environ = {"CLIPCAST_DATA_DIR": str(tmp_path / "data"), "CLIPCAST_PUBLIC_URL": ""}
    process = start("api", "--port", str(port), **environ)
    try:
        assert process.stdout is not None
        link = process.stdout.readline()
        assert f"http://127.0.0.1:{port}/setup?code=" in link
        assert httpx2.get(link.split()[-1], trust_env=False).status_code == 200
        clipcast("workspaces", "create", "Studio", **environ)
        invitation = clipcast("users", "invite", "-w", "Studio", **environ).stdout
        assert invitation.startswith(f"http://127.0.0.1:{port}/invitations/")
        found = clipcast("doctor", **environ).stdout
        assert f"ok    Public address: http://127.0.0.1:{port} reaches a running Clipcast" in found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def test_doctor_command_reports_bad_findings_with_exit_code_1(tmp_path: Path) -> None:
    found = clipcast("doctor", CLIPCAST_DATA_DIR=str(tmp_path), CLIPCAST_PUBLIC_URL="http://127.0.0.1:1")
    assert found.returncode == 1
    assert "bad   Workers: no worker is alive" in found.stdout
    assert "ok    Database" in found.stdout
