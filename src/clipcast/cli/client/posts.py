"""`clipcast posts`: list, show, watch, retry and delete posts."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from clipcast.cli.client import live
from clipcast.cli.client.post import finish
from clipcast.cli.client.session import AsJson, Refused, Url, agree, count, is_interactive, say, session, table

app = typer.Typer(help="Look at posts, follow, retry and delete them.", no_args_is_help=True)

PostId = Annotated[str, typer.Argument(metavar="POST", help="Id of the post.")]
ItemId = Annotated[str | None, typer.Option("--item", help="Id of one item. All items by default.")]


@app.command("list")
def list_(
    status: Annotated[str | None, typer.Option(help="Only posts with this status, such as pending or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="The most posts of a page.")] = 20,
    page: Annotated[int, typer.Option(min=1, help="Number of the page, from 1.")] = 1,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List posts, newest first: id, status, number of items and time."""
    with session(url, as_json) as opened:
        found: Any = opened.client.list_posts(status=status, limit=limit, page=page)  # type: ignore[arg-type]
        rows = [
            [one["post_id"], one["status"], count(one["item_count"], "item"), one["scheduled_at"] or one["created_at"]]
            for one in found["posts"]
        ]
        opened.result(found, table(rows) if rows else ["No post matches."])


@app.command()
def show(post: PostId, url: Url = None, as_json: AsJson = False) -> None:
    """Show a post: each item's state, and its address or what is wrong."""
    from clipcast.sdk import PublishedPost

    with session(url, as_json) as opened:
        found = opened.client.get_post(post)
        shown = PublishedPost.of(found)
        head = f"{shown.id}: {shown.status}" + (f", scheduled for {shown.scheduled_at}" if shown.scheduled_at else "")
        rows = [[item.id, *row] for item, row in zip(shown.items, live.item_rows(shown), strict=True)]
        opened.result(dict(found), [head, *table(rows)])


@app.command()
def watch(post: PostId, url: Url = None, as_json: AsJson = False) -> None:
    """Follow a post until every item is live, has failed or waits for a person. Exit code 1 if one is not live."""
    with session(url, as_json) as opened:
        opened.on_interrupt = "Stopped watching. Clipcast goes on with the post."
        finish(opened, live.watch(opened.client.watch(post), {}, as_json))


@app.command()
def retry(
    post: PostId,
    item: ItemId = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="With --item: send an item of unknown outcome again, which can duplicate it."),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until every item is live, has failed or waits for a person.")
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Retry the failed items of a post, or one item. Items of unknown outcome are looked for first."""
    with session(url, as_json) as opened:
        if force and item is None:
            raise Refused("--force needs --item: it can publish a second video.")
        done: Any
        if item is not None:
            done = opened.client.retry_post_item(post, item, force=force)
            lines = [f"Retrying {item}."]
        else:
            done = opened.client.retry_post(post)
            lines = [f"Retrying {one['item_id']}." for one in done["retried"]]
            lines += [f"Skipped {one['item_id']}: {one['message']}" for one in done["skipped"]]
        if not wait:
            opened.result(dict(done), lines)
            return
        for line in lines:
            say(line)
        opened.on_interrupt = "Stopped watching. Clipcast goes on with the post."
        finish(opened, live.watch(opened.client.watch(post), {}, as_json))


@app.command()
def delete(
    post: PostId,
    item: ItemId = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Delete Clipcast's record of a post, or of one item. A scheduled post is not published. Live videos stay live."""
    with session(url, as_json) as opened:
        subject = f"item {item}" if item else f"post {post}"
        if not yes and not (is_interactive() and agree(f"Delete {subject}?")):
            raise Refused("Nothing was deleted.", details=[] if is_interactive() else ["Add --yes to delete it."])
        if item is not None:
            opened.client.delete_post_item(post, item)
        else:
            opened.client.delete_post(post)
        opened.result({"deleted": item or post}, [f"Deleted {subject}."])
