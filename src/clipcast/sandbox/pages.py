"""The public pages, on which people watch the published clips."""

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.sandbox.avatars import draw_avatar, has_expired
from clipcast.sandbox.consent import templates
from clipcast.sandbox.simulator import Simulator
from clipcast.sandbox.state import SandboxState

# A PNG of one pixel, for tests that need the address of a picture.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c63606060f80f0001040100c5a3b3f70000000049454e44ae426082"
)
# For tests that need the address of a subtitles file.
SUBTITLES = "WEBVTT\n\n00:00.000 --> 00:02.000\nThe tide comes in.\n"


def page_routes(state: SandboxState, simulators: list[Simulator]) -> list[Route]:
    def apply_due_changes() -> None:
        for simulator in simulators:
            simulator.apply_due_changes()

    async def home(request: Request) -> Response:
        apply_due_changes()
        context = {"state": state, "simulators": simulators, "accounts": state.accounts.values()}
        return templates.TemplateResponse(request, "home.html", context)

    async def account(request: Request) -> Response:
        apply_due_changes()
        platform, account_id = request.path_params["platform"], request.path_params["account_id"]
        found = state.accounts.get((platform, account_id))
        if found is None:
            return Response("There is no such account.", 404)
        posts = state.posts_of(platform, account_id)[::-1]
        return templates.TemplateResponse(request, "account.html", {"account": found, "posts": posts})

    def watch_page(simulator: Simulator, path: str) -> Route:
        async def watch(request: Request) -> Response:
            apply_due_changes()
            post = state.posts.get((simulator.platform, simulator.watched_post(request)))
            if post is None:
                return Response("There is no such video.", 404)
            found = simulator.account(post.account_id)
            return templates.TemplateResponse(request, "watch.html", {"account": found, "post": post})

        return Route(path, watch)

    async def profile(request: Request) -> Response:
        name = request.path_params["username"]
        found = next((a for a in state.accounts.values() if a.username == name), None)
        if found is None:
            return Response("There is no such account.", 404)
        request.scope["path_params"] = {"platform": found.platform, "account_id": found.account_id}
        return await account(request)

    async def media(request: Request) -> Response:
        post = state.posts.get((request.path_params["platform"], request.path_params["post_id"]))
        if post is None:
            return Response("There is no such video.", 404)
        return FileResponse(post.file, media_type="video/mp4")

    async def avatar(request: Request) -> Response:
        if has_expired(request.query_params.get("expires", ""), clock.now()):
            return Response("This address has expired.", 403)
        content = draw_avatar(request.path_params["host"], request.path_params["username"])
        return Response(content, media_type="image/jpeg")

    async def picture(request: Request) -> Response:
        return Response(PICTURE, media_type="image/png")

    async def subtitles(request: Request) -> Response:
        return Response(SUBTITLES, media_type="text/vtt")

    return [
        Route("/", home),
        Route("/__sandbox/picture.png", picture),
        Route("/__sandbox/subtitles.vtt", subtitles),
        Route("/__sandbox/accounts/{platform}/{account_id}/page", account),
        Route("/__sandbox/media/{platform}/{post_id:path}", media),
        *(watch_page(simulator, path) for simulator in simulators for path in simulator.watch_pages),
        Route("/{host}/@{username}/avatar.jpg", avatar),
        Route("/{host}/@{username}", profile),
        *(Route(path, profile) for simulator in simulators for path in simulator.profile_pages),
    ]
