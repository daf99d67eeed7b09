"""The app on a phone's home screen: its manifest, icons and service worker, the offline page, and shared videos."""

import io
from functools import cache
from hashlib import sha256
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, RedirectResponse, Response

from clipcast.common.containers import ACCEPT
from clipcast.common.problems import NotFound
from clipcast.people import service
from clipcast.web.icons import STATIC
from clipcast.web.pages import headers, templates
from clipcast.web.viewers import Viewing

router = APIRouter(include_in_schema=False)

WORKER = "service-worker.js"
WORKER_POLICY = "default-src 'none'; connect-src 'self'"
BLUE, WHITE = (29, 78, 216, 255), (255, 255, 255, 255)
NOTHING = (0, 0, 0, 0)
# The logo of static/icon.svg in a square of 32: the corners' radius, the triangle, and the line beside it.
SIDE, RADIUS = 32, 7
TRIANGLE = ((11, 8.5), (11, 23.5), (24, 16))
LINE, LINE_WIDTH = ((6, 11), (6, 21)), 2.5
# Drawn so many times as large, then made small, so that edges are smooth.
FINER = 4
# By name: the side in pixels, the ground, the corners' radius, and the logo's part of the side. Phones cut a maskable
# icon to their shape, up to a circle of 80 %. A badge is white on nothing: phones colour it.
ICONS: dict[str, tuple[int, tuple[int, ...], float, float]] = {
    "icon-192": (192, BLUE, RADIUS / SIDE, 1),
    "icon-512": (512, BLUE, RADIUS / SIDE, 1),
    "maskable-512": (512, BLUE, 0, 0.8),
    "apple-180": (180, BLUE, 0, 0.9),
    "badge-96": (96, NOTHING, 0, 1.2),
}
KEPT = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}


@router.get("/manifest.webmanifest")
async def manifest() -> Response:
    """Return the description of the app, with which browsers install it."""
    return JSONResponse(_manifest(), headers=KEPT, media_type="application/manifest+json")


def _manifest() -> dict[str, Any]:
    return {
        "id": "/",
        "name": "Clipcast",
        "short_name": "Clipcast",
        "description": "Publish clips to all your accounts.",
        "lang": "en",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f6f7f9",
        "theme_color": "#f6f7f9",
        "icons": [
            {"src": f"/app-icons/{name}.png", "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
            for name, purpose in (("icon-192", "any"), ("icon-512", "any"), ("maskable-512", "maskable"))
            for side in (ICONS[name][0],)
        ],
        # The service worker takes the videos (static/service-worker.js).
        "share_target": {
            "action": "/share",
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {"files": [{"name": "videos", "accept": ["video/*", *ACCEPT.replace(" ", "").split(",")]}]},
        },
    }


@router.get("/app-icons/{name}.png")
async def app_icon(name: str) -> Response:
    """Return an icon of the app."""
    if name not in ICONS:
        raise NotFound("icon", name)
    return Response(draw(name), media_type="image/png", headers=KEPT)


@cache
def draw(name: str) -> bytes:
    """Return an icon as PNG."""
    from PIL import Image, ImageDraw

    side, ground, radius, part = ICONS[name]
    large = side * FINER
    image = Image.new("RGBA", (large, large), NOTHING)
    canvas = ImageDraw.Draw(image)
    canvas.rounded_rectangle((0, 0, large - 1, large - 1), radius * large, fill=ground)
    unit = large * part / SIDE

    def at(point: tuple[float, float]) -> tuple[float, float]:
        # The logo's middle is that of the square.
        return large / 2 + (point[0] - 15.25) * unit, large / 2 + (point[1] - SIDE / 2) * unit

    half = LINE_WIDTH * unit / 2
    (left, top), (_, bottom) = map(at, LINE)
    canvas.polygon([at(point) for point in TRIANGLE], fill=WHITE)
    canvas.rounded_rectangle((left - half, top - half, left + half, bottom + half), half, fill=WHITE)
    made = io.BytesIO()
    image.resize((side, side), Image.Resampling.LANCZOS).save(made, "PNG", optimize=True)
    return made.getvalue()


@router.get("/service-worker.js")
async def service_worker() -> Response:
    """Return the service worker. It changes with the offline page, so that browsers keep the new one."""
    script = f'const VERSION = "{sha256(_offline().encode()).hexdigest()[:12]}";\n{_worker()}'
    more = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(script, media_type="text/javascript", headers=more | {"Content-Security-Policy": WORKER_POLICY})


@cache
def _worker() -> str:
    return (STATIC / WORKER).read_text()


@router.get("/offline")
async def offline() -> Response:
    """Return the page that a browser shows without a connection. It is the same for everybody."""
    return Response(_offline(), media_type="text/html", headers=headers())


def _offline() -> str:
    return str(templates.env.get_template("offline.html").render())


@router.get("/share")
async def shared_videos(viewer: Viewing) -> Response:
    """Lead to the library whose page takes the videos that another app has shared."""
    wanted = service.ROLES.index("editor")
    found = [workspace for workspace, role in viewer.workspaces if service.ROLES.index(role) >= wanted]
    if len(found) == 1:
        return RedirectResponse(f"/w/{found[0].id}/clips?shared=yes", 303)
    return viewer.render("share.html", found=found)
