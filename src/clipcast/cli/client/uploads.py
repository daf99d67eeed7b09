"""`clipcast upload` and `clipcast render`: clips in the workspace's library, and files made of them."""

from __future__ import annotations

import os
import re
import time
from typing import Annotated, Any

import typer

from clipcast.cli.client import live, repeats
from clipcast.cli.client.post import REPEAT, UUID, file_name, is_address, upload_one
from clipcast.cli.client.session import FAILED, AsJson, Refused, Session, Url, count, say, session, table

# Seconds between two looks at a render.
PAUSE = 1.0
RUNNING = ("queued", "active", "processing")


def upload(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, or http addresses of files.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Upload files without posting them. Print the edit id that `clipcast post` takes, and the video id, of each."""
    with session(url, as_json) as opened:
        videos = bring(opened, files)
        lines = table([[one["edit_setting_id"], one["video_id"], one["file"]] for one in videos])
        opened.result({"videos": videos}, lines)


def bring(opened: Session, files: list[str]) -> list[dict[str, Any]]:
    """Upload or import files. Return the videos, each with its `file` and its `edit_setting_id`."""
    for file in files:
        if os.path.isdir(file):
            raise Refused(f"{file!r} is a folder. Name its files.")
        if not is_address(file) and not os.path.isfile(file):
            raise Refused(f"There is no file {file!r}.")
    command = repeats.begin(
        {"command": "upload", "files": files, "url": opened.url, "caller": opened.caller}, files, None
    )
    videos: list[dict[str, Any]] = []
    command.save()
    opened.on_loss = REPEAT
    with live.upload_bars(opened.as_json) as bar:
        for number, file in enumerate(files):
            opened.on_interrupt = f"Stopped. Uploaded {number} of {count(len(files), 'file')}. {REPEAT}"
            videos.append({"file": file_name(file)} | dict(upload_one(opened, command, number, file, bar())))
    command.end()
    return videos


def render(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="A file, an http address, or the id of a video.")],
    trim: Annotated[str | None, typer.Option(help="Part to keep, in seconds: START-END, such as 1.5-9.")] = None,
    aspect: Annotated[str | None, typer.Option(help="Shape, such as 9:16 or 1:1.")] = None,
    fit: Annotated[str | None, typer.Option(help="How the picture gets another shape: pad_blur, pad or crop.")] = None,
    resolution: Annotated[str | None, typer.Option(help="The most pixels of the shorter side, such as 1080p.")] = None,
    speed: Annotated[float | None, typer.Option(help="Speed: 2 is twice as fast.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the render. Default: the video's title.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=JSON", help="Any other field of POST /renders, such as audio.mute=true."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until the file is made.")] = True,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Change a video: cut, shape, speed, captions. Print the edit id, which `clipcast post` takes."""
    body: dict[str, Any] = {"aspect_ratio": aspect, "fit": fit, "resolution": resolution, "speed": speed, "name": name}
    with session(url, as_json) as opened:
        body = {field: value for field, value in body.items() if value is not None}
        if trim:
            body["trim"] = _trim(trim)
        for text in set_ or []:
            _put(body, text)
        _check_fields(body)
        is_id = UUID.fullmatch(video) and not os.path.exists(video)
        body["video_id"] = video if is_id else bring(opened, [video])[0]["video_id"]
        made: Any = opened.client.create_render(**body)
        opened.on_interrupt = f"Stopped waiting. The render {made['render_id']} goes on."
        if wait:
            made = _ended(opened, made)
        opened.result(
            made, [f"{made['edit_setting_id']}  {made['status']}  {made['output_resolution'] or ''}".rstrip()]
        )
        if made["status"] == "failed":
            say(str(made.get("error_message") or made.get("error") or "The render failed."))
            raise typer.Exit(FAILED)


def _trim(text: str) -> dict[str, float]:
    match = re.fullmatch(r"([0-9.]*)-([0-9.]*)", text.strip())
    try:
        if match is None or not any(match.groups()):
            raise ValueError(text)
        start, end = float(match[1] or 0), float(match[2]) if match[2] else None
    except ValueError:
        raise Refused(f"--trim {text!r}: write it in seconds as START-END, such as 1.5-9.") from None
    if end is not None and end <= start:
        raise Refused(f"--trim {text!r}: the part ends at {end:g} s, and begins at {start:g} s. Give a later end.")
    return {"start": start} | ({} if end is None else {"end": end})


def _put(body: dict[str, Any], text: str) -> None:
    """Set a field, such as `audio.mute=true`, in the body. A value that is not JSON is a text."""
    import json

    path, equals, value = text.partition("=")
    if not equals or not all(path.split(".")):
        raise Refused(f"--set {text!r}: write it as FIELD=VALUE, such as audio.mute=true.")
    *parents, last = path.split(".")
    for parent in parents:
        body = body.setdefault(parent, {})
        if not isinstance(body, dict):
            raise Refused(f"--set {text!r}: {parent} has a value already.")
    try:
        body[last] = json.loads(value)
    except ValueError:
        body[last] = value


def _check_fields(body: dict[str, Any]) -> None:
    """Raise Refused for a name that is no field of POST /renders, such as an argument of the client."""
    from clipcast.common.validation import closest
    from clipcast.sdk.models import CreateRender

    fields = [name for name in CreateRender.__annotations__ if name != "video_id"]
    for name in body:
        if name not in fields:
            near = closest(name, fields)
            advice = f"Did you mean {near!r}?" if near else f"Use one of {', '.join(fields)}."
            raise Refused(f"--set {name}: POST /renders has no field {name!r}. {advice}")


def _ended(opened: Session, made: Any) -> Any:
    """Wait for a render, and return it."""
    seen = None
    while made["status"] in RUNNING:
        if not opened.as_json and made.get("progress") != seen:
            seen = made.get("progress")
            say(f"{made['status']}: {seen or 0} %")
        time.sleep(PAUSE)
        made = opened.client.get_render(made["render_id"])
    return made
