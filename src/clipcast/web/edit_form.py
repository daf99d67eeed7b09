"""The form of an edit: what a person changes of a clip, to the body of POST /renders and back.

A field has the name of its path in the body, with dots: `trim.start`. Times are typed as 1:05.5, shares as percent.
"""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from clipcast.common.problems import Problem
from clipcast.common.validation import problems_of
from clipcast.rendering.recipe import Cue
from clipcast.renders.captions import ARROW, as_srt, parse_captions
from clipcast.renders.edit_schemas import AudioBody, CaptionsBody, EditBody, FadeBody, WatermarkBody
from clipcast.web.forms import FilledForm

# 1:05.5, 1:02:03 or 65.5.
TIME = re.compile(r"(?:(?:([0-9]{1,2}):)?([0-9]{1,3}):)?([0-9]{1,6}(?:[.,][0-9]{1,6})?)")
# An end that is this near to the end of the clip keeps the whole clip. Seconds.
WHOLE = 0.02
# More captions are shown as one text.
ROWS_MAX = 200
FIELDS_MAX = 5000
RATIOS = ("source", "9:16", "4:5", "1:1", "16:9")


@dataclass(frozen=True)
class Number:
    """A typed number of a field: its limits, and what 1 in the body is in the form, such as 100 for a percentage."""

    least: float
    most: float
    scale: int = 1
    whole: bool = False


NUMBERS = {
    "focus.x": Number(0, 100, 100),
    "focus.y": Number(0, 100, 100),
    "speed": Number(0.25, 4),
    "fade.in": Number(0, 10),
    "fade.out": Number(0, 10),
    "audio.loudness": Number(-30, -9),
    "captions.style.size": Number(1, 20, 100),
    "captions.style.max_lines": Number(1, 6, whole=True),
    "watermark.width": Number(1, 100, 100),
    "watermark.opacity": Number(0, 100, 100),
    "watermark.margin": Number(0, 50, 100),
}
# The fields of a group, of the kinds text, number and flag. A flag is ticked.
STYLE = ("font", "size", "color", "position", "max_lines", "uppercase")
WATERMARK = ("position", "width", "opacity", "margin")
FLAGS = {
    "audio.mute", "audio.silent_track", "strip_metadata", "captions.style.uppercase", "captions.style.outlined",
    "captions.style.boxed",
}  # fmt: skip
# Where a problem of a whole group is shown.
SHOWN_AT = {
    "trim": "trim.end",
    "fade": "fade.out",
    "focus": "focus.x",
    "focus.at": "focus.x",
    "captions": "captions.from",
    "captions.text": "cue",
    "watermark": "watermark.asset_id",
}


def read_seconds(text: str) -> float:
    """Return a typed time in seconds. Raise ValueError."""
    if (match := TIME.fullmatch(text.strip())) is None:
        raise ValueError("Type a time such as 1:05.5, or seconds such as 65.5.")
    hours, minutes, seconds = match.groups()
    if (minutes and float(seconds.replace(",", ".")) >= 60) or (hours and int(minutes) >= 60):
        raise ValueError("Minutes have at most 59 seconds, and hours 59 minutes. Type a time such as 1:05.5.")
    return round(int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", ".")), 6)


def show_seconds(seconds: float) -> str:
    """Return a time as `read_seconds` reads it, such as 1:05.5."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest // 1000:02}.{rest % 1000:03}".rstrip("0")
    text += "0" if text.endswith(".") else ""
    return f"{minutes // 60}:{minutes % 60:02}:{text}" if minutes >= 60 else f"{minutes}:{text}"


def field_of(pointer: str) -> str:
    """Return the form's field of a path in the body."""
    name = ".".join(part for part in pointer.strip("/").split("/") if not part.isdigit())
    return SHOWN_AT.get(name, name)


def add_problems(form: FilledForm, problems: Iterable[Problem]) -> None:
    """Add problems of the body to the fields of the form."""
    for problem in problems:
        form.add_problem(field_of(problem.path), problem.message)


def read_edit(form: FilledForm, duration: float | None) -> EditBody | None:
    """Return the edit of a filled-in form, or None after adding all problems to its fields.

    `duration` is that of the clip in seconds; None for a template.
    """
    body = _Reading(form, duration).body()
    try:
        edit = EditBody.model_validate(body)
    except ValidationError as error:
        add_problems(form, problems_of(error, EditBody))
        return None
    return None if form.problems else edit


class _Reading:
    """The values of a form, as the body has them."""

    def __init__(self, form: FilledForm, duration: float | None) -> None:
        self._form = form
        self._duration = duration

    def body(self) -> dict[str, Any]:
        form = self._form
        parts = {
            "resolution": form.line("resolution"),
            "trim": self._trim(),
            **self._shape(),
            "speed": self._number("speed"),
            "fade": _present({name: self._number(f"fade.{name}") or None for name in ("in", "out")}),
            "audio": _present(
                {
                    "loudness": self._number("audio.loudness"),
                    "mute": self._flag("audio.mute"),
                    "silent_track": self._flag("audio.silent_track"),
                }
            ),
            "captions": self._captions(),
            "watermark": self._watermark(),
            "cover": _present({"at": self._time("cover.at")}),
            "strip_metadata": self._flag("strip_metadata"),
        }
        for name in ("intro", "outro"):
            parts[name] = _present({"video_id": form.line(f"{name}.video_id")})
        return _present(parts)

    def _trim(self) -> dict[str, Any]:
        start, end = self._time("trim.start"), self._time("trim.end")
        if end is not None and self._duration is not None and abs(end - self._duration) <= WHOLE:
            end = None
        trim: dict[str, Any] = {} if end is None else {"end": end}
        if start:
            trim["start"] = start
        if trim and self._form.line("trim.precision"):
            trim["precision"] = self._form.line("trim.precision")
        return trim

    def _shape(self) -> dict[str, Any]:
        form = self._form
        ratio = form.line("aspect_ratio") or "source"
        if ratio == "source":
            return {}
        shape: dict[str, Any] = {"aspect_ratio": ratio, "fit": form.line("fit") or "pad_blur"}
        if shape["fit"] == "pad":
            shape["pad_color"] = form.line("pad_color")
        elif shape["fit"] == "crop":
            shape["focus"] = self._focus()
        return _present(shape)

    def _focus(self) -> Any:
        """Return the focus. A moving one, which only the API makes, stays until a person changes its first point."""
        typed = {"x": self._number("focus.x"), "y": self._number("focus.y")}
        with suppress(ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
            points = json.loads(self._form.line("focus.points"))
            if all(abs(points[0][name] - (typed[name] or 0)) < 0.005 for name in typed):
                return points
        return {name: value for name, value in typed.items() if value is not None}

    def _captions(self) -> dict[str, Any]:
        form, origin = self._form, self._form.line("captions.from")
        if origin not in ("file", "typed", "look"):
            return {}
        captions: dict[str, Any] = {"mode": form.line("captions.mode"), "language": form.line("captions.language")}
        if origin == "file":
            captions["asset_id"] = form.line("captions.asset_id")
            if not captions["asset_id"]:
                form.add_problem("captions.asset_id", "Choose a file, or upload one.")
        elif origin == "typed":
            captions["text"] = form.one("captions.text") or self._typed_cues()
        style = {name: self._value(f"captions.style.{name}") for name in STYLE}
        captions["style"] = _present(style)
        for name, switch in (("outline", "outlined"), ("background", "boxed")):
            color = form.line(f"captions.style.{name}") if self._flag(f"captions.style.{switch}") else None
            captions["style"][name] = color or None
        return _present(captions)

    def _typed_cues(self) -> str:
        form, cues = self._form, []
        rows = zip(form.all("cue.start"), form.all("cue.end"), form.all("cue.text"), strict=False)
        for number, (start, end, text) in enumerate(rows, 1):
            if not (start.strip() or end.strip() or text.strip()):
                continue
            try:
                cue = Cue(read_seconds(start), read_seconds(end), text.replace("\r\n", "\n").strip())
            except ValueError as error:
                form.add_problem("cue", f"Caption {number}: {error}")
                continue
            if cue.end <= cue.start:
                form.add_problem("cue", f"Caption {number} ends at or before its start. Correct its times.")
            elif not cue.text:
                form.add_problem("cue", f"Caption {number} has no text. Write it, or remove the caption.")
            elif ARROW in cue.text:
                message = (
                    f"Caption {number} contains {ARROW}, which stands between times in caption files. Write -> or →."
                )
                form.add_problem("cue", message)
            cues.append(cue)
        if not cues:
            form.add_problem("cue", "Type at least one caption, or choose none.")
        return as_srt(sorted(cues, key=lambda cue: cue.start))

    def _watermark(self) -> dict[str, Any]:
        asset_id = self._form.line("watermark.asset_id")
        if not asset_id:
            return {}
        return {"asset_id": asset_id} | _present({name: self._value(f"watermark.{name}") for name in WATERMARK})

    def _value(self, name: str) -> Any:
        if name in NUMBERS:
            return self._number(name)
        return self._flag(name) if name in FLAGS else self._form.line(name)

    def _flag(self, name: str) -> bool:
        return self._form.line(name) == "on"

    def _time(self, name: str) -> float | None:
        if not (text := self._form.line(name)):
            return None
        try:
            return read_seconds(text)
        except ValueError as error:
            self._form.add_problem(name, str(error))
            return None

    def _number(self, name: str) -> float | None:
        text, rule = self._form.line(name).replace(",", "."), NUMBERS[name]
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            self._form.add_problem(name, "Type a number, such as 1.5.")
            return None
        if not rule.least <= value <= rule.most:
            self._form.add_problem(name, f"Type a number from {rule.least:g} to {rule.most:g}.")
            return None
        return int(value) if rule.whole else round(value / rule.scale, 6)


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a person gave."""
    return {name: value for name, value in values.items() if value is not False and value not in (None, "", {})}


def stored(edit: EditBody) -> dict[str, Any]:
    """Return the stored form of a template's edit. Captions of the default look alone are none."""
    return {name: value for name, value in edit.canonical().items() if value or name != "captions"}


def filled(edit: Mapping[str, Any], duration: float | None) -> FilledForm:
    """Return the form of a stored edit: every field has a value, empty for a default that the page explains."""
    body = EditBody.model_validate(edit)
    full = body.model_dump(mode="json", by_alias=True)
    shown = DEFAULTS | dict(_flat(full))
    values = {name: [_shown(name, value)] for name, value in shown.items()}
    trim = body.trim
    end = duration if trim is None or trim.end is None else trim.end
    values["trim.start"] = [show_seconds(trim.start if trim else 0)]
    values["trim.end"] = ["" if end is None else show_seconds(end)]
    values["cover.at"] = [show_seconds(body.cover.at)] if body.cover else [""]
    if body.focus:
        values |= {f"focus.{name}": [_shown(f"focus.{name}", getattr(body.focus[0], name))] for name in ("x", "y")}
        if len(body.focus) > 1:
            values["focus.points"] = [json.dumps(full["focus"])]
    values |= _filled_captions(body, is_template=duration is None)
    return FilledForm(values)


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{name}.")
        elif not isinstance(inner, list):
            yield prefix + name, inner


DEFAULTS = dict(
    _flat(
        {
            "focus": {"x": 0.5, "y": 0.5},
            "fade": FadeBody().model_dump(by_alias=True),
            "audio": AudioBody().model_dump(),
            "captions": CaptionsBody().model_dump(),
            "captions.style": {"outlined": True, "boxed": False},
            "watermark": WatermarkBody(asset_id="").model_dump(),
            "trim": {"precision": "exact"},
        }
    )
)


def _filled_captions(body: EditBody, is_template: bool) -> dict[str, list[str]]:
    """Return the fields of captions. A template can have their look alone, and has no table: a text is one field."""
    captions = body.captions
    if captions is None:
        return {"captions.from": ["none"]}
    style = captions.style
    found = {
        "captions.from": [
            "file" if captions.asset_id else "typed" if captions.text else "look" if is_template else "none"
        ],
        "captions.style.outlined": ["on" if style.outline else ""],
        "captions.style.boxed": ["on" if style.background else ""],
    }
    if captions.text and not is_template:
        parsed = parse_captions(captions.text)
        if parsed.problems or len(parsed.cues) > ROWS_MAX:
            return found
        found["captions.text"] = [""]
        found["cue.start"] = [show_seconds(cue.start) for cue in parsed.cues]
        found["cue.end"] = [show_seconds(cue.end) for cue in parsed.cues]
        found["cue.text"] = [cue.text for cue in parsed.cues]
    return found


def _shown(name: str, value: Any) -> str:
    if name in FLAGS:
        return "on" if value else ""
    if value is None:
        return ""
    return f"{value * NUMBERS[name].scale:g}" if name in NUMBERS else str(value)


# The look of captions in the form, as it is without a choice.
DEFAULT_LOOK = {name: _shown(name, value) for name, value in DEFAULTS.items() if name.startswith("captions.style.")}
