"""The child that reads uploaded files: its limits, and the isolation of its failures."""

import asyncio
import errno
import json
import os
import select
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from clipcast.common.media import Media
from clipcast.common.unavailable import StorageUnavailable
from clipcast.rendering.channel import BLOCK
from clipcast.rendering.children import Bounds, ChildJob, Children, ChildUnavailable, Source
from clipcast.rendering.confinement import FILES_OF_DRIVERS
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.examine import Examined, examine, missing_layers
from clipcast.testing.loop_time import move_loop_time
from clipcast.testing.media_files import make

MEBIBYTE = 1024 * 1024
linux = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")


def acting(job: str, before: str = "", at_once: int = 2, kind: str = "probe") -> Children:
    """Return children whose jobs of a kind are this Python code; it has `task` and `source`, and updates `result`."""
    script = textwrap.dedent("""
        import json, os, signal, socket, sys, time
        {before}
        from clipcast.rendering import child, jobs
        def act(task):
            [source] = task.sources
            result = dict()
        {job}
            return result
        jobs.JOBS[{kind!r}] = act
        os._exit(child.main())
    """).format(before=textwrap.dedent(before), job=textwrap.indent(textwrap.dedent(job), "    "), kind=kind)
    return Children(at_once, command=(sys.executable, "-I", "-c", script))


async def nothing(start: int, end: int) -> AsyncIterator[bytes]:
    yield bytes(end - start)


def reading(path: Path) -> Any:
    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        yield path.read_bytes()[start:end]

    return read


async def examine_path(path: Path, bounds: Bounds | None = None) -> Examined:
    return await examine(Children(), reading(path), path.stat().st_size, bounds)


async def rejection_code(kids: Children, bounds: Bounds | None = None, size: int = 10) -> str:
    with pytest.raises(UnreadableMedia) as caught:
        await examine(kids, nothing, size, bounds)
    return caught.value.code


async def test_examine_ordinary_file_returns_facts_and_thumbnail(tmp_path: Path) -> None:
    examined = await examine_path(make(tmp_path / "a.mp4"))
    assert (examined.media.width, examined.media.video_codec) == (128, "h264")
    assert examined.thumbnail is not None


async def test_examine_unreadable_file_returns_its_code(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video at all")
    with pytest.raises(UnreadableMedia) as caught:
        await examine_path(path)
    assert caught.value.code == "not_a_video"


@pytest.mark.parametrize(
    "job",
    [
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(0)",
        "raise KeyError('an odd file')",
        "waste = bytearray(1 << 40)",
        "while True: pass",
        "time.sleep(3600)",
        "while True: source.seek(0); source.read()",
        "os.write(0, b'?' * 100)",
        "os.write(0, b'M' + bytes(8) + b'\\xff' * 4)",
        "os.write(0, b'R' + b'\\xff' * 8 + bytes(3) + b'\\x01')",
    ],
    ids=["crash", "killed", "gone", "bug", "memory", "cpu", "hangs", "endless", "noise", "long message", "far read"],
)
async def test_examine_file_that_crashes_its_child_is_unreadable(job: str) -> None:
    assert await rejection_code(acting(job), Bounds(cpu=1, seconds=5, rereads=0)) == "media_unreadable"


@pytest.mark.parametrize(
    "change",
    [
        {"duration": float("nan")},
        {"duration": float("inf")},
        {"duration": -1.0},
        {"width": 0},
        {"size": 11},
        {"video_codec": "h264\x00"},
        {"video_codec": "x" * 100},
        {"brand": "<b>"},
        {"audio_rate": 2**70},
        {"frame_rate": "fast"},
        {"frame_rate": 2e9},
        {"mean_frame_rate": 2e9},
    ],
)
async def test_examine_implausible_facts_are_rejected(change: dict[str, Any]) -> None:
    """Reject the result of a child that a file has taken over."""
    media = asdict(Media("mp4", 10, 1.0, 10, 10, 30.0, "h264", None)) | change
    kids = acting(f"result.update(media=json.loads({json.dumps(media)!r}), thumbnail=None)")
    assert await rejection_code(kids) == "media_unreadable"


@pytest.mark.parametrize("name", ["frame_rate", "audio_delay", "video_duration"])
async def test_examine_infinite_facts_are_rejected(name: str) -> None:
    """Reject a number that JSON allows and a float does not hold: arithmetic with it would never end."""
    media = asdict(Media("mp4", 10, 1.0, 10, 10, 30.0, "h264", None)) | {name: 12345.5}
    content = json.dumps({"result": {"media": media, "thumbnail": None}}).replace("12345.5", "1e999").encode()
    kids = acting(f"content = {content!r}; os.write(0, b'M' + bytes(9) + len(content).to_bytes(4, 'big') + content)")
    assert await rejection_code(kids) == "media_unreadable"


async def test_child_that_does_not_read_its_pieces_is_ended() -> None:
    request = "os.write(0, b'R' + bytes(9) + (1 << 19).to_bytes(4, 'big'))"
    kids = acting(f"for _ in range(8): {request}\ntime.sleep(3600)", at_once=1)
    assert await rejection_code(kids, Bounds(cpu=1, seconds=2), size=10_000_000) == "media_unreadable"
    assert await rejection_code(kids, Bounds(cpu=1, seconds=2), size=10_000_000) == "media_unreadable"


@pytest.mark.parametrize(
    "rejected",
    [
        {"code": "not_a_video", "message": "x", "limit": [1]},
        {"code": "not_a_video", "message": "x", "actual": "<script>"},
        {"code": "not_a_video", "message": "x", "actual": 1e300},
        {"code": "Not a code", "message": "x"},
        ["not_a_video"],
    ],
)
async def test_examine_implausible_rejection_is_replaced(rejected: Any) -> None:
    assert await rejection_code(acting(f"result.update(rejected={rejected!r})")) == "media_unreadable"


@pytest.mark.parametrize("thumbnail", ["'AAAA'", "'?'", "1", f"'/9j/' + 'A' * {2 * MEBIBYTE}"])
async def test_examine_implausible_thumbnail_is_rejected(thumbnail: str) -> None:
    media = asdict(Media("mp4", 10, 1.0, 10, 10, 30.0, "h264", None))
    kids = acting(f"result.update(media=json.loads({json.dumps(media)!r}), thumbnail={thumbnail})")
    assert await rejection_code(kids) == "media_unreadable"


async def test_examine_child_that_does_not_start_raises_child_unavailable() -> None:
    for command in (("/nowhere/python",), (sys.executable, "-c", "raise SystemExit(3)")):
        with pytest.raises(ChildUnavailable):
            await examine(Children(command=command), nothing, 10)


async def test_examine_storage_failure_raises_storage_unavailable() -> None:
    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        raise StorageUnavailable("away")
        yield b""

    with pytest.raises(StorageUnavailable):
        await examine(Children(), read, 1000)


async def test_examine_storage_time_does_not_count_for_the_child() -> None:
    """Exclude the time of the storage's responses from the child's time."""
    asked = asyncio.Event()

    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        asked.set()
        move_loop_time(31)
        await asyncio.sleep(0.01)  # in which a time limit would end
        yield bytes(end - start)

    kids = acting("source.read(1)\nresult.update(rejected=dict(code='not_a_video', message='x'))")
    with pytest.raises(UnreadableMedia) as caught:
        await examine(kids, read, 10, Bounds(seconds=30))
    assert asked.is_set()
    assert caught.value.code == "not_a_video"


async def test_examine_runs_few_children_at_once() -> None:
    running = most = 0
    two_are_running = asyncio.Event()

    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            two_are_running.set()
        await two_are_running.wait()
        running -= 1
        yield bytes(end - start)

    kids = acting("source.read(1)\nresult.update(rejected=dict(code='not_a_video', message='x'))", at_once=2)
    await asyncio.gather(*(examine(kids, read, 10) for _ in range(6)), return_exceptions=True)
    assert most == 2


async def test_examine_without_a_free_place_raises_child_unavailable() -> None:
    kids = Children(at_once=1, patience=0.01)
    async with kids._places.place(None, 1):
        with pytest.raises(ChildUnavailable):
            await examine(kids, nothing, 10)


async def test_examine_cancelled_kills_the_child(tmp_path: Path) -> None:
    begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        begun.set_result(start // BLOCK)
        yield bytes(end - start)

    # It tells its process id by what it reads.
    kids = acting("source.seek(os.getpid() * 65536)\nsource.read(1)\ntime.sleep(3600)")
    task = asyncio.create_task(examine(kids, read, 2**40))
    pid = await begun
    os.kill(pid, 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_cancelled_start_of_a_child_kills_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.subprocess.Process] = []
    start, reached = asyncio.create_subprocess_exec, asyncio.Event()

    async def starting(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*command, **options))
        return started[-1]

    async def hanging(**options: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "create_subprocess_exec", starting)
    monkeypatch.setattr(asyncio, "open_unix_connection", hanging)
    task = asyncio.create_task(examine(Children(), nothing, 10))
    await reached.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert started[0].returncode is not None


@linux
async def test_child_dies_with_its_parent() -> None:
    script = textwrap.dedent(f"""
        import asyncio, sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from tests.rendering.test_children import acting
        async def read(start, end):
            print(start // 65536, flush=True)
            yield bytes(end - start)
        kids = acting("source.seek(os.getpid() * 65536); source.read(1); time.sleep(3600)")
        asyncio.run(kids.run("probe", read, 2**40))
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        descriptor = os.pidfd_open(pid)
        parent.kill()
    # A pidfd is readable once its process has ended.
    ended, _, _ = await asyncio.to_thread(select.select, [descriptor], [], [], 30)
    os.close(descriptor)
    assert ended


@linux
async def test_child_has_no_secrets_files_or_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deny the environment's secrets, files outside Python's libraries, the network, and new files."""
    monkeypatch.setenv("CLIPCAST_SECRET_KEY", "s" * 40)
    secret = tmp_path / "secret.key"
    secret.write_text("x" * 40)
    missing = set(await missing_layers(Children()))
    with socket.socket() as listening, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        for one in (listening, datagrams):
            one.bind(("127.0.0.1", 0))
        listening.listen()
        datagrams.setblocking(False)
        job = f"""
            def tried(act):
                try:
                    act()
                except OSError:
                    return False
                return True
            said = [
                tried(lambda: open({str(secret)!r})),
                tried(lambda: open("/etc/passwd")),
                tried(lambda: open({str(tmp_path / "new")!r}, "w")),
                tried(lambda: socket.create_connection(("127.0.0.1", {listening.getsockname()[1]}), 2)),
                tried(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", {datagrams.getsockname()!r})),
                bool(set(os.environ) - {{"LC_CTYPE"}}),  # which Python itself sets
            ]
            result.update(rejected=dict(code="found", message=json.dumps(said)))
        """
        with pytest.raises(UnreadableMedia) as caught:
            await examine(acting(job), nothing, 10)
        allowed = ["files" in missing] * 3 + ["network" in missing] * 2
        reached = [word == "true" for word in caught.value.message.strip("[]").split(", ")]
        assert all(may or not did for may, did in zip([*allowed, False], reached, strict=True))
        if "network" not in missing:
            with pytest.raises(BlockingIOError):
                datagrams.recv(1)
    assert not (tmp_path / "new").exists() or "files" in missing


async def test_child_without_linux_layers_limits_memory_and_cpu(tmp_path: Path) -> None:
    """Limit memory and CPU on any system, and report the missing layers."""
    before = """
        import types
        from clipcast.rendering import confinement
        confinement.sys = types.SimpleNamespace(platform="other")
    """
    script = f"{textwrap.dedent(before)}\nimport os\nfrom clipcast.rendering import child\nos._exit(child.main())"
    kids = Children(command=(sys.executable, "-I", "-c", script))
    assert await missing_layers(kids) == ["privileges", "parent", "network", "files"]
    path = make(tmp_path / "a.mp4")
    assert (await examine(kids, reading(path), path.stat().st_size)).media.video_codec == "h264"


@linux
async def test_child_of_an_ordinary_user_is_confined(tmp_path: Path) -> None:
    """Create the network namespace inside a user namespace, as an ordinary user must."""
    if os.getuid() != 0:
        pytest.skip("needs root to become somebody else")
    script = (
        "import os; os.setgid(65534); os.setuid(65534)\nfrom clipcast.rendering import child\nos._exit(child.main())"
    )
    try:
        missing = await missing_layers(Children(command=(sys.executable, "-I", "-c", script)))
    except ChildUnavailable:
        pytest.skip("another user cannot read this installation")
    assert set(missing) <= {"network", "files"}


@linux
async def test_child_opens_the_files_and_devices_of_its_job_alone(tmp_path: Path) -> None:
    """Encoders in hardware need the libraries of a driver, devices, and more address space than memory."""
    kept, other = tmp_path / "kept", tmp_path / "other"
    for path in (kept, other):
        path.write_text("x")
    kids = acting(f"""
        import fcntl, resource
        def tried(act):
            try:
                act()
            except OSError as error:
                return error.errno
        result.update(
            kept=tried(lambda: open({str(kept)!r})),
            written=tried(lambda: open({str(kept)!r}, "w")),
            other=tried(lambda: open({str(other)!r})),
            device=tried(lambda: fcntl.ioctl(open("/dev/zero", "r+b", buffering=0), 0x5401)),
            limits=[
                resource.getrlimit(kind)[0]
                for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_NOFILE)
            ],
        )
    """)
    memory, reserved = 2**30, 2**40
    bounds = Bounds(memory=memory, reserved=reserved)
    job = ChildJob("probe", (Source(nothing, 10),), bounds, readable=(kept,), writable=(Path("/dev/zero"),))
    outcome = await kids.run_job(job)
    assert outcome.result["limits"] == [memory + reserved, memory, FILES_OF_DRIVERS]
    if "files" in outcome.layers:
        denied, no_terminal = errno.EACCES, errno.ENOTTY
        assert [outcome.result[name] for name in ("kept", "written", "other", "device")] == [
            None, denied, denied, no_terminal
        ]  # fmt: skip
