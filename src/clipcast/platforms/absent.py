"""A platform whose plugin is not installed now, for the rows that still name it."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

from pydantic import ConfigDict

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, AnySignIn, Http, Platform, Publication, Tokens
from clipcast.platforms.errors import TransientError
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.rules import MediaRules


class AbsentMetadata(Metadata):
    """Metadata of any fields: only the platform's own model could check them."""

    model_config = ConfigDict(extra="allow")
    text_field = "text"
    folds_after = 100
    example = {}

    text: str = ""


class AbsentSignIn:
    """A sign-in at which every request fails."""

    required_scopes: tuple[str, ...] = ()
    optional_scopes: tuple[str, ...] = ()
    renews_itself = False

    def __init__(self, name: str) -> None:
        self.app = self._name = name

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        fail(self._name)

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        fail(self._name)

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        fail(self._name)

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        fail(self._name)

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        fail(self._name)


class AnyMethod(dict[str, AnySignIn]):
    """The sign-in method of whatever name an account stored."""

    def __init__(self, sign_in: AnySignIn) -> None:
        super().__init__()
        self._sign_in = sign_in

    def __missing__(self, name: str) -> AnySignIn:
        return self._sign_in


def fail(name: str) -> NoReturn:
    """Raise the error of an item or account of a platform that is not installed."""
    raise TransientError(
        "platform_not_installed", f"The platform {name} is not installed.", actor="operator",
        fix="Install the package that provides it, and restart Clipcast. `clipcast doctor` lists unusable packages.",
    )  # fmt: skip


@cache
def absent_platform(name: str) -> Platform[Any]:
    """Return a platform that shows `name` as its title, and whose every use fails with `platform_not_installed`."""

    async def publish(p: Publication[AbsentMetadata]) -> NoReturn:
        fail(name)

    async def finish(p: Publication[AbsentMetadata], published: object) -> NoReturn:
        fail(name)

    async def options(http: Http, account_id: str, account: Mapping[str, Any]) -> NoReturn:
        fail(name)

    sign_in = AbsentSignIn(name)
    return Platform(
        name=name,
        title=name,
        docs_url="",
        domains=(),
        metadata=AbsentMetadata,
        media=MediaRules("", frozenset(), frozenset(), 0, None),
        sign_in=sign_in,
        other_sign_in_methods=AnyMethod(sign_in),
        publish=publish,
        finish=finish,
        options=options,
    )
