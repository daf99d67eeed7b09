"""Addresses that only take forms: whoever opens one, such as with a reload, gets the page that its form belongs to."""

import re
from functools import lru_cache

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

PARAMETER = re.compile(r"\{[^}]*\}")
# After these, the object of the address may be gone: the page is that of its list.
ENDS_OBJECT = ("delete", "remove")
# A file, a part of a page, and the way back from a platform: nobody reads them as pages.
NO_PAGES = {"/w/{}/clients/{}/logo", "/w/{}/compose/{}/templates", "/connect/{}"}


def page_of(app: FastAPI, path: str) -> str | None:
    """Return the path of the page to which an address of forms belongs: the nearest one above it.

    None for any other address.
    """
    pages, forms = _addresses(app)
    template = next((template for pattern, template in forms if pattern.match(path)), None)
    if template is None:
        return None
    above, parts = template.split("/"), path.split("/")
    if above.pop() in ENDS_OBJECT and above[-1] == "{}":
        above.pop()
    while len(above) > 1 and "/".join(above) not in pages - NO_PAGES:
        above.pop()
    return "/".join(parts[: len(above)]) or "/"


@lru_cache(maxsize=1)
def _addresses(app: FastAPI) -> tuple[set[str], list[tuple[re.Pattern[str], str]]]:
    """Return the templates of all pages, with `{}` for each parameter, and the addresses of forms without a page."""
    routes = [(one.path or "", one.methods or set()) for one in iter_route_contexts(app.routes)]
    pages = {PARAMETER.sub("{}", path) for path, methods in routes if "GET" in methods}
    forms = {path: PARAMETER.sub("{}", path) for path, methods in routes if "POST" in methods}
    return pages, [(compile_path(path)[0], shape) for path, shape in forms.items() if shape not in pages]
