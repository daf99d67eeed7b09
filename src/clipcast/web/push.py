"""The person's devices that show push messages."""

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, RedirectResponse, Response

from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError
from clipcast.notices import devices
from clipcast.notices.push import SubscriptionError, public_key, read_subscription
from clipcast.posts.overview import needs_of_person
from clipcast.web.forms import read_form
from clipcast.web.viewers import Viewing, own_path

router = APIRouter(include_in_schema=False, prefix="/account")


class Keys(BaseModel):
    """The keys of a browser, as `PushSubscription.toJSON` writes them."""

    p256dh: str
    auth: str


class SubscriptionIn(BaseModel):
    """A browser's subscription, as `PushSubscription.toJSON` writes it."""

    endpoint: str
    keys: Keys


@router.get("/push/key")
async def push_key(viewer: Viewing) -> Response:
    """Return the key with which a browser subscribes."""
    async with viewer.installation.database.begin() as session:
        key = await devices.signing_key(session, viewer.installation.vault)
    return JSONResponse({"key": public_key(key)})


@router.post("/push")
async def add_device(viewer: Viewing, wanted: SubscriptionIn) -> Response:
    """Send the person's push messages to this browser, too."""
    try:
        subscription = read_subscription(wanted.endpoint, wanted.keys.p256dh, wanted.keys.auth)
    except SubscriptionError as error:
        raise AppError(422, "invalid_subscription", str(error)) from error
    agent = viewer.request.headers.get("user-agent", "")[:300]
    async with viewer.installation.database.begin() as session:
        await devices.add_device(
            session, viewer.installation.vault, viewer.user.id, viewer.session_id, agent, subscription
        )
    return Response(status_code=204)


@router.post("/push/{device_id}/remove")
async def remove_device(viewer: Viewing, device_id: str) -> Response:
    """Send no more push messages to a device."""
    form = await read_form(viewer.request)
    if id := parse_id(device_id):
        async with viewer.installation.database.begin() as session:
            await devices.remove_device(session, viewer.user.id, id)
    return RedirectResponse(own_path(form.line("next")), 303)


@router.get("/needs")
async def needs(viewer: Viewing) -> Response:
    """Return the number for the app's icon: what needs somebody in all of the person's workspaces."""
    async with viewer.installation.database.session() as session:
        return JSONResponse({"needs": await needs_of_person(session, viewer.user.id)})
