"""Forms: reading filled-in forms, and making forms from the platforms' metadata models.

The same models validate API requests, so people and callers have the same fields.
"""

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from clipcast.common.names import tidy_name
from clipcast.common.storable import UNSTORABLE
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.platforms.metadata import Limit
from clipcast.web import times

LONG = 300
# A whole number. Other text stays as typed, and the model rejects it.
WHOLE = re.compile(r"-?\d{1,15}")
# A word of a list. Quotes allow a comma inside.
WORD = re.compile(r'\s*"([^"\n]*)"\s*(?:,|\n|$)|([^,\n]*)(?:,|\n|$)')
# The limits of fields in a form and of characters in a field. No platform takes a text of half this length.
FIELDS_MAX = 1000
TEXT_MAX = 200_000


@dataclass
class FilledForm:
    """A filled-in form: strings that PostgreSQL can store, and problems, by the field's name."""

    values: dict[str, list[str]]
    problems: dict[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Return whether the form shows this field, or a part of it."""
        return any(one == name or one.startswith(f"{name}.") for one in self.values)

    def all(self, name: str) -> list[str]:
        """Return all values of this name."""
        return self.values.get(name, [])

    def one(self, name: str) -> str:
        """Return the last value of this name, with the line ends that the API uses; empty without one."""
        return self.values.get(name, [""])[-1].replace("\r\n", "\n")

    def line(self, name: str) -> str:
        """Return the last value of this name, without surrounding spaces."""
        return self.one(name).strip()

    def name(self, field: str, maximum: int, problem: str) -> str:
        """Return the name in a field, tidied. Add the problem if there is none, or more than `maximum` characters."""
        found = tidy_name(self.one(field))
        self.add_problem(field, None if 0 < len(found) <= maximum else problem)
        return found

    def add_problem(self, name: str, problem: str | None) -> None:
        """Add a problem of a field, if there is one and the field has none yet."""
        if problem:
            self.problems.setdefault(name, problem)


async def read_form(request: Request, fields_max: int = FIELDS_MAX) -> FilledForm:
    """Read the form of a request.

    Remove characters that PostgreSQL cannot store and text beyond the limit, and add a problem to the field. Ignore
    files. Raises HTTPException 400 for more than `fields_max` fields.
    """
    found = FilledForm({})
    async with request.form(max_fields=fields_max) as form:
        for name, value in form.multi_items():
            if not isinstance(value, str) or UNSTORABLE.search(name):
                continue
            if bad := UNSTORABLE.search(value):
                value = UNSTORABLE.sub("", value)
                found.add_problem(
                    name, f"A character that cannot be stored (U+{ord(bad[0]):04X}) was taken out. Look again."
                )
            if len(value) > TEXT_MAX:
                found.add_problem(name, f"At most {TEXT_MAX} characters; this had {len(value)}. The rest was cut off.")
                value = value[:TEXT_MAX]
            found.values.setdefault(name, []).append(value)
    return found


@dataclass(frozen=True)
class FormField:
    """One field of a form.

    `kind`: text, long, number, flag, choice, choices, words, numbers, instant, group or rows.
    """

    name: str
    kind: str
    label: str
    help: str
    required: bool
    default: Any
    choices: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    # The fields of a group, or of each row.
    fields: tuple["FormField", ...] = ()
    # Whether no list and an empty list differ.
    optional_list: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    # Whether a flag's label says the opposite of its name: on is false.
    is_opposite: bool = False

    def title_of(self, value: str) -> str:
        """Return what people call a value: a choice in words, anything else as it is."""
        return self.titles.get(value) or label_of(value) if self.kind in ("choice", "choices") else value


def label_of(name: str) -> str:
    """Return the label of a field: `Self declared made for kids` for `selfDeclaredMadeForKids`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]", " ", name).split()
    spelt = [
        {"url": "address", "id": "ID", "ms": "(ms)", "aigc": "AI-generated", "ai": "AI"}.get(w.lower(), w.lower())
        for w in words
    ]
    text = " ".join(spelt)
    return text[:1].upper() + text[1:]


# A cache: models are constant while the process runs.
_FIELDS: dict[type[BaseModel], tuple[FormField, ...]] = {}


def fields_of(model: type[BaseModel]) -> tuple[FormField, ...]:
    """Return the fields of a metadata model in its order, the required ones first."""
    if model not in _FIELDS:
        found = [_field(info.alias or name, info, model) for name, info in model.model_fields.items()]
        _FIELDS[model] = tuple(sorted(found, key=lambda one: not one.required))
    return _FIELDS[model]


def with_value_titles(text: str, titles: Mapping[str, str]) -> str:
    """Return a text of the API with its constants, such as SELF_ONLY, as people call them."""
    constants = "|".join(re.escape(value) for value in titles if value.isupper())
    return re.sub(rf"\b({constants})\b", lambda match: f"“{titles[match[1]]}”", text) if constants else text


def title_of_field(model: type[BaseModel], name: str) -> str:
    """Return what people call a field of a metadata model."""
    return getattr(model, "field_titles", {}).get(name) or label_of(name)


def _field(name: str, info: FieldInfo, model: type[BaseModel]) -> FormField:
    titles, hints = getattr(model, "value_titles", {}), getattr(model, "field_hints", {})
    kind, limits, inner = _kind(info.annotation, list(info.metadata))
    longest = max((limit.most for limit in limits), default=0)
    if kind == "text" and longest > LONG:
        kind = "long"
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    return FormField(
        name,
        kind,
        title_of_field(model, name),
        hints.get(name, with_value_titles((info.description or "").replace("`", ""), titles)),
        info.is_required(),
        default,
        tuple(str(one) for one in inner) if kind in ("choice", "choices") else (),
        limits,
        fields_of(inner[0]) if kind in ("group", "rows") else (),
        kind == "choices" and default is None,
        titles,
        name in getattr(model, "opposite_fields", ()),
    )


def _kind(annotation: Any, metadata: list[Any]) -> tuple[str, tuple[Limit, ...], tuple[Any, ...]]:
    """Return what a field's type means for a form: its kind, its limits, and its choices or its model."""
    limits = tuple(one for one in metadata if isinstance(one, Limit))
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0], [*arguments[1:], *metadata])
    if origin in (Union, types.UnionType):
        return _kind(next(one for one in arguments if one is not type(None)), metadata)
    if origin is Literal:
        return "choice", limits, arguments
    if origin is list:
        kind, _, inner = _kind(arguments[0], [])
        return {"choice": "choices", "group": "rows", "number": "numbers"}.get(kind, "words"), limits, inner
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "group", limits, (annotation,)
    plain = {bool: "flag", int: "number", datetime: "instant"}
    return plain.get(annotation, "text"), limits, ()


def read(
    fields: tuple[FormField, ...],
    typed: Mapping[str, list[str]],
    prefix: str,
    zone: ZoneInfo | None,
    inherits: bool = False,
) -> dict[str, Any]:
    """Return the fields' values as metadata of an API request.

    Omit values that equal the default. If the fields override others (`inherits`), omit empty values only. Without a
    zone, times stay as typed.
    """
    found: dict[str, Any] = {}
    for one in fields:
        value = _value(one, typed, f"{prefix}.{one.name}", zone)
        if value is None or (inherits and value == [] and not one.optional_list):
            continue
        if inherits or one.required or value != _plain(one.default):
            found[one.name] = value
    return found


def _plain(default: Any) -> Any:
    return list(default) if isinstance(default, list | tuple) else default


def _value(one: FormField, typed: Mapping[str, list[str]], name: str, zone: ZoneInfo | None) -> Any:
    """Return the value of one field; None without one."""
    values = typed.get(name, [])
    text = values[-1].replace("\r\n", "\n") if values else ""
    match one.kind:
        case "flag":
            # An unticked box sends nothing; the hidden field before it sends "off".
            return values[-1] == "on" if any(values) else None
        case "number":
            return int(text) if WHOLE.fullmatch(text.strip()) else text.strip() or None
        case "choices":
            if one.optional_list and typed.get(f"{name}.limited", [""])[-1] != "on":
                return None
            return [value for value in values if value]
        case "words":
            return _words(text) or None
        case "numbers":
            return [int(word) if WHOLE.fullmatch(word) else word for word in _words(text)] or None
        case "instant":
            try:
                return format_timestamp(times.from_input(text, zone)) if text and zone else text or None
            except ValueError:
                return text
        case "group":
            return read(one.fields, typed, name, zone) or None
        case "rows":
            rows = [read(one.fields, typed, f"{name}.{index}", zone) for index in range(_rows(typed, name))]
            return [row for row in rows if row]
    return text or None


def _words(text: str) -> list[str]:
    found = (match[1] if match[1] is not None else match[2].strip() for match in WORD.finditer(text))
    return [word for word in found if word]


def _rows(typed: Mapping[str, list[str]], name: str) -> int:
    found = [int(match[1]) for key in typed if (match := re.match(re.escape(name) + r"\.(\d{1,2})\.", key))]
    return max(found, default=-1) + 1


def shown_value(one: FormField, metadata: Mapping[str, Any], zone: ZoneInfo) -> Any:
    """Return the value that the field shows for stored metadata."""
    value = metadata.get(one.name, _plain(one.default))
    if one.kind in ("words", "numbers"):
        return ", ".join(f'"{word}"' if "," in str(word) else str(word) for word in value or [])
    if one.kind == "instant":
        try:
            return times.to_input(parse_instant(value), zone) if value else ""
        except ValueError:
            return value
    if one.kind == "group":
        return value or {}
    if one.kind in ("rows", "choices"):
        return value or []
    return "" if value is None else value


@dataclass(frozen=True)
class Count:
    """The length of a text in its platform's unit, and the limit."""

    used: int
    most: int
    unit: str

    @property
    def shown(self) -> str:
        """The length and the limit with thin groups of three digits, such as `108 / 2 200`."""
        return f"{self.used:,} / {self.most:,}".replace(",", "\u202f")

    @property
    def over(self) -> bool:
        """Whether the text is too long."""
        return self.used > self.most


def counts(one: FormField, text: Any) -> list[Count]:
    """Return the length of a field's text under each of its limits."""
    return [Count(limit.measure(text), limit.most, limit.unit) for limit in one.limits] if isinstance(text, str) else []
