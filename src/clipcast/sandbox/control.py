"""The control routes, with which tests read and change the sandbox's state (docs/sandbox.md)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.sandbox.faults import FAULT, Faults
from clipcast.sandbox.grants import Grants
from clipcast.sandbox.inputs import TEXT_MAX, Unreadable, bounded, json_object, shaped
from clipcast.sandbox.knobs import Seconds, knob_problem
from clipcast.sandbox.simulator import Endpoint, Simulator
from clipcast.sandbox.state import Account, SandboxState

# The simulators compute with dates, so the clock must stay far from the last year that Python supports.
LAST = datetime(2200, 1, 1, tzinfo=UTC)


class NewAccount(BaseModel, extra="forbid"):
    username: str = Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")
    display_name: str = Field("", max_length=200)


class Step(BaseModel, extra="forbid"):
    seconds: Seconds


def control_routes(
    state: SandboxState, grants: Grants, faults: Faults, simulators: dict[str, Simulator]
) -> list[Route]:
    def chosen_platform(request: Request) -> str | None:
        platform = request.query_params.get("platform")
        if platform is not None and platform not in simulators:
            raise Unreadable(f"platform must be one of {', '.join(simulators)}.")
        return platform

    async def posts(request: Request) -> Response:
        platform = chosen_platform(request)
        for simulator in simulators.values():
            simulator.apply_due_changes()
        found = state.posts_of(platform)
        return JSONResponse([post.as_dict() for post in found])

    async def delete_post(request: Request) -> Response:
        """Delete a post, as its owner would in the platform's app."""
        platform, post_id = request.path_params["platform"], request.path_params["post_id"]
        post = state.posts.get((platform, post_id))
        if post is None:
            return _problem(404, "There is no such post.")
        state.remove_post(post)
        return Response(None, 204)

    async def requests(request: Request) -> Response:
        platform = chosen_platform(request)
        return JSONResponse([r for r in state.requests if platform in (None, r["platform"])])

    async def clear_requests(request: Request) -> Response:
        platform = chosen_platform(request)
        kept = [r for r in state.requests if platform not in (None, r["platform"])]
        state.requests.clear()
        state.requests.extend(kept)
        return Response(None, 204)

    async def list_faults(request: Request) -> Response:
        return JSONResponse(faults.as_dicts())

    async def inject_fault(request: Request) -> Response:
        try:
            fault = FAULT.validate_python(await json_object(request))
        except ValidationError as error:
            return _problem(422, "; ".join(f"{d['loc']}: {d['msg']}" for d in error.errors()))
        if fault.platform not in (*simulators, "*"):
            return _problem(422, f"platform must be one of {', '.join(simulators)}, or *.")
        chosen = simulators.values() if fault.platform == "*" else [simulators[fault.platform]]
        names = sorted({name for simulator in chosen for name in simulator.request_names})
        if fault.request not in (*names, "*"):
            return _problem(422, f"request must be one of {', '.join(names)}, or *.")
        faults.pending.append(fault)
        return JSONResponse(faults.as_dicts(), 201)

    async def clear_faults(request: Request) -> Response:
        faults.pending.clear()
        return Response(None, 204)

    async def list_accounts(request: Request) -> Response:
        return JSONResponse([_show(account) for account in state.accounts.values()])

    async def create_account(request: Request) -> Response:
        simulator = simulators.get(request.path_params["platform"])
        if simulator is None:
            return _problem(404, "There is no such platform.")
        wanted = shaped(NewAccount, await json_object(request))
        account = simulator.new_account(wanted.username, wanted.display_name or wanted.username)
        return JSONResponse(_show(account), 201)

    async def patch_account(request: Request) -> Response:
        platform, account_id = request.path_params["platform"], request.path_params["account_id"]
        account = state.accounts.get((platform, account_id))
        if account is None:
            return _problem(404, "There is no such account.")
        changes = await json_object(request)
        simulator = simulators[platform]
        acts = simulator.acts()
        defaults = simulator.default_flags | dict.fromkeys(acts, False)
        if problem := knob_problem(changes, defaults, simulator.kinds):
            return _problem(422, problem)
        for name, act in acts.items():
            if changes.pop(name, False):
                act(account)
        account.flags |= changes
        return JSONResponse(_show(account))

    async def get_settings(request: Request) -> Response:
        return JSONResponse(state.settings)

    async def patch_settings(request: Request) -> Response:
        changes = await json_object(request)
        for platform, values in changes.items():
            if platform not in simulators or not isinstance(values, dict):
                return _problem(422, f"{platform} must be a platform with an object: {', '.join(simulators)}.")
            defaults, kinds = simulators[platform].default_settings, simulators[platform].kinds
            if problem := knob_problem(values, defaults, kinds):
                return _problem(422, f"{platform}: {problem}")
        for platform, values in changes.items():
            state.settings[platform] |= values
        return JSONResponse(state.settings)

    async def move_clock(request: Request) -> Response:
        step = timedelta(seconds=shaped(Step, await json_object(request)).seconds)
        if clock.now() + step > LAST:
            return _problem(422, "seconds moves the clock past its maximum, the start of the year 2200.")
        clock.move(step)
        return JSONResponse({"now": format_timestamp(clock.now())})

    def route(path: str, endpoint: Endpoint, method: str) -> Route:
        async def handle(request: Request) -> Response:
            try:
                return await endpoint(bounded(request, TEXT_MAX))
            except Unreadable as error:
                return _problem(422, str(error))

        return Route(path, handle, methods=[method], name=endpoint.__name__)

    base = "/__sandbox"
    return [
        route(f"{base}/posts", posts, "GET"),
        route(f"{base}/posts/{{platform}}/{{post_id:path}}", delete_post, "DELETE"),
        route(f"{base}/requests", requests, "GET"),
        route(f"{base}/requests", clear_requests, "DELETE"),
        route(f"{base}/faults", list_faults, "GET"),
        route(f"{base}/faults", inject_fault, "POST"),
        route(f"{base}/faults", clear_faults, "DELETE"),
        route(f"{base}/accounts", list_accounts, "GET"),
        route(f"{base}/accounts/{{platform}}", create_account, "POST"),
        route(f"{base}/accounts/{{platform}}/{{account_id}}", patch_account, "PATCH"),
        route(f"{base}/settings", get_settings, "GET"),
        route(f"{base}/settings", patch_settings, "PATCH"),
        route(f"{base}/clock", move_clock, "POST"),
    ]


def _show(account: Account) -> dict[str, Any]:
    return vars(account)


def _problem(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status)
