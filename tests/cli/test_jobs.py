"""The `jobs` commands, run as processes beside the test's own database."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from clipcast.clock import clock
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.models.jobs import Worker
from clipcast.jobs.claimed import LEASE
from clipcast.jobs.kinds import NETWORK, QUARANTINE
from clipcast.jobs.pauses import PLATFORM, WORKSPACE, pause
from clipcast.jobs.workers import WorkerFacts, heartbeat, reclaim_expired, register
from clipcast.testing.harness import Stage
from clipcast.workspaces.service import create_workspace
from tests.audit.test_audit import actions
from tests.cli.test_commands import clipcast

TIKTOK = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


class Jobs:
    """`clipcast jobs` on the test's database."""

    def __init__(self, server: EmbeddedServer, data_dir: Path) -> None:
        url = server.acquire()
        self._environ = {
            "CLIPCAST_DATABASE_URL": url, "CLIPCAST_DATA_DIR": str(data_dir), "CLIPCAST_SECRET_KEY": "k" * 32
        }  # fmt: skip

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return clipcast("jobs", *arguments, **self._environ)

    def read(self, *arguments: str) -> str:
        shown = self(*arguments)
        assert (shown.returncode, shown.stderr) == (0, "")
        return shown.stdout


@pytest.fixture
def jobs(server: EmbeddedServer, tmp_path: Path) -> Jobs:
    return Jobs(server, tmp_path)


async def dead_post(stage: Stage) -> str:
    """Return the post of a job that has ended three workers."""
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    for queue in (NETWORK, NETWORK, QUARANTINE):
        assert await stage.claim(queue=queue)
        clock.move(LEASE + timedelta(seconds=1))
        await reclaim_expired(stage.installation.database)
    return post_id


async def test_dead_job_is_listed_shown_and_retried(stage: Stage, jobs: Jobs) -> None:
    job = await stage.job(await dead_post(stage))
    listed = jobs.read("list", "--workspace", "Workspace", "--platform", "tiktok").splitlines()
    assert listed[0] == "quarantine: 1 dead"
    assert listed[1].split()[:6] == [str(job.id), "dead", "publish", "tiktok", "quarantine", "Workspace"]
    assert "3 workers died while" in listed[1]
    shown = jobs.read("show", str(job.id))
    for line in (
        "State: dead",
        "Item status: failed",
        "Worker deaths: 3",
        "  Worker: test",
        "  Code: run_kills_worker",
    ):
        assert line in shown.splitlines()
    assert shown.count("decision lost") == 2
    as_json = json.loads(jobs.read("show", str(job.id), "--json"))
    assert (as_json["id"], as_json["evidence"]["code"]) == (str(job.id), "run_kills_worker")
    assert [one["number"] for one in as_json["attempts"]] == [1, 2, 3]
    async with stage.installation.database.begin() as session:
        await pause(session, PLATFORM, "tiktok", "the operator")
    retried = jobs.read("retry", str(job.id)).strip()
    assert retried.startswith(f"The job {job.id} is ready. The platform tiktok is paused since 2"), retried
    assert json.loads(jobs.read("list", "--json"))["counts"] == [{"queue": "network", "state": "ready", "jobs": 1}]


async def test_journal_is_shown_without_its_results(stage: Stage, jobs: Jobs) -> None:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    await stage.run_until_ended()
    job = await stage.job(post_id)
    shown = json.loads(jobs.read("show", str(job.id), "--json"))
    assert (shown["state"], shown["item_status"]) == ("done", "published")
    assert {tuple(entry) for entry in shown["journal"]} == {("name", "intended_at", "finished_at")}
    again = jobs("retry", str(job.id))
    assert (again.returncode, "The item is published." in again.stderr) == (1, True)


def test_unknown_names_are_reported_with_the_known_ones(jobs: Jobs, database: object) -> None:
    for arguments, message in {
        ("show", "nothing"): "There is no job 'nothing'. `clipcast jobs list` shows the ids.",
        ("retry", "nothing"): "There is no job 'nothing'.",
        ("list", "--state", "lost"): "There is no state 'lost'. Use one of: waiting, ready,",
        ("list", "--kind", "x"): "There is no kind 'x'. Use one of:",
        ("list", "--queue", "x"): "There is no queue 'x'. Use one of: network",
        ("list", "--platform", "x"): "There is no platform 'x'. Use one of:",
        ("pause", "x"): "There is no queue, platform or workspace 'x'. Use one of: network, ",
        ("pause", "--workspace", "tiktok"): "There is no workspace 'tiktok'. `clipcast workspaces list` shows the ids.",
        ("pause",): "Name one queue, platform or workspace",
        ("resume", "x"): "There is no queue, platform or workspace 'x'.",
        ("list", "--workspace", "x"): "There is no workspace 'x'. `clipcast workspaces list` shows the ids.",
    }.items():
        shown = jobs(*arguments)
        assert (shown.returncode, shown.stdout) == (2, "")
        assert message in shown.stderr
    assert jobs.read("list").strip() == "No job matches."


async def test_platform_is_paused_and_resumed(stage: Stage, jobs: Jobs) -> None:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    assert jobs.read("pause", "tiktok").strip() == "The platform tiktok is paused."
    assert json.loads(jobs.read("pause", "tiktok", "--json")) == {"kind": "platform", "name": "tiktok", "new": False}
    await stage.run_all()
    assert (await stage.item(post_id))["error"]["code"] == "paused_by_operator"
    assert "The operator paused publishing to TikTok." in jobs.read("list", "--state", "paused")
    assert json.loads(jobs.read("resume", "tiktok", "--json"))["jobs"] == 1
    [resumed, paused] = (await actions(stage))[:2]
    assert resumed == ("command", "clipcast jobs resume", "jobs.resumed")
    assert paused == ("command", "clipcast jobs pause", "jobs.paused")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    again = jobs("resume", "tiktok")
    assert (again.returncode, "is not paused" in again.stderr) == (1, True)


async def test_workspace_is_paused_by_its_name(stage: Stage, jobs: Jobs) -> None:
    shown = json.loads(jobs.read("pause", "Workspace", "--json"))
    assert shown == {"kind": "workspace", "name": stage.caller.workspace_id, "new": True}
    assert await actions(stage) == [("command", "clipcast jobs pause", "jobs.paused")]


async def test_workspace_that_is_named_like_a_platform_is_chosen_by_an_option(stage: Stage, jobs: Jobs) -> None:
    async with stage.installation.database.begin() as session:
        named = str((await create_workspace(session, "tiktok")).id)
    unclear = jobs("pause", "tiktok")
    message = "'tiktok' is a platform and a workspace. Use --platform or --workspace."
    assert (unclear.returncode, unclear.stderr.strip()) == (2, message)
    assert json.loads(jobs.read("pause", "--workspace", "tiktok", "--json"))["name"] == named
    assert json.loads(jobs.read("resume", "tiktok", "--json")) == {"kind": "workspace", "name": named, "jobs": 0}
    assert json.loads(jobs.read("pause", "--platform", "tiktok", "--json"))["kind"] == "platform"
    assert await actions(stage) == [("command", "clipcast jobs pause", "jobs.paused")]


async def test_what_is_gone_is_resumed(stage: Stage, jobs: Jobs) -> None:
    """A platform whose plugin was removed, and a workspace that was deleted."""
    deleted = str(UUID(int=1))
    async with stage.installation.database.begin() as session:
        await pause(session, PLATFORM, "mastodon", "test")
        await pause(session, WORKSPACE, deleted, "test")
    assert jobs.read("resume", "mastodon").strip().startswith("The platform mastodon is resumed.")
    assert jobs.read("resume", "--workspace", deleted).strip().startswith(f"The workspace {deleted} is resumed.")
    assert jobs("resume", "mastodon").returncode == 2


async def test_worker_is_drained(stage: Stage, jobs: Jobs) -> None:
    nobody = jobs("drain")
    assert (nobody.returncode, nobody.stderr.strip()) == (1, "No worker is alive.")
    lease = await register(stage.installation.database, WorkerFacts("host:1", "rows", "", {NETWORK: 4}, {}))
    async with stage.installation.database.begin() as session:  # the commands take longer than a lease
        await session.execute(update(Worker).values(lease_until=clock.now() + timedelta(hours=1)))
    other = jobs("drain", "host:2")
    assert (other.returncode, "Use one of: host:1." in other.stderr) == (2, True)
    assert json.loads(jobs.read("drain", "host:1", "--json")) == [{"id": str(lease.id), "name": "host:1"}]
    assert await actions(stage) == [("command", "clipcast jobs drain", "worker.drained")]
    drained = jobs.read("drain").splitlines()
    assert drained[0] == "The worker host:1 stops within 12 s."
    assert drained[1].startswith("No other worker is alive: all jobs wait until one starts.")
    orders = await heartbeat(stage.installation.database, lease, {}, [])
    assert orders is not None
    assert orders.drain
