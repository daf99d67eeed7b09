"""`clipcast post --csv`: files are uploaded, and all rows become posts or none does."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from clipcast.cli.client.times import local_time
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
    named = double.err.count("line 3, files: ä clip.mp4: "), double.err.count("line 6, edit_id: ")
    assert (double.code, named, "--allow-duplicate" in double.err) == (2, (1, 1), True)
    error = (await shell.run(*command, "--json")).json["error"]
    assert (error["code"], {one["code"] for one in error["errors"]}) == ("duplicate_content", {"duplicate_content"})
    assert error["errors"][0]["earlier"]["post_id"] == posts[0]["post_id"]
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


async def test_all_kinds_of_problems_of_a_plan_are_reported_at_once_in_words(shell: Shell, clip: Path) -> None:
    """Column names, files, cells, accounts and what the account does not offer, each with line, column and fix."""
    await shell.served.stage.connect("tiktok")
    edit = await shell.served.stage.caller.upload(clip)
    tiktok, plan = f"tiktok:@{ACCOUNT}", shell.folder / "plan.csv"
    plan.write_text(
        "files,edit_id,to,texxt,at,tiktok.privacyLevel\n"
        f",{edit},{tiktok},x,{some_day()} 9:00,FOLLOWER_OF_CREATOR\n"
        f"nowhere.mp4,,{tiktok},x,soon,SELF_ONLY\n"
        f",{edit},tiktok:@nobody,x,,SELF_ONLY\n"
        f",{edit},{tiktok},x,,\n"
    )
    done = await shell.run("post", "--csv", str(plan), "--dry-run", "--timezone", "Europe/Berlin")
    assert done.code == 2
    places = [line.strip().partition(": ")[0] for line in done.err.splitlines()[1:]]
    assert places == [
        "line 1, texxt", "line 2, tiktok.privacyLevel", "line 3, at", "line 3, files", "line 4, to",
        "line 5, tiktok.privacyLevel",
    ]  # fmt: skip
    lines = dict(zip(places, done.err.splitlines()[1:], strict=True))
    assert "Did you mean 'text'?" in lines["line 1, texxt"]
    assert "PUBLIC_TO_EVERYONE" in lines["line 2, tiktok.privacyLevel"]
    assert lines["line 4, to"].endswith("`clipcast accounts list` shows the accounts.")
    assert lines["line 5, tiktok.privacyLevel"].endswith("Fill the column tiktok.privacyLevel.")
    assert "GET /" not in done.err
    plan.write_text(f"edit_id,to,at,tiktok.privacyLevel\n{edit},{tiktok},{some_day()} 18:00,SELF_ONLY\n")
    dry = await shell.run("post", "--csv", str(plan), "--dry-run", "--timezone", "Europe/Berlin")
    assert dry.code == 0, dry.err
    head, row = dry.out.splitlines()
    assert head == "Valid: 1 post, 1 item. Nothing was sent."
    at = datetime.fromisoformat(f"{some_day()}T18:00").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert row.split("  ") == ["line 2", local_time(at.isoformat()), "tiktok", edit, "privacyLevel=SELF_ONLY"]
    not_a_plan = shell.folder / "bytes.csv"
    not_a_plan.write_bytes(b"edit_id,to\nx,\xff\n")
    unreadable = await shell.run("post", "--csv", str(not_a_plan))
    assert (unreadable.code, "  line 2: The plan is not UTF-8." in unreadable.err) == (2, True), unreadable.err


async def test_account_shows_its_choices_and_limits_in_words(shell: Shell) -> None:
    await shell.served.stage.connect("tiktok")
    await shell.served.stage.connect("pinterest")
    tiktok = await shell.run("accounts", "options", f"tiktok:@{ACCOUNT}")
    assert (tiktok.code, [line.split() for line in tiktok.out.splitlines()][:1]) == (
        0, [["tiktok.privacyLevel", "PUBLIC_TO_EVERYONE"]],
    )  # fmt: skip
    assert "comment disabled" in tiktok.out
    pinterest = await shell.run("accounts", "options", f"pinterest:@{ACCOUNT}")
    assert "(Harbours)" in pinterest.out
    assert "{" not in tiktok.out + pinterest.out


async def test_render_of_a_file_is_made_and_its_id_can_be_posted(shell: Shell, clip: Path) -> None:
    await shell.served.stage.connect("threads")
    wrong = await shell.run("render", str(clip), "--aspect", "x:y")
    assert (wrong.code, "  aspect_ratio: " in wrong.err) == (2, True)
    for field, reason in (
        ("idempotency_key=1", "no field 'idempotency_key'"), ("video_id=1", "no field 'video_id'"),
        ("speeed=2", "Did you mean 'speed'?"), ("if_match=1", "Use one of resolution, "),
    ):  # fmt: skip
        refused = await shell.run("render", str(clip), "--set", field)
        assert (refused.code, reason in refused.err) == (2, True), refused.err
    for trim, reason in (
        ("a-b", "START-END"), ("-", "START-END"), ("nan-5", "START-END"), ("5-3", "ends at 3 s, and begins at 5 s"),
        ("5-5", "Give a later end"),
    ):  # fmt: skip
        refused = await shell.run("render", str(clip), "--trim", trim)
        assert (refused.code, reason in refused.err) == (2, True), refused.err
    assert (await shell.served.stage.caller.get("/clips")).json()["pagination"]["total_count"] == 1
    made = await shell.run("render", str(clip), "--trim", "0.5-2", "--set", "audio.mute=true", "--no-wait", "--json")
    assert made.code == 0, made.err
    assert made.json["status"] in ("queued", "active")
    edit = made.json["edit_setting_id"]
    assert (await shell.run("post", edit, "--to", THREADS, "--text", "Tide", "--dry-run")).code == 0
