"""`clipcast post`: from files to live videos in one command."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipcast.cli.client import live, repeats
from clipcast.cli.client.session import (
    FAILED,
    OK,
    AsJson,
    Refused,
    Session,
    Url,
    about,
    agree,
    count,
    is_interactive,
    one_line,
    say,
    session,
    table,
)
from clipcast.cli.client.times import local_time

if TYPE_CHECKING:
    from clipcast.sdk import PublishedPost
    from clipcast.sdk.models import VideoCompleted
    from clipcast.sdk.uploads import OnProgress

DUPLICATE = "duplicate_content"
ALLOW = "Add --allow-duplicate to post it again."
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
CONTINUES = "Continuing the same command, which was interrupted. It posts nothing twice."
REPEAT = "Repeat the same command within 23 hours: it continues, and posts nothing twice."


def post(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Files, http addresses of files, or edit ids of uploaded clips."),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to", metavar="ACCOUNT", help="Account: platform:@name, @name or its id. Repeat it for several."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="Caption of every account, in each platform's own field.")] = None,
    title: Annotated[str | None, typer.Option(help="Title, for platforms that have one.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Tag without #. Repeat it for several.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PLATFORM.FIELD=VALUE", help="A platform's own field. Repeat it for several."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help='"2027-01-24 18:00", "24 jan 6pm", "tomorrow 18:00", "fri 9:00" or "in 2 hours". Default: now.'
        ),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="IANA time zone of --at, or of a plan's times. Default for --at: this machine's.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until every item is live, has failed or waits for a person.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Upload and check files, and post nothing. A plan is checked without its files."
        ),
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="PLAN", help="A CSV with one post per row, instead of files and accounts.")
    ] = None,
    allow_duplicate: Annotated[
        bool,
        typer.Option("--allow-duplicate", help="Post even if the account got the same clip and text recently."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Upload files and publish each of them to every account, now or later.

    Exit code 0: all items are live, scheduled or on their way. 1: an item failed, or waits for a person. 2: nothing was
    posted, because the command or the post is not valid. 3: Clipcast cannot be reached. Times are those of this
    machine's zone. If you repeat a command that was interrupted, it continues and posts nothing twice.
    """
    if csv is not None:
        from clipcast.cli.client.plan import post_plan

        with session(url, as_json, timeout=600.0) as opened:
            if files or to or tag or set_ or any(one is not None for one in (text, title, at)):
                raise Refused("--csv takes everything from the plan. Leave out files, accounts, texts and --at.")
            post_plan(opened, csv, timezone, wait, dry_run, allow_duplicate, yes)
        return
    with session(url, as_json) as opened:
        if not files or not to:
            raise Refused("Give at least one FILE and one --to ACCOUNT. `clipcast accounts list` shows the accounts.")
        if timezone is not None and at is None:
            raise Refused(f"--timezone {timezone} is that of --at, which is missing. Add --at, or leave both out.")
        common = {"text": text, "title": title, "tags": tag}
        Posting(opened, files, to, common, set_ or [], at, timezone, allow_duplicate, yes).run(wait, dry_run)


class Posting:
    """One `clipcast post` of files. `run` is its order of events."""

    def __init__(
        self,
        opened: Session,
        files: Sequence[str],
        to: Sequence[str],
        common: dict[str, Any],
        settings: Sequence[str],
        at: str | None,
        timezone: str | None,
        allow_duplicate: bool,
        yes: bool,
    ) -> None:
        from clipcast.cli.client.settings import parse_settings

        self._session, self._client = opened, opened.client
        self._files, self._to = list(files), list(to)
        self._clips = [_clip(file) for file in files]
        self._allowed = allow_duplicate or yes
        asked = {"files": self._files, "to": self._to, "set": list(settings), "at": at, "timezone": timezone}
        self._when, self._zone = _instant(at, timezone), timezone
        self._command = repeats.begin(
            asked | common | {"url": opened.url, "caller": opened.caller},
            self._files,
            self._when,
            allow_duplicate=allow_duplicate,
        )
        self._arguments: dict[str, Any] = common | {
            "to": self._to, "settings": parse_settings(opened.client, settings, self._to), "at": self._command.at
        }  # fmt: skip

    def run(self, wait: bool, dry_run: bool) -> None:
        """Check, upload, check again, post and wait. Raises Refused, ClipcastError or typer.Exit."""
        if dry_run:
            self._show_dry_run(self._checked_clips(may_ask=False)[1])
            return
        if (allowed := self._command.sent) is None:
            clips, checked = self._checked_clips(may_ask=True)
            allowed = self._decide([*checked["warnings"], *checked["errors"]])
        else:
            say(CONTINUES)
            clips = self._command.clips
        posted = self._post(clips, allowed, wait)
        self._command.end()
        finish(self._session, posted, wait)

    def _checked_clips(self, may_ask: bool) -> tuple[list[dict[str, Any]], Any]:
        """Return the clips, and the result of the check. Raises Refused."""
        arguments = self._arguments | {"allow_duplicate": self._allowed}
        # Accounts, texts and times are checked before the first byte is sent.
        self._check(self._client.validate(self._clips, **arguments), may_ask)
        clips = self._upload()
        checked = self._client.validate(clips, **arguments)
        self._check(checked, may_ask)
        return clips, checked

    def _post(self, clips: list[dict[str, Any]], allowed: bool, wait: bool) -> PublishedPost:
        """Create the post, or find that of the interrupted command, and wait. Raises Refused or ClipcastError."""
        from clipcast.sdk import ClipcastError, NotFound

        self._session.on_interrupt = f"Stopped. The post may exist. {REPEAT}"
        try:
            with self._command.sending(allowed, clips):
                posted = self._client.publish(
                    clips,
                    **self._arguments,
                    check=False,
                    on_duplicate="allow" if allowed else None,
                    idempotency_key=self._command.id,
                )
            if wait:
                self._session.on_interrupt = f"Stopped waiting. {_exists(posted.id)}"
                names = {str(clip["edit_setting_id"]): file for clip, file in zip(clips, self._files, strict=True)}
                posted = live.watch(self._client.watch(posted.id), names, self._session.as_json)
        except ClipcastError as error:
            if error.post_id and isinstance(error, NotFound):
                # Nothing is left to continue.
                self._command.end()
                advice = ["Repeat the command to post it again."]
                raise Refused(f"The post {error.post_id} was deleted.", details=advice) from None
            known = "Nothing was posted." if self._command.sent is None else "The post may exist."
            self._session.on_loss = _exists(error.post_id) if error.post_id else f"{known} {REPEAT}"
            raise
        return posted

    def _check(self, result: Any, may_ask: bool) -> None:
        from clipcast.cli.client.problems import lines_of

        # A workspace can refuse duplicates. A person can allow them nevertheless.
        errors = [one for one in result["errors"] if one["code"] != DUPLICATE or not may_ask]
        if not errors and not result["more_errors"]:
            return
        details = lines_of(self._client, errors, self._files, self._to)
        if result["more_errors"]:
            details.append(f"and {result['more_errors']} more")
        if any(one["code"] == DUPLICATE for one in errors):
            details.append(ALLOW)
        data = {"error": {"code": "validation_failed", "message": "Nothing was posted.", "errors": errors}}
        raise Refused("Nothing was posted.", details=[f"  {line}" for line in details], data=data)

    def _upload(self) -> list[dict[str, Any]]:
        """Return the clips, with those that had to be uploaded or imported."""
        found: list[dict[str, Any]] = []
        self._command.save()
        self._session.on_loss = REPEAT
        with live.upload_bars(self._session.as_json) as bar:
            for number, clip in enumerate(self._clips):
                uploaded = f"{number} of {count(len(self._clips), 'file')}"
                self._session.on_interrupt = f"Stopped. Uploaded {uploaded}. {REPEAT}"
                if isinstance(clip, dict):
                    found.append(clip)
                else:
                    video = upload_one(self._session, self._command, number, clip, bar())
                    found.append({"edit_setting_id": video["edit_setting_id"]})
        self._session.on_interrupt = f"Stopped. The files are uploaded, and nothing is posted. {REPEAT}"
        return found

    def _decide(self, warnings: Sequence[Any]) -> bool:
        """Show the warnings. Return whether duplicates are allowed. Raises Refused if nobody allows them."""
        from clipcast.cli.client.problems import lines_of

        doubles = [one for one in warnings if one["code"] == DUPLICATE]
        for line in lines_of(self._client, [one for one in warnings if one not in doubles], self._files, self._to):
            say(f"Note: {line}", typer.colors.YELLOW)
        return self._allowed or confirm_duplicates(lines_of(self._client, doubles, self._files, self._to), doubles)

    def _show_dry_run(self, checked: Any) -> None:
        from clipcast.cli.client.problems import lines_of

        when = local_time(self._command.at, self._zone) if self._command.at else "now"
        items = count(len(self._files) * len(self._to), "item")
        lines = [f"Valid. Nothing was posted. {items} would be published {when}."]
        lines += [f"Note: {line}" for line in lines_of(self._client, checked["warnings"], self._files, self._to)]
        self._session.result(dict(checked) | {"dry_run": True, "scheduled_at": self._command.at}, lines)


def _exists(post_id: str) -> str:
    return (
        f"The post {post_id} exists, and Clipcast goes on with it.\n`clipcast posts watch {post_id}` continues to wait."
    )


def confirm_duplicates(lines: Sequence[str], doubles: Sequence[Any]) -> bool:
    """Return whether to post these duplicates; False if there are none. Raises Refused if nobody allows them."""
    if not lines:
        return False
    for line in lines:
        say(line, typer.colors.YELLOW)
    if is_interactive() and agree("Post it again?"):
        return True
    advice = [] if is_interactive() else [ALLOW]
    error = {"code": DUPLICATE, "message": "Nothing was posted.", "fix": ALLOW, "errors": list(doubles)}
    raise Refused("Nothing was posted.", details=advice, data={"error": error})


def finish(opened: Session, posted: PublishedPost, waited: bool = True) -> None:
    """Print what became of a post. Raises typer.Exit with its exit code."""
    opened.result(dict(posted.data), table(live.item_rows(posted)))
    if posted.waits_for_person and not opened.as_json:
        who = "its reviewers" if posted.review else "a person"
        say(f"The post {posted.id} waits for {who}. `clipcast posts watch {posted.id}` follows it after that.")
    elif not posted.done and not opened.as_json:
        say(f"The post is {posted.id}. `clipcast posts watch {posted.id}` waits for its end.")
    stopped = any(item.failed or item.waits_for_person for item in posted.items)
    stopped |= waited and posted.waits_for_person
    raise typer.Exit(FAILED if stopped else OK)


def _clip(file: str) -> Any:
    """Return a path or an address as it is, and an edit id as a clip."""
    if UUID.fullmatch(file) and not os.path.exists(file):
        return {"edit_setting_id": file.lower()}
    if not is_address(file) and not os.path.exists(file):
        raise Refused(f"There is no file {file!r}.")
    return file


def upload_one(
    opened: Session, command: repeats.Repeatable, number: int, file: str, progress: OnProgress
) -> VideoCompleted:
    """Upload the command's file with this number, or import it from its address. An error of the API names it."""
    if is_address(file):
        # The bytes at an address change: another command imports them anew.
        name, key = None, f"{command.id}-{number}"
    else:
        name, key = file_name(file), repeats.upload_key(opened.url, opened.caller, file)
    with about(file):
        return opened.client.upload(file, name=name, progress=progress, idempotency_key=key)


def is_address(file: str) -> bool:
    return file.lower().startswith(("http://", "https://"))


def file_name(path: str) -> str:
    """Return the name of a file, without bytes that are no text."""
    return one_line(os.path.basename(path)) or "video.mp4"


def _instant(at: str | None, timezone: str | None) -> str | None:
    from clipcast.cli.client.times import NotATime, parse_at

    try:
        found = parse_at(at, timezone) if at is not None else None
    except NotATime as error:
        raise Refused(f"--at: {error}") from None
    return found.isoformat() if found else None
