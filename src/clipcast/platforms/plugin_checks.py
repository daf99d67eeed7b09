"""Checks of a `Platform` value before Clipcast uses it.

Pages and endpoints list all platforms, so one wrong value would break them for every platform.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from inspect import iscoroutinefunction
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from clipcast.common.plugins import DOMAIN, OWN, Unusable, one_line
from clipcast.common.schemas import inlined
from clipcast.common.settings import APP_SUFFIXES, PREFIX, QUOTA_NAME, PlatformSetting, Settings
from clipcast.platforms.base import AnySignIn, Platform, web_address
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import MediaRules

NAME = re.compile(r"[a-z][a-z0-9]{0,29}")
APP = re.compile(r"[a-z][a-z0-9_]{0,59}")
TITLE_MAX = 60
COLOR = re.compile(r"#[0-9a-f]{6}")
# Class variables of the metadata that have no default.
OF_METADATA = ("text_field", "folds_after", "example")
# Class variables of the metadata that name fields, as callers write them.
LISTED = (
    "offered_fields", "main_fields", "shared_offers", "remembered_fields", "field_hints", "opposite_fields",
)  # fmt: skip
# Methods of sign-ins that send requests.
SENDING = ("exchange", "refresh", "accounts", "revoke", "enter", "begin", "complete")


def checked(name: str, value: Any) -> Platform[Any]:
    """Return `value` if it is a usable platform of this name. Raises Unusable, with all that is missing or wrong."""
    if not isinstance(value, Platform):
        raise Unusable(f"it is {type(value).__name__}, not a Platform.")
    if not NAME.fullmatch(name):
        raise Unusable("a name has 1 to 30 lower-case letters and digits and begins with a letter.")
    if value.name != name:
        raise Unusable(f"its Platform is named {value.name!r}. Use one name.")
    if missing := [part for part, is_there in _parts(value) if not is_there]:
        raise Unusable(f"it lacks {', '.join(missing)}.")
    if wrong := [*_wrong_parts(value), *_wrong_metadata(value)]:
        raise Unusable("; ".join(wrong) + ".")
    return value


def _parts(platform: Platform[Any]) -> Iterator[tuple[str, bool]]:
    yield "title", bool(platform.title)
    yield "domains", bool(platform.domains)
    yield "media", isinstance(platform.media, MediaRules)
    yield "publish", callable(platform.publish)
    for method, sign_in in platform.sign_in_methods.items():
        yield f"{method or 'sign_in'} (OAuth, PasswordSignIn or FederatedOAuth)", isinstance(sign_in, AnySignIn)
    is_metadata = isinstance(platform.metadata, type) and issubclass(platform.metadata, Metadata)
    yield "metadata", is_metadata
    for name in OF_METADATA if is_metadata else ():
        yield f"metadata.{name}", hasattr(platform.metadata, name)


def _wrong_parts(platform: Platform[Any]) -> Iterator[str]:
    title = platform.title
    if not (isinstance(title, str) and title.isprintable() and len(title) <= TITLE_MAX):
        yield f"`title` is not a text of 1 to {TITLE_MAX} characters"
    if not (isinstance(platform.color, str) and COLOR.fullmatch(platform.color)):
        yield "`color` is not a colour such as #0a66c2"
    if platform.docs_url and not web_address(platform.docs_url):
        yield "`docs_url` is no web address"
    if not _is_tuple(platform.domains, DOMAIN):
        yield '`domains` is not a tuple of domains such as ("example.com",)'
    for name in ("publish", "finish", "options"):
        if (function := getattr(platform, name)) is not None and not _is_async(function):
            yield f"`{name}` is not an async function"
    yield from _wrong_version(platform)
    for method, sign_in in platform.sign_in_methods.items():
        yield from _wrong_sign_in(method or "sign_in", sign_in)
    yield from _wrong_values("media", MediaRules, platform.media)
    for kind, rules in platform.media_kinds.items():
        yield from _wrong_values(f"media_kinds[{kind!r}]", MediaRules, rules)
    for name in ("headers", "sign"):
        if getattr(platform, name) is not None and not callable(getattr(platform, name)):
            yield f"`{name}` is no function"
    try:
        platform.fetches_media({})
    except Exception as error:
        yield f"`fetches_media({{}})` fails ({one_line(error)}). It must accept an account without details"
    yield from _wrong_quotas(platform)
    yield from _wrong_settings(platform)


def _wrong_version(platform: Platform[Any]) -> Iterator[str]:
    version, continues = platform.version, platform.continues
    if type(version) is not int or version < 1:
        yield "`version` is not a whole number from 1"
    elif not isinstance(continues, Mapping) or not all(
        type(old) is int and 0 < old < version and callable(function) for old, function in continues.items()
    ):
        yield f"`continues` does not map versions before {version} to functions"


def _wrong_sign_in(method: str, sign_in: AnySignIn) -> Iterator[str]:
    if not (isinstance(sign_in.app, str) and APP.fullmatch(sign_in.app)):
        yield f"`{method}.app` is not a name of lower-case letters, digits and _"
    for name in ("required_scopes", "optional_scopes"):
        if not _is_tuple(getattr(sign_in, name)):
            yield f"`{method}.{name}` is not a tuple of texts"
    for name in SENDING:
        if (function := getattr(sign_in, name, None)) is not None and not _is_async(function):
            yield f"`{method}.{name}` is not an async method"


def _wrong_quotas(platform: Platform[Any]) -> Iterator[str]:
    seen: set[str] = set()
    for quota in platform.quotas:
        if not isinstance(quota, Quota):
            yield f"`quotas` holds {type(quota).__name__}, not Quota"
            continue
        if not (isinstance(quota.name, str) and re.fullmatch(QUOTA_NAME, quota.name)) or quota.name in seen:
            yield f"the quota's name {str(quota.name)[:60]!r} is not unique, or not of lower-case letters and _"
            continue
        seen.add(quota.name)
        yield from _wrong_values(f"quota {quota.name}", Quota, quota)
        charges = list(quota.charges.values()) if isinstance(quota.charges, Mapping) else []
        if not charges or not all(isinstance(one, int) and one >= 0 for one in charges):
            yield f"the quota {quota.name} charges no request, or a request less than 0 units"
        elif isinstance(quota.limit, int) and quota.limit < max(1, *charges):
            yield f"no request fits into the quota {quota.name}: its limit is {quota.limit}"


def _wrong_settings(platform: Platform[Any]) -> Iterator[str]:
    for setting in platform.settings:
        if not isinstance(setting, PlatformSetting):
            yield f"`settings` holds {type(setting).__name__}, not PlatformSetting"
            continue
        name = f"{PREFIX}{str(setting.name)[:60].upper()}"
        if not re.fullmatch(rf"{platform.name}_[a-z0-9_]{{1,60}}", str(setting.name)):
            yield f"the setting {name} does not begin with {PREFIX}{platform.name.upper()}_"
        elif setting.name in Settings.model_fields or name.endswith(APP_SUFFIXES):
            yield f"Clipcast has a setting {name} of its own"
        try:
            if not re.fullmatch(setting.pattern, setting.default):
                yield f"the default of {name} does not match its pattern"
        except (re.error, TypeError) as error:
            yield f"the setting {name} has no usable pattern and default ({one_line(error)})"


def _wrong_metadata(platform: Platform[Any]) -> Iterator[str]:
    model = platform.metadata
    fields = {one.alias or name for name, one in model.model_fields.items()}
    named = {"text_field": (model.text_field,), "title_field": (model.title_field,) if model.title_field else ()}
    for name, values in (named | {one: getattr(model, one) for one in LISTED}).items():
        if not isinstance(values, Collection) or not set(values) <= fields:
            yield f"`metadata.{name}` names no field of the metadata"
    if not isinstance(model.field_hints, Mapping):
        yield "`metadata.field_hints` is no dict"
    flags = {one.alias or name for name, one in model.model_fields.items() if one.annotation is bool}
    if isinstance(model.opposite_fields, Collection) and set(model.opposite_fields) & fields - flags:
        yield "`metadata.opposite_fields` names a field that is no bool"
    if not (isinstance(model.folds_after, int) and isinstance(model.example, Mapping)):
        yield "`metadata.folds_after` is no whole number, or `metadata.example` is no dict"
    if not set(model.scopes_of_fields) <= set(model.model_fields):
        yield "`metadata.scopes_of_fields` names no field of the metadata"
    chosen = (model.cover_time, model.captions_file)
    attributes = {*model.cover_fields, *(one.field for one in chosen if one and one.field)}
    if not attributes <= set(model.model_fields):
        yield "`metadata.cover_time`, `cover_fields` or `captions_file` names no field of the metadata"
    if platform.media_kind_field is not None and platform.media_kind_field not in model.model_fields:
        yield "`media_kind_field` names no field of the metadata"
    if model.__module__.startswith(f"{OWN}."):
        return  # the tests make the schemas of Clipcast's own, which takes 4 ms each
    try:
        inlined(model.model_json_schema(by_alias=True))
    except Exception as error:
        yield f"the metadata has no JSON schema ({type(error).__name__}: {one_line(error)})"


def _wrong_values(part: str, kind: type, value: Any) -> Iterator[str]:
    """Yield a line if the value is no `kind`, or if a field has another type than `kind` declares."""
    if not isinstance(value, kind):
        yield f"`{part}` is {type(value).__name__}, not {kind.__name__}"
        return
    try:
        _strict(kind).model_validate(vars(value))
    except ValidationError as error:
        first = error.errors()[0]
        yield f"`{part}`: {'.'.join(map(str, first['loc']))}: {first['msg']}"


@cache
def _strict(kind: type) -> type[BaseModel]:
    """Return a model with the fields of a dataclass, which accepts no other types."""
    types = {name: (annotation, ...) for name, annotation in get_type_hints(kind).items()}
    return create_model(kind.__name__, __config__=ConfigDict(strict=True, arbitrary_types_allowed=True), **types)  # type: ignore[call-overload,no-any-return]


def _is_tuple(value: object, pattern: re.Pattern[str] | None = None) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(one, str) and (pattern is None or pattern.fullmatch(one)) for one in value
    )


def _is_async(function: Any) -> bool:
    return iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
