"""The shared base of the platforms' metadata models: strict types, the API's spelling, and limits of texts."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.platforms.files import LinkedFile


@dataclass(frozen=True)
class CoverTime:
    """The field, a whole number, that says which frame of the video is its cover. `per_second`: its units."""

    field: str
    per_second: int


@dataclass(frozen=True)
class SafeArea:
    """What an app leaves free of an upright video: the widths of the covered edges, in percent of the picture."""

    top: int
    right: int
    bottom: int
    left: int


@dataclass(frozen=True)
class CaptionsFile:
    """How a platform takes the captions of a render.

    `field` is the field for captions of the caller, if there is one. `max_bytes` is the most bytes of a WebVTT file.
    `needs_language`: captions without a language are left out. `languages` are the only ones taken; empty: all.
    """

    field: str | None
    max_bytes: int | None
    needs_language: bool = False
    languages: tuple[str, ...] = ()


class Metadata(BaseModel):
    """The metadata of an item, in the platform's own terms. Unknown fields are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=False, frozen=True
    )

    # For forms, as callers write them: the fields that hold the post's text and its title, and those whose values the
    # account offers (`Platform.options` returns the values under the same names).
    text_field: ClassVar[str]
    title_field: ClassVar[str | None] = None
    offered_fields: ClassVar[tuple[str, ...]] = ()
    # The fields that choose a place on the account: the same clip and words in two places are no doubles.
    place_fields: ClassVar[tuple[str, ...]] = ()
    # What people call values of fields, where a page would not show the value itself with spaces: "Only me" for
    # SELF_ONLY.
    value_titles: ClassVar[Mapping[str, str]] = {}
    # What people call fields whose names say it badly: "Who can watch" for privacyLevel.
    field_titles: ClassVar[Mapping[str, str]] = {}
    # What a page says below a field instead of its description; nothing for "".
    field_hints: ClassVar[Mapping[str, str]] = {}
    # Flags that a page shows the other way round: "Allow Duets" for disableDuet, so that on means yes.
    opposite_fields: ClassVar[tuple[str, ...]] = ()
    # The optional fields that a form shows first, and those of `offered_fields` whose values mean the same for all
    # accounts, so that people choose once.
    main_fields: ClassVar[tuple[str, ...]] = ()
    shared_offers: ClassVar[tuple[str, ...]] = ()
    # The settings that pages offer again in the next post to the account: what people choose for an account, not for a
    # clip, and what the platform does not require to be chosen anew for each post.
    remembered_fields: ClassVar[tuple[str, ...]] = ()
    # Metadata of an example post, as callers write it. The demo publishes it; it adds what the account must choose.
    example: ClassVar[Mapping[str, Any]]
    # Metadata with mistakes. The demo shows how preflight reports those of the first platform that has some.
    mistaken_example: ClassVar[Mapping[str, Any]] = {}
    # Scopes that single fields need beyond those of publishing, by field.
    scopes_of_fields: ClassVar[Mapping[str, str]] = {}
    # What a render's cover and captions are the defaults of (render_defaults.py): the field of the cover's time, all
    # fields that choose a cover, and the field of captions, as attributes.
    cover_time: ClassVar[CoverTime | None] = None
    cover_fields: ClassVar[tuple[str, ...]] = ()
    captions_file: ClassVar[CaptionsFile | None] = None

    @property
    def captions_language(self) -> str | None:
        """The language of a render's captions that name none."""
        return None

    # For the preview: roughly how many characters of the text are visible before it folds, and whether they overlay the
    # video.
    folds_after: ClassVar[int]
    text_on_picture: ClassVar[bool] = False
    # The edges of an upright video that the platform's app roughly covers with its buttons and words.
    safe_area: ClassVar[SafeArea | None] = None

    def check(
        self, media: Media, starts_at: datetime, account: Mapping[str, Any]
    ) -> tuple[list[Problem], list[Problem]]:
        """Return errors and warnings that depend on the file, the start time or the account.

        Only preflight calls this: an item that a worker starts late must not fail because of it.
        """
        return [], []

    def linked_files(self) -> list[LinkedFile]:
        """Return the files that the metadata links to. Preflight checks them."""
        return []

    def check_scopes(self, granted: Collection[str]) -> list[Problem]:
        """Return an error for each field that is set but needs a scope that the account lacks."""
        problems = []
        for field, scope in self.scopes_of_fields.items():
            if getattr(self, field) and scope not in granted:
                name = type(self).model_fields[field].alias or field
                message = (
                    f"{name} needs the permission {scope}, which the account lacks. Leave {name} out, or add the "
                    "permission to CLIPCAST_EXTRA_SCOPES and connect the account again."
                )
                problems.append(Problem(f"/{name}", "scope_missing", message, [scope], list(granted)))
        return problems

    def ignored(self) -> list[Problem]:
        """Return a warning for each field that is set but has no effect on this kind of post."""
        return []

    def set_of(self, fields: Iterable[str], message: str) -> list[Problem]:
        """Return an `ignored` warning for each of these fields that is set. `{name}` in `message` names it."""
        names = [type(self).model_fields[field].alias or field for field in sorted(self.model_fields_set & set(fields))]
        return [Problem(f"/{name}", "ignored", message.format(name=name)) for name in names]

    def check_options(self, options: Mapping[str, Any], media: Media | None) -> tuple[list[Problem], list[Problem]]:
        """Return errors and warnings about what the account does not offer now, by `Platform.options`."""
        quota = options.get("quota") or {}
        if quota.get("total") is not None and quota["used"] >= quota["total"]:
            message = "The account has used up its daily posts. The item will wait."
            return [], [Problem("", "quota_used_up", message, quota["total"], quota["used"])]
        return [], []

    def check_limits(self, limits: Mapping[str, Any], media: Media | None) -> list[Problem]:
        """Return errors about a file that exceeds the account's own limits: the known `Platform.kept_options`."""
        return []


def not_offered(path: str, value: str, offered: Iterable[str]) -> Problem:
    """Return the problem of a value that the account does not offer now."""
    choices = sorted(offered)
    message = f"The account does not offer {value[:100]} now. It offers: {', '.join(choices) or 'nothing'}."
    return Problem(path, "not_offered", message, choices, value)


def utf16_units(text: str) -> int:
    """Count UTF-16 code units: an emoji outside the basic plane counts 2."""
    return len(text.encode("utf-16-le")) // 2


def utf8_bytes(text: str) -> int:
    """Count the bytes of the text in UTF-8."""
    return len(text.encode())


def too_long(what: str, limit: int, actual: int, unit: str) -> PydanticCustomError:
    """Return the error of a text that is too long. `what` names it at the start of the message."""
    return PydanticCustomError(
        "too_long",
        "{what} is too long: {actual} {unit}, maximum {limit}. Shorten it.",
        {"what": what, "limit": limit, "actual": actual, "unit": unit},
    )


# The code points of one visible character: a base and 30 marks (UAX 15, Stream-Safe Text Format), rounded up.
CODE_POINTS_MAX = 32
LONGEST = "e" + "\N{COMBINING ACUTE ACCENT}" * (CODE_POINTS_MAX - 1)


@dataclass(frozen=True)
class Limit:
    """A limit for `Annotated[str, Limit(...)]`: at most `most` by `count`, without any `forbidden` character."""

    most: int
    count: Callable[[str], int]
    unit: str
    forbidden: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema with `x-max` and `x-unit`, and with the most code points that this limit can allow.

        Of several limits, the first one is shown, and the lowest number of code points.
        """
        shown = handler(schema)
        length = self.most * CODE_POINTS_MAX // min(CODE_POINTS_MAX, self.count(LONGEST))
        limits = {"x-max": self.most, "x-unit": self.unit} | shown
        limits["maxLength"] = min(length, shown.get("maxLength", length))
        return limits | {"x-forbidden": self.forbidden} if self.forbidden else limits

    def measure(self, text: str) -> int:
        """Return the text's length by `count`; for a text that is far too long, its code points, which is fast.

        No unit counts more than 32 code points as one: Unicode's longest safe character has no more.
        """
        length = len(text)
        return length if length > self.most * CODE_POINTS_MAX else self.count(text)

    def _check(self, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:  # a field that may be null
            return None
        what = to_camel(info.field_name) if info.field_name else "The text"
        if (actual := self.measure(text)) > self.most:
            raise too_long(what, self.most, actual, self.unit)
        if used := sorted(set(text) & set(self.forbidden)):
            raise PydanticCustomError(
                "forbidden_character",
                "{what} must not contain {used}. Remove it.",
                {"what": what, "used": " or ".join(used)},
            )
        return text


def address_up_to(most: int) -> Callable[[str], str]:
    """Return a validator for http(s) URLs of at most `most` characters."""

    def check(url: str) -> str:
        if len(url) > most:
            raise too_long("The URL", most, len(url), "characters")
        try:
            parsed = urlsplit(url)
            usable = parsed.scheme in ("http", "https") and parsed.hostname and parsed.username is None
        except ValueError:
            usable = False
        if not usable or not url.isprintable() or " " in url:
            raise PydanticCustomError(
                "invalid_url", "This is not a web address. Give an http(s) URL without spaces and credentials."
            )
        return url

    return check


def uri_up_to(most: int) -> FieldInfo:
    """Return the field of http(s) URLs of at most `most` characters."""
    field: FieldInfo = Field(json_schema_extra={"format": "uri", "maxLength": most})
    return field


WebAddress = Annotated[str, AfterValidator(address_up_to(2000)), uri_up_to(2000)]
