"""Icons: those of frontend/build.py, and the icon.svg of platforms' folders."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import structlog
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from clipcast.platforms.registry import PLUGINS

log = structlog.get_logger()

STATIC = Path(__file__).parent / "static"
BUILT = "vendor/icons.svg"
OF_PLATFORMS = "/static/platforms.svg"
FILE = "icon.svg"
SVG = "{http://www.w3.org/2000/svg}"
# The icon of a platform that has none.
GENERAL = "movie"
STYLE = ("viewBox", "fill", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin")


@cache
def static(path: str) -> str:
    """Return the address of a file in `static`. It changes with the content, so browsers can cache the file forever."""
    return f"/static/{path}?v={sha256((STATIC / path).read_bytes()).hexdigest()[:12]}"


def icon(name: str) -> Markup:
    """Return an icon of frontend/build.py. Screen readers skip it, so the text beside it must have its meaning."""
    return _use(static(BUILT), name)


def platform_icon(name: str) -> Markup:
    """Return the icon.svg of the platform's folder, or else its icon of frontend/build.py."""
    if name in platform_symbols():
        digest = sha256(sprite().encode()).hexdigest()[:12]
        return _use(f"{OF_PLATFORMS}?v={digest}", name)
    return icon(f"brand-{name}" if has_built_icon(name) else GENERAL)


def has_built_icon(name: str) -> bool:
    """Return whether frontend/build.py found an icon of this platform."""
    return f'id="brand-{name}"' in _built()


@cache
def platform_symbols() -> dict[str, ElementTree.Element]:
    """Return the icons of platforms' folders. Log and omit an unreadable one."""
    symbols = {}
    for name, plugin in PLUGINS.items():
        if file := plugin.file(FILE):
            try:
                symbols[name] = symbol(name, file.read_text())
            except ValueError as error:
                log.error("icon_unreadable", platform=name, source=plugin.source, reason=str(error))
    return symbols


def symbol(name: str, text: str) -> ElementTree.Element:
    """Return an SVG file as a symbol of a sprite. Raises ValueError if it is invalid."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - a file of an installed package, which is code
    except ElementTree.ParseError as error:
        raise ValueError(f"{FILE} is not XML: {error}") from error
    if root.tag != f"{SVG}svg" or "viewBox" not in root.attrib:
        raise ValueError(f"{FILE} is not an <svg> with a viewBox")
    made = ElementTree.Element(f"{SVG}symbol", {key: root.attrib[key] for key in STYLE if key in root.attrib})
    made.set("id", name)
    made.extend(root)
    return made


@cache
def sprite() -> str:
    """Return the icons of platforms' folders as one file."""
    ElementTree.register_namespace("", SVG[1:-1])
    root = ElementTree.Element(f"{SVG}svg")
    root.extend(platform_symbols().values())
    return ElementTree.tostring(root, encoding="unicode")


async def serve_sprite(request: Request) -> Response:
    """Serve the icons of platforms' folders."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"} if "v" in request.query_params else {}
    return Response(sprite(), media_type="image/svg+xml", headers=headers | {"X-Content-Type-Options": "nosniff"})


@cache
def _built() -> str:
    return (STATIC / BUILT).read_text()


def _use(address: str, name: str) -> Markup:
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(address, name)
