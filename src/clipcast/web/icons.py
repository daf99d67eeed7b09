"""Icons: those of frontend/build.py, and the icon.svg of platforms' folders."""

import re
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import structlog
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from clipcast.common.plugins import one_line
from clipcast.platforms.base import Platform
from clipcast.platforms.registry import PLATFORMS, PLUGINS

log = structlog.get_logger()

STATIC = Path(__file__).parent / "static"
BUILT = "vendor/icons.svg"
OF_PLATFORMS = "/static/platforms.svg"
FILE = "icon.svg"
SVG = "{http://www.w3.org/2000/svg}"
# The icon of a platform that has none.
GENERAL = "movie"
MOST_BYTES = 64 * 1024
DEEPEST = 30
# The markup of so many icons is kept: a page may have a thousand.
KEPT = 500
# An address within the file.
LOCAL = re.compile(r"#[\w.-]+|url\(#[\w.-]+\)")
SHAPES = {
    SVG + name
    for name in (
        "svg", "g", "defs", "title", "desc", "path", "circle", "ellipse", "line", "polygon", "polyline", "rect", "use",
        "symbol", "clipPath", "mask", "linearGradient", "radialGradient", "stop",
    )
}  # fmt: skip
STYLE = ("viewBox", "fill", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin")


@cache
def static(path: str) -> str:
    """Return the address of a file in `static`. It changes with the content, so browsers can cache the file forever."""
    return f"/static/{path}?v={sha256((STATIC / path).read_bytes()).hexdigest()[:12]}"


def icon(name: str) -> Markup:
    """Return an icon of frontend/build.py. Screen readers skip it, so the text beside it must have its meaning."""
    return _use(static(BUILT), name)


def platform_icon(name: str) -> Markup:
    """Return the mark of a platform: a white icon on its colour. Screen readers skip it.

    The icon is the icon.svg of the platform's folder, or else that of frontend/build.py.
    """
    own = name in platform_symbols()
    address = _sprite_address() if own else static(BUILT)
    symbol = name if own else f"brand-{name}" if has_built_icon(name) else GENERAL
    color = PLATFORMS[name].color if name in PLATFORMS else Platform.color
    return _mark(color, address, symbol)


@lru_cache(maxsize=KEPT)
def has_built_icon(name: str) -> bool:
    """Return whether frontend/build.py found an icon of this platform."""
    return f'id="brand-{name}"' in _built()


@cache
def platform_symbols() -> dict[str, ElementTree.Element]:
    """Return the icons of platforms' folders. Log and omit an unreadable one."""
    symbols = {}
    for name, plugin in PLUGINS.items():
        try:
            if file := plugin.file(FILE):
                symbols[name] = symbol(name, file.read_bytes())
        except Exception as error:
            log.error("icon_unreadable", platform=name, source=plugin.source, reason=one_line(error))
    return symbols


def symbol(name: str, content: bytes) -> ElementTree.Element:
    """Return an SVG file as a symbol of a sprite. Raises ValueError if it is invalid.

    The sprite is served from the app's own address, so it holds shapes only.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"{FILE} has {len(content)} bytes, maximum {MOST_BYTES}")
    if b"<!" in content.replace(b"<!--", b""):
        raise ValueError(f"{FILE} has a DOCTYPE or CDATA. Remove it")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - small, and without entities
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ValueError(f"{FILE} is not XML: {error}") from error
    if root.tag != f"{SVG}svg" or "viewBox" not in root.attrib:
        raise ValueError(f"{FILE} is not an <svg> with a viewBox")
    _check_shapes(root)
    made = ElementTree.Element(f"{SVG}symbol", {key: root.attrib[key] for key in STYLE if key in root.attrib})
    made.set("id", name)
    made.extend(root)
    return made


def _check_shapes(root: ElementTree.Element) -> None:
    """Raise ValueError for an element or attribute that runs a script or loads another file, and for deep nesting."""
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"{FILE} is nested too deeply, maximum {DEEPEST} elements. Simplify it")
        for one in level:
            if one.tag not in SHAPES:
                raise ValueError(f"{FILE} has the element {one_line(one.tag, 60).removeprefix(SVG)}. Remove it")
            for key, value in one.attrib.items():
                refers = key.rpartition("}")[2] == "href" or "url(" in value.lower()
                if key.lower().startswith("on") or key == "style" or (refers and not LOCAL.fullmatch(value.strip())):
                    raise ValueError(f"{FILE} has the attribute {one_line(key, 60)} with another address or a script")
        level = [inner for one in level for inner in one]


@cache
def sprite() -> str:
    """Return the icons of platforms' folders as one file."""
    ElementTree.register_namespace("", SVG[1:-1])
    root = ElementTree.Element(f"{SVG}svg")
    root.extend(platform_symbols().values())
    return ElementTree.tostring(root, encoding="unicode")


@cache
def _sprite_address() -> str:
    return f"{OF_PLATFORMS}?v={sha256(sprite().encode()).hexdigest()[:12]}"


async def serve_sprite(request: Request) -> Response:
    """Serve the icons of platforms' folders."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"} if "v" in request.query_params else {}
    return Response(sprite(), media_type="image/svg+xml", headers=headers | {"X-Content-Type-Options": "nosniff"})


@cache
def _built() -> str:
    return (STATIC / BUILT).read_text()


@lru_cache(maxsize=KEPT)
def _mark(color: str, address: str, symbol: str) -> Markup:
    return Markup(
        '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><rect width="24" height="24" rx="6" fill="{}"></rect>'
        '<use href="{}#{}" x="4" y="4" width="16" height="16"></use></svg>'
    ).format(color, address, symbol)


@lru_cache(maxsize=KEPT)
def _use(address: str, name: str) -> Markup:
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(address, name)
