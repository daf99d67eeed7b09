"""`clipcast webhooks`: manage webhooks, and receive events on a machine without a public address."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipcast.cli.client.session import (
    AsJson,
    Refused,
    Session,
    Url,
    agree,
    is_interactive,
    one_line,
    say,
    session,
    table,
)
from clipcast.clock import clock

if TYPE_CHECKING:
    from standardwebhooks import Webhook

app = typer.Typer(help="Manage webhooks, and receive their events on this machine.", no_args_is_help=True)

# No host has this name (RFC 2606), so that nobody else receives the events. Clipcast keeps what it cannot send.
ADDRESS = "https://clipcast-listen.invalid/"
# Seconds between two looks for new events, and for the response of the local receiver.
PAUSE, PATIENCE = 1.0, 15.0

# Sends an event, by its id and its body. Returns what came of it.
Send = Callable[[str, str], str]

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Id of the webhook.")]
Event = Annotated[
    list[str] | None,
    typer.Option("--event", help="Type of event, such as item.published. Repeat it for several. Default: all."),
]


@app.command("list")
def list_(url: Url = None, as_json: AsJson = False) -> None:
    """List the webhooks: id, state, address and types of events."""
    with session(url, as_json) as opened:
        found = _webhooks(opened)
        rows = [[one["id"], one["status"], one["url"], ", ".join(one["events"] or ["all"])] for one in found]
        opened.result({"webhooks": found}, table(rows) if rows else ["There is no webhook."])


@app.command()
def create(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="https address that shall receive events.")],
    event: Event = None,
    description: Annotated[str, typer.Option(help="A note for people.")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have events sent to an address. Print the secret that verifies signatures: Clipcast cannot show it again."""
    with session(url, as_json) as opened:
        made = opened.client.create_webhook(url=address, events=event, description=description)  # type: ignore[arg-type]
        opened.result(made, [f"Created the webhook {made['id']}.", f"Secret: {made['secret']}"])


@app.command()
def delete(
    webhook: WebhookId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Delete a webhook with its deliveries."""
    with session(url, as_json) as opened:
        if not yes and not (is_interactive() and agree(f"Delete the webhook {webhook}?")):
            raise Refused("Nothing was deleted.", details=[] if is_interactive() else ["Add --yes to delete it."])
        opened.client.delete_webhook(webhook)
        opened.result({"deleted": webhook}, [f"Deleted the webhook {webhook}."])


@app.command("test")
def send_test(webhook: WebhookId, url: Url = None, as_json: AsJson = False) -> None:
    """Send a test event to a webhook, and wait for what comes of it. Exit code 1 if it does not accept the event."""
    with session(url, as_json) as opened:
        sent: Any = opened.client.send_test_event(webhook)
        opened.on_interrupt = "Stopped waiting. Clipcast goes on with the delivery."
        while sent["status"] == "pending" and not sent["tries"]:
            time.sleep(PAUSE)
            sent = opened.client.get_webhook_delivery(webhook, sent["id"])
        tried = sent["tries"][-1] if sent["tries"] else {"error": "It was not sent.", "status": None, "seconds": 0.0}
        text = tried["error"] or f"It responded with {tried['status']} after {tried['seconds']:.3f} s."
        opened.result(dict(sent), [f"{sent['status']}: {text}"])
        raise typer.Exit(0 if sent["status"] == "delivered" else 1)


@app.command()
def listen(
    forward: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Send each event on, for example to http://localhost:3000/hooks."),
    ] = None,
    event: Event = None,
    secret: Annotated[
        str | None, typer.Option(help="Sign forwarded requests with this secret (whsec_...). Default: a new one.")
    ] = None,
    url: Url = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as one line of JSON.")] = False,
) -> None:
    """Print events as they happen, and forward them to an address of this machine. Ctrl-C ends it.

    It needs no public address: it creates a webhook, reads its deliveries each second, and deletes it at the end.
    Forwarded requests have the headers and the signature of the original. They are sent once, without retries.
    """
    with session(url, as_json) as opened:
        forward = _local_address(forward) if forward is not None else None
        own = _signer(secret) if secret is not None else None
        if own is not None and forward is None:
            raise Refused("--secret signs what --forward sends. Add --forward ADDRESS, or leave both out.")
        _delete_leftovers(opened)
        made: Any = opened.client.create_webhook(
            url=f"{ADDRESS}{os.getpid()}", events=event, description=_description(os.getpid())  # type: ignore[arg-type]
        )  # fmt: skip
        opened.on_interrupt, opened.is_endless = "Stopped listening.", True
        try:
            say("Listening. Ctrl-C ends it.")
            if forward and own is None:
                say(f"Requests to {forward} are signed with the secret {made['secret']}")
            with _forwarding(forward, own or _signer(made["secret"])) as send:
                for delivery in _deliveries(opened, made["id"]):
                    _tell(delivery, send, as_json)
        finally:
            opened.client.delete_webhook(made["id"])


def _webhooks(opened: Session) -> list[Any]:
    return list(opened.client.list_webhooks(limit=100)["webhooks"])


def _description(pid: int) -> str:
    return f"clipcast webhooks listen ({socket.gethostname()[:60]}, {pid})"


def _delete_leftovers(opened: Session) -> None:
    """Delete the webhooks of commands on this machine that were killed."""
    for one in _webhooks(opened):
        pid = one["url"].removeprefix(ADDRESS)
        if not pid.isascii() or not pid.isdigit() or one["description"] != _description(int(pid)):
            continue
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            opened.client.delete_webhook(one["id"])
        except OSError:
            continue


def _local_address(text: str) -> str:
    """Return the address of a receiver. Raises Refused with the form that the text probably means."""
    import httpx2

    try:
        url = httpx2.URL(text.strip())
        if url.scheme in ("http", "https") and url.host:
            return str(url)
    except httpx2.InvalidURL:
        pass
    place = text.strip().lstrip(":/")
    meant = f"http://localhost:{place}/" if place.isdigit() else f"http://{place}"
    form = meant if text.strip() and "://" not in text else "http://localhost:3000/hooks"
    raise Refused(f"--forward {text!r} is not an address. Write it as {form}.")


def _signer(secret: str) -> Webhook:
    from clipcast.sdk import UsageError
    from clipcast.sdk.webhooks import signer_of

    try:
        return signer_of(secret)
    except UsageError as error:
        raise Refused("--secret is not a secret of a webhook.", details=[error.fix]) from None


def _deliveries(opened: Session, webhook: str) -> Iterator[Any]:
    """Yield each new delivery with its body, in the order of the events."""
    seen: set[str] = set()
    while True:
        for one in sorted(_new(opened, webhook, seen), key=lambda found: found["sequence"]):
            detail = opened.client.get_webhook_delivery(webhook, one["id"])
            if detail["body"] is None:
                break  # it is not complete yet, and the order counts
            seen.add(one["id"])
            yield detail
        time.sleep(PAUSE)


def _new(opened: Session, webhook: str, seen: set[str]) -> list[Any]:
    # By their ids: a delivery that is made meanwhile moves others to the next page.
    found: dict[str, Any] = {}
    page = 1
    while True:
        listed = opened.client.list_webhook_deliveries(webhook, page=page, limit=100)
        found |= {one["id"]: one for one in listed["deliveries"] if one["id"] not in seen}
        # The newest come first, so that all further ones are known.
        if not listed["pagination"]["has_next_page"] or any(one["id"] in seen for one in listed["deliveries"]):
            return list(found.values())
        page += 1


def _tell(delivery: Any, send: Send | None, as_json: bool) -> None:
    body = json.dumps(delivery["body"], separators=(",", ":"), ensure_ascii=False)
    result = send(str(delivery["event_id"]), body) if send else ""
    if as_json:
        shown = {"webhook_id": delivery["event_id"], "body": delivery["body"]} | ({"forwarded": result} if send else {})
        typer.echo(json.dumps(shown))
        return
    data = delivery["body"].get("data", {})
    subject = " ".join(str(data[name]) for name in ("post_id", "item_id", "platform", "status") if data.get(name))
    arrow = f"  -> {result}" if send else ""
    typer.echo(one_line(f"{delivery['body'].get('timestamp', '')}  {delivery['type']}  {subject}") + arrow)


@contextmanager
def _forwarding(address: str | None, signer: Webhook) -> Iterator[Send | None]:
    """Yield what sends an event on as Clipcast does; None without an address.

    It returns the status of the response, or why there is none. No proxy gets what goes to this machine.
    """
    import httpx2

    from clipcast.sdk.calls import failure_of
    from clipcast.sdk.configuration import is_local

    if address is None:
        yield None
        return
    with httpx2.Client(timeout=PATIENCE, trust_env=not is_local(address)) as http:

        def send(event_id: str, body: str) -> str:
            at = clock.now().replace(microsecond=0)
            headers = {
                "content-type": "application/json",
                "webhook-id": event_id,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": signer.sign(event_id, at, body),
            }
            try:
                return str(http.post(address, content=body.encode(), headers=headers).status_code)
            except (httpx2.RequestError, httpx2.InvalidURL) as error:
                return one_line(failure_of(error, address).message)

        yield send
