"""Each platform has a page on how to connect it, with the facts of its code and the headings of the others."""

import re
from pathlib import Path
from typing import Any

import pytest

from clipcast.common.settings import APP_SUFFIXES, PREFIX
from clipcast.platforms.base import OAuth, Platform
from clipcast.platforms.registry import PLATFORMS

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


@pytest.fixture(params=PLATFORMS.values(), ids=lambda platform: platform.name)
def platform(request: pytest.FixtureRequest) -> Platform[Any]:
    chosen: Platform[Any] = request.param
    return chosen


def _page(name: str) -> str:
    page = PAGES / f"connect-{name}.md"
    if not page.exists():
        pytest.skip(f"no {page.name}, which test_platform_pages.py reports")
    return page.read_text()


def test_connect_pages_have_the_same_headings(platform: Platform[Any]) -> None:
    text = _page(platform.name)
    assert text.startswith(f"# Connect {platform.title}\n")
    assert _sections(text) == _sections(_page("tiktok"))


def test_connect_page_names_every_scope_setting_and_redirect_address(platform: Platform[Any]) -> None:
    text = _page(platform.name)
    for sign_in in (platform.sign_in, *platform.other_sign_in_methods.values()):
        if not isinstance(sign_in, OAuth):
            continue
        scopes = (*sign_in.required_scopes, *sign_in.optional_scopes)
        assert not [scope for scope in scopes if f"`{scope}`" not in text]
        assert f"`CLIPCAST_PUBLIC_URL/connect/{platform.name}/callback`" in text
        assert not [suffix for suffix in APP_SUFFIXES if f"{PREFIX}{sign_in.app.upper()}{suffix}=" not in text]


def test_connect_page_shows_the_command_of_each_sign_in_method(platform: Platform[Any]) -> None:
    command, text = f"clipcast connect {platform.name}", _page(platform.name)
    assert f"{command} --workspace" in text
    assert not [name for name in platform.other_sign_in_methods if f"{command} --method {name} " not in text]


def _sections(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)
