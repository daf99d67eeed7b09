"""`clipcast post --csv`: files are uploaded, and all rows become posts or none does."""

from pathlib import Path

from clipcast.testing.harness import ACCOUNT, some_day
from tests.cli.client.conftest import Shell

THREADS = f"threads:@{ACCOUNT}"


async def test_plan_uploads_each_file_once_and_creates_all_posts(shell: Shell, clip: Path) -> None:
    await shell.served.stage.connect("threads")
    folder = shell.folder / "plans"
    folder.mkdir()
    (folder / "ä clip.mp4").write_bytes(clip.read_bytes())
    edit = await shell.served.stage.caller.upload(clip)
    plan = folder / "plan.csv"
    plan.write_text(
        f"Files;To;text;edit_id;at\n\nä clip.mp4;{THREADS};one;;{some_day()} 18:00\n"
        f'./ä clip.mp4;{THREADS};"two;\nlines"\n;{THREADS};=three;{edit};\n',
        "utf-8-sig",
    )
    command = ["post", "--csv", str(plan), "--timezone", "Europe/Berlin"]
    dry = await shell.run(*command, "--dry-run")
    assert dry.code == 0, dry.err
    assert dry.out.startswith("Valid: 3 posts, 3 items.")
    assert len((await shell.served.stage.caller.get("/clips")).json()["clips"]) == 1
    async with shell.served.publishing():
        done = await shell.run(*command, "--json", "--wait")
    assert done.code == 0, done.err
    assert [post["line"] for post in done.json["posts"]] == [3, 4, 6]
    assert [post["status"] for post in done.json["ended"]] == ["completed"] * 2
    assert len((await shell.served.stage.caller.get("/clips")).json()["clips"]) == 2
    posts = [await shell.served.stage.show(post["post_id"]) for post in done.json["posts"]]
    texts = [post["items"][0]["metadata"]["threads"]["text"] for post in posts]
    assert texts == ["one", "two;\nlines", "=three"]
    assert [post["status"] for post in posts] == ["pending", "completed", "completed"]
    double = await shell.run(*command)
    assert (double.code, double.err.count("line 3, edit_id: "), "--allow-duplicate" in double.err) == (2, 1, True)
    assert (await shell.run(*command, "--allow-duplicate")).code == 0


async def test_broken_rows_and_missing_files_are_reported_together_and_nothing_is_sent(
    shell: Shell, clip: Path
) -> None:
    await shell.served.stage.connect("threads")
    plan = shell.folder / "plan.csv"
    plan.write_text(f"files,to,at\n{clip},{THREADS},\nnowhere.mp4,{THREADS},\n{clip},@nobody,\n{clip},{THREADS},soon\n")
    done = await shell.run("post", "--csv", str(plan))
    assert done.code == 2
    places = [line.strip().partition(":")[0] for line in done.err.splitlines()[1:]]
    assert places == ["line 3, files", "line 4, to", "line 5, at"]
    listed = await shell.run("post", "--csv", str(plan), "--json")
    assert [one["line"] for one in listed.json["errors"]] == [3, 4, 5]
    assert (await shell.served.stage.caller.get("/clips")).json()["clips"] == []
    assert (await shell.run("post", "--csv", str(plan), "--text", "x")).code == 2
    assert (await shell.run("post", "--csv", str(shell.folder / "none.csv"))).code == 2


async def test_render_of_a_file_is_made_and_its_id_can_be_posted(shell: Shell, clip: Path) -> None:
    await shell.served.stage.connect("threads")
    wrong = await shell.run("render", str(clip), "--aspect", "x:y")
    assert (wrong.code, "/aspect_ratio" in wrong.err) == (2, True)
    assert (await shell.run("render", str(clip), "--trim", "a-b")).code == 2
    made = await shell.run("render", str(clip), "--trim", "0.5-2", "--set", "audio.mute=true", "--no-wait", "--json")
    assert made.code == 0, made.err
    assert made.json["status"] in ("queued", "active")
    edit = made.json["edit_setting_id"]
    assert (await shell.run("post", edit, "--to", THREADS, "--text", "Tide", "--dry-run")).code == 0
