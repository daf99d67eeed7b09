"""The control routes: what tests order, change and look at. Documented in docs/sandbox.md."""

import json
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.instants import show
from clipcast.sandbox.faults import FAULT, Faults
from clipcast.sandbox.grants import Grants
from clipcast.sandbox.simulator import Simulator
from clipcast.sandbox.world import Account, World


def control_routes(world: World, grants: Grants, faults: Faults, simulators: dict[str, Simulator]) -> list[Route]:
    async def posts(request: Request) -> Response:
        for simulator in simulators.values():
            simulator.settle()
        found = world.posts_of(request.query_params.get("platform"))
        return JSONResponse([post.as_dict() for post in found])

    async def delete_post(request: Request) -> Response:
        """As if the account's owner deleted the video in the app."""
        platform, post_id = request.path_params["platform"], request.path_params["post_id"]
        post = world.posts.get((platform, post_id))
        if post is None:
            return _problem(404, "There is no such post.")
        world.remove_post(post)
        return Response(None, 204)

    async def requests(request: Request) -> Response:
        platform = request.query_params.get("platform")
        return JSONResponse([r for r in world.requests if platform in (None, r["platform"])])

    async def clear_requests(request: Request) -> Response:
        world.requests.clear()
        return Response(None, 204)

    async def list_faults(request: Request) -> Response:
        return JSONResponse(faults.as_dicts())

    async def order_fault(request: Request) -> Response:
        try:
            fault = FAULT.validate_python(await _json(request))
        except ValidationError as error:
            return _problem(422, "; ".join(f"{d['loc']}: {d['msg']}" for d in error.errors()))
        if fault.platform not in (*simulators, "*"):
            return _problem(422, f"platform: one of {', '.join(simulators)} or *.")
        faults.orders.append(fault)
        return JSONResponse(faults.as_dicts(), 201)

    async def clear_faults(request: Request) -> Response:
        faults.orders.clear()
        return Response(None, 204)

    async def list_accounts(request: Request) -> Response:
        return JSONResponse([_show(account) for account in world.accounts.values()])

    async def create_account(request: Request) -> Response:
        simulator = simulators.get(request.path_params["platform"])
        if simulator is None:
            return _problem(404, "There is no such platform.")
        body = await _json(request)
        username = str(body.get("username", "")) if isinstance(body, dict) else ""
        if not username:
            return _problem(422, "username: required.")
        account = simulator.new_account(username, str(body.get("display_name", username)))
        return JSONResponse(_show(account), 201)

    async def patch_account(request: Request) -> Response:
        platform, account_id = request.path_params["platform"], request.path_params["account_id"]
        account = world.accounts.get((platform, account_id))
        if account is None:
            return _problem(404, "There is no such account.")
        changes = await _json(request)
        if not isinstance(changes, dict):
            return _problem(422, "Send an object.")
        simulator = simulators[platform]
        acts = simulator.acts()
        if unknown := set(changes) - set(account.flags) - set(acts):
            known = ", ".join((*sorted(account.flags), *acts))
            return _problem(422, f"{', '.join(sorted(unknown))}: not among {known}.")
        for name, act in acts.items():
            if changes.pop(name, False):
                act(account)
        account.flags |= changes
        return JSONResponse(_show(account))

    async def get_settings(request: Request) -> Response:
        return JSONResponse(world.settings)

    async def patch_settings(request: Request) -> Response:
        changes = await _json(request)
        if not isinstance(changes, dict):
            return _problem(422, "Send an object of platforms.")
        for platform, values in changes.items():
            known = world.settings.get(platform)
            if known is None or not isinstance(values, dict) or set(values) - set(known):
                return _problem(422, f"{platform}: the settings are {json.dumps(world.settings)}")
        for platform, values in changes.items():
            world.settings[platform] |= values
        return JSONResponse(world.settings)

    async def move_clock(request: Request) -> Response:
        body = await _json(request)
        seconds = body.get("seconds") if isinstance(body, dict) else None
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
            return _problem(422, "seconds: a number of seconds to move ahead.")
        clock.move(timedelta(seconds=seconds))
        return JSONResponse({"now": show(clock.now())})

    base = "/__sandbox"
    return [
        Route(f"{base}/posts", posts, methods=["GET"]),
        Route(f"{base}/posts/{{platform}}/{{post_id:path}}", delete_post, methods=["DELETE"]),
        Route(f"{base}/requests", requests, methods=["GET"]),
        Route(f"{base}/requests", clear_requests, methods=["DELETE"]),
        Route(f"{base}/faults", list_faults, methods=["GET"]),
        Route(f"{base}/faults", order_fault, methods=["POST"]),
        Route(f"{base}/faults", clear_faults, methods=["DELETE"]),
        Route(f"{base}/accounts", list_accounts, methods=["GET"]),
        Route(f"{base}/accounts/{{platform}}", create_account, methods=["POST"]),
        Route(f"{base}/accounts/{{platform}}/{{account_id}}", patch_account, methods=["PATCH"]),
        Route(f"{base}/settings", get_settings, methods=["GET"]),
        Route(f"{base}/settings", patch_settings, methods=["PATCH"]),
        Route(f"{base}/clock", move_clock, methods=["POST"]),
    ]


def _show(account: Account) -> dict[str, Any]:
    return vars(account)


def _problem(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status)


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError:
        return None
