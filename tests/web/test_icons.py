"""A platform's icon holds shapes only, and an unusable one is left out."""

import re
from pathlib import Path

import pytest

from clipcast.common.plugins import Plugin
from clipcast.platforms.registry import PLATFORMS
from clipcast.web import icons
from clipcast.web.icons import symbol

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">%s</svg>'
BOMB = b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + SVG % b"<title>&b;</title>"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (SVG % b"<script>alert(1)</script>", "has the element script"),
        (SVG % b"<foreignObject/>", "has the element foreignObject"),
        (SVG % b"<style>path{}</style>", "has the element style"),
        (SVG % b"<path d='M0 0' onload='alert(1)'/>", "has the attribute onload"),
        (SVG % b"<path d='M0 0' style='fill:url(https://kelp.example)'/>", "has the attribute style"),
        (SVG % b"<path d='M0 0' fill='url(https://kelp.example/a.svg#a)'/>", "has the attribute fill"),
        (SVG % b"<use href='https://kelp.example/a.svg#a'/>", "has the attribute href"),
        (SVG % b"<use xmlns:x='http://www.w3.org/1999/xlink' x:href='data:image/svg+xml,a'/>", "href with another"),
        (BOMB, "has a DOCTYPE"),
        (SVG % (b" " * 10_000_000), "bytes, maximum 65536"),
        (SVG % (b"<g>" * 8000 + b"</g>" * 8000), "is nested too deeply"),
        (b"\xff\xfe\x00", "is not XML"),
        (b'<?xml version="1.0" encoding="nope"?><svg/>', "is not XML"),
        (b"<svg/>", "is not an <svg> with a viewBox"),
    ],
)
def test_icon_that_is_more_than_shapes_is_invalid(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=r"^icon\.svg ") as error:
        symbol("kelp", content)
    assert problem in str(error.value)


def test_icon_with_a_gradient_of_its_own_is_valid() -> None:
    gradient = b"<!-- a comment --><defs><linearGradient id='g'><stop offset='0'/></linearGradient></defs>"
    made = symbol("kelp", SVG % (gradient + b"<path d='M0 0h4v4z' fill='url(#g)'/>"))
    assert (made.get("id"), len(made)) == ("kelp", 2)


def test_mark_of_each_platform_has_its_color_and_icon() -> None:
    for name, platform in PLATFORMS.items():
        mark = icons.platform_icon(name)
        assert f'fill="{platform.color}"' in mark
        assert re.search(rf'href="/static/[^"]+#(brand-)?{name}"', mark), f"{name} has no icon of its own"
    assert icons.GENERAL in icons.platform_icon("kelp")


def test_unusable_icon_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kelp_package").mkdir()
    (tmp_path / "kelp_package" / "__init__.py").touch()
    (tmp_path / "kelp_package" / "icon.svg").write_bytes(SVG % b"<script/>")
    monkeypatch.syspath_prepend(tmp_path)
    plugins = {name: Plugin(name, None, package, "clipcast-kelp")
               for name, package in (("kelp", "kelp_package"), ("weed", "not_installed"), ("moss", ""))}  # fmt: skip
    monkeypatch.setattr(icons, "PLUGINS", plugins)
    assert icons.platform_symbols.__wrapped__() == {}
