"""What the metadata models of all platforms share: strictness, the API's spelling, and how texts are counted."""

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
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.platforms.files import LinkedFile


class Metadata(BaseModel):
    """What a caller may say about an item, in the platform's own terms. Unknown fields are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=False, frozen=True
    )

    # The fields, as callers write them, that hold what people call the text of a post and its title; and those whose
    # values the account offers (Platform.options answers them under the same names). For those who build forms.
    text_field: ClassVar[str]
    title_field: ClassVar[str | None] = None
    offered_fields: ClassVar[tuple[str, ...]] = ()
    # Metadata of an example post, as callers write it. The demo publishes it; it adds what the account must choose.
    example: ClassVar[Mapping[str, Any]]
    # Metadata with mistakes. The demo shows how preflight reports those of the first platform that has some.
    mistaken_example: ClassVar[Mapping[str, Any]] = {}
    # What the account must have granted beyond what publishing takes, by the field that needs it.
    scopes_of_fields: ClassVar[Mapping[str, str]] = {}
    # How many characters of the text a viewer sees before the rest folds, roughly, and whether they lie on the picture.
    folds_after: ClassVar[int]
    text_on_picture: ClassVar[bool] = False

    def check(
        self, media: Media, starts_at: datetime, account: Mapping[str, Any]
    ) -> tuple[list[Problem], list[Problem]]:
        """Errors and warnings that need more than the fields themselves: the file, when it starts, the account.

        Only preflight asks; a worker that comes late must not fail by it.
        """
        return [], []

    def linked_files(self) -> list[LinkedFile]:
        """Return the files that the metadata names by their addresses, for preflight to look at."""
        return []

    def check_scopes(self, granted: Collection[str]) -> list[Problem]:
        """Return an error for each field that was set but needs a permission that the account did not grant."""
        problems = []
        for field, scope in self.scopes_of_fields.items():
            if getattr(self, field) and scope not in granted:
                name = type(self).model_fields[field].alias or field
                message = (
                    f"{name} needs the permission {scope}, which the account did not grant. Leave it out, or name the "
                    "permission in CLIPCAST_EXTRA_SCOPES and connect the account again."
                )
                problems.append(Problem(f"/{name}", "scope_missing", message, [scope], list(granted)))
        return problems

    def ignored(self) -> list[Problem]:
        """Return a warning for each field that was set but that a post of this kind does not carry."""
        return []

    def set_of(self, fields: Iterable[str], message: str) -> list[Problem]:
        """Return an `ignored` warning for each of these fields that was set; `message` may name it as `{name}`."""
        names = [type(self).model_fields[field].alias or field for field in sorted(self.model_fields_set & set(fields))]
        return [Problem(f"/{name}", "ignored", message.format(name=name)) for name in names]

    def check_options(self, options: Mapping[str, Any], media: Media | None) -> tuple[list[Problem], list[Problem]]:
        """Errors and warnings that follow from what the account offers now, which is what Platform.options answers."""
        quota = options.get("quota") or {}
        if quota.get("total") is not None and quota["used"] >= quota["total"]:
            message = "The account has used up its posts of the day; the item will wait."
            return [], [Problem("", "quota_used_up", message, quota["total"], quota["used"])]
        return [], []


def not_offered(path: str, value: str, offered: Iterable[str]) -> Problem:
    """The problem of a value that the account does not offer now."""
    known = sorted(offered)
    return Problem(path, "not_offered", f"The account offers: {', '.join(known) or 'nothing'}.", known, value)


def utf16_units(text: str) -> int:
    """UTF-16 code units: an emoji outside the basic plane counts 2."""
    return len(text.encode("utf-16-le")) // 2


def utf8_bytes(text: str) -> int:
    return len(text.encode())


def too_long(limit: int, actual: int, unit: str) -> PydanticCustomError:
    return PydanticCustomError(
        "too_long",
        "At most {limit} {unit}; this has {actual}. Shorten it.",
        {"limit": limit, "actual": actual, "unit": unit},
    )


# Of one character as people see it: a base and 30 marks (UAX 15, Stream-Safe Text Format), rounded up.
CODE_POINTS_MAX = 32


@dataclass(frozen=True)
class Limit:
    """For `Annotated[str, Limit(...)]`: at most `most` as `count` counts, without any `forbidden` character."""

    most: int
    count: Callable[[str], int]
    unit: str
    forbidden: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        shown = handler(schema) | {"x-max": self.most, "x-unit": self.unit}
        return shown | {"x-forbidden": self.forbidden} if self.forbidden else shown

    def measure(self, text: str) -> int:
        """Return how long a text is, as `count` counts. What is far too long is counted in code points, which is cheap.

        No unit counts more than 32 code points as one: that is the longest character that Unicode calls safe.
        """
        length = len(text)
        return length if length > self.most * CODE_POINTS_MAX else self.count(text)

    def _check(self, text: str | None) -> str | None:
        if text is None:  # a field that may be null
            return None
        if (actual := self.measure(text)) > self.most:
            raise too_long(self.most, actual, self.unit)
        if used := sorted(set(text) & set(self.forbidden)):
            raise PydanticCustomError(
                "forbidden_character", "Must not contain {used}. Remove it.", {"used": " or ".join(used)}
            )
        return text


def address_up_to(most: int) -> Callable[[str], str]:
    """Return a validator for http(s) addresses of at most so many characters."""

    def check(url: str) -> str:
        if len(url) > most:
            raise too_long(most, len(url), "characters")
        try:
            parsed = urlsplit(url)
            usable = parsed.scheme in ("http", "https") and parsed.hostname and parsed.username is None
        except ValueError:
            usable = False
        if not usable or not url.isprintable() or " " in url:
            raise PydanticCustomError(
                "invalid_url", "Not a web address. Give an http(s) URL without spaces and credentials."
            )
        return url

    return check


URI = Field(json_schema_extra={"format": "uri"})
WebAddress = Annotated[str, AfterValidator(address_up_to(2000)), URI]
