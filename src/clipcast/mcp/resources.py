"""Resources: posts, connections and platforms as JSON."""

import json
import re
from typing import Any

from mcp.types import Resource, ResourceTemplate, TextResourceContents

from clipcast.mcp.api import Api, ToolError
from clipcast.mcp.operations import JSON
from clipcast.mcp.results import bounded

SCHEME = "clipcast://"
ADDRESS = re.compile(r"clipcast://(posts|connections|platforms)(?:/([A-Za-z0-9_-]{1,100}))?/?")
POSTS_LISTED, CONNECTIONS_LISTED = 20, 100
PARTS = {
    "posts": ("Posts", "The newest posts with their status."),
    "connections": ("Connections", "The connected accounts."),
    "platforms": ("Platforms", "The platforms, each with the fields and limits of a post there."),
}
TEMPLATES = [
    ("posts/{post_id}", "Post", "A post with its items: status, address on the platform, error with a fix."),
    ("connections/{connection_id}", "Connection", "A connected account and whether it can publish."),
    ("platforms/{name}", "Platform", "A platform's fields of a post (JSON Schema) and its limits for a file."),
]


def templates() -> list[ResourceTemplate]:
    """Return the templates of single objects."""
    return [
        ResourceTemplate(name=title.lower(), title=title, uri_template=SCHEME + path, description=text, mime_type=JSON)
        for path, title, text in TEMPLATES
    ]


async def listed(api: Api) -> list[Resource]:
    """Return the lists, the accounts, and the newest posts. Raises ToolError."""
    connections = await api.get("/connections", limit=str(CONNECTIONS_LISTED))
    posts = await api.get("/posts", limit=str(POSTS_LISTED))
    found = [_resource(part, title, text) for part, (title, text) in PARTS.items()]
    for one in connections["connections"]:
        text = f"{one['display_name']}, {one['status']}"
        found.append(_resource(f"connections/{one['id']}", f"{one['platform']}:@{one['username']}", text))
    for one in posts["posts"]:
        title = f"Post of {one['created_at']}"
        found.append(_resource(f"posts/{one['post_id']}", title, f"{one['item_count']} items, {one['status']}"))
    return found


async def read(api: Api, address: str) -> list[TextResourceContents]:
    """Return the content of an address. Raises ToolError."""
    match = ADDRESS.fullmatch(address)
    if match is None:
        known = ", ".join(SCHEME + path for path in [*PARTS, *(path for path, _, _ in TEMPLATES)])
        raise ToolError("resource_not_found", f"{address[:100]!r} is no resource.", f"Read one of: {known}.")
    part, name = match.groups()
    if part == "platforms":
        value = await _platform(api, name)
    else:
        value = await (api.get(f"/{part}/{name}") if name else api.get(f"/{part}", limit="100"))
    text = json.dumps(bounded(value), ensure_ascii=False)
    return [TextResourceContents(uri=address, mime_type=JSON, text=text)]


async def _platform(api: Api, name: str | None) -> Any:
    platforms = (await api.get("/platforms"))["platforms"]
    if name is None:
        return {"platforms": [{"name": one["name"], "title": one["title"]} for one in platforms]}
    for one in platforms:
        if one["name"] == name:
            return one
    known = ", ".join(one["name"] for one in platforms)
    raise ToolError("not_found", f"There is no platform {name!r}.", f"Use one of: {known}.")


def _resource(path: str, title: str, text: str) -> Resource:
    return Resource(uri=SCHEME + path, name=path, title=title, description=text, mime_type=JSON)
