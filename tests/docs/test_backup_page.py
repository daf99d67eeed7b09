"""The commands of the page about backups keep what a restore needs, and move a database."""

import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer, programs
from clipcast.workspaces.service import create_workspace

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "back-up-and-restore.md").read_text()


def commands(heading: str, number: int) -> str:
    """Return a block of commands of a section."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^( *)```sh\n(.*?)^ *```", section, re.MULTILINE | re.DOTALL)[number][1]


def run(script: str, folder: Path) -> None:
    done = subprocess.run(["bash", "-euc", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("key", [True, False], ids=["key in a file", "key in a setting"])
def test_archive_holds_all_but_unfinished_work(tmp_path: Path, key: bool) -> None:
    data, restored, kept = tmp_path / "data", tmp_path / "restored", tmp_path / "kept"
    for file in ("postgres/data/PG_VERSION", "postgres.password", "media/clip", "fonts/a.ttf", "work/1/part"):
        (data / file).parent.mkdir(parents=True, exist_ok=True)
        (data / file).write_text(file)
    if key:
        (data / "secret.key").write_text("key")
    kept.mkdir()
    (tmp_path / "settings").write_text("settings")
    for script, folder in ((commands("Back up the data directory", 0), data), (commands("Restore", 0), restored)):
        restored.mkdir(exist_ok=True)
        lines = [line for line in script.splitlines() if "systemctl" not in line and "install -d" not in line]
        run(
            "\n".join(lines).replace("/var/lib/clipcast", str(folder)).replace("/etc/clipcast.env", "../settings"), kept
        )
    found = {str(path.relative_to(restored)) for path in restored.rglob("*") if path.is_file()}
    expected = {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()} - {"work/1/part"}
    assert found == expected
    assert (kept / "clipcast.env").stat().st_mode & 0o077 == 0


async def test_embedded_database_moves_to_another_one(
    database: Database, server: EmbeddedServer, tmp_path: Path
) -> None:
    async with database.begin() as session:
        await create_workspace(session, "Moved")
    address = server.acquire()
    new = urlsplit(address)._replace(path="/moved").geturl()
    psql = programs() / "psql"
    run(f"{psql} '{address}' -c 'CREATE DATABASE moved TEMPLATE template0'", tmp_path)
    try:
        script = commands("Move the embedded database to a PostgreSQL of your own", 1)
        script = re.sub(r"(?m)^ *NEW=.*$", f"NEW='{new}'", script)
        script = re.sub(r"(?m)^ *DATA=.*$", f"DATA={server.home.parent}", script)
        run(re.sub(r"(?m)^ *PATH=.*$", f'PATH="{programs()}:$PATH"', script), tmp_path)
        moved = Database(new)
        async with moved.connect() as connection:
            names = (await connection.execute(text("SELECT name FROM workspaces"))).scalars().all()
        await moved.close()
    finally:
        run(f"{psql} '{address}' -c 'DROP DATABASE moved'", tmp_path)
    assert names == ["Moved"]
    [shown] = re.findall(r"/opt/clipcast/\.venv/(\S+)\):", PAGE)
    assert fnmatchcase(str(programs()), f"*/{shown}")
