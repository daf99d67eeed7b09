"""What a person sees while a command works: bars of uploads, and a table of the items of a post."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clipcast.cli.client.session import one_line, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from clipcast.sdk import Progress, PublishedItem, PublishedPost

STYLES = {"published": "green", "failed": "red", "pending": "cyan"}
WORDS = {"published": "live", "pending": "scheduled"}


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def upload_bars(as_json: bool) -> Iterator[Callable[[], Callable[[Progress], Any]]]:
    """Show a bar for each file on a terminal, otherwise nothing. Yield what makes the callback of each `upload`."""
    console = _console()
    if as_json or not console.is_terminal:
        yield lambda: lambda progress: None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console) as bars:

        def bar() -> Callable[[Progress], Any]:
            task: TaskID | None = None

            def tell(progress: Progress) -> None:
                nonlocal task
                if task is None:
                    task = bars.add_task(one_line(progress.name), total=progress.size)
                bars.update(task, completed=progress.sent)

            return tell

        yield bar


def watch(states: Iterator[PublishedPost], names: Mapping[str, str], as_json: bool) -> PublishedPost:
    """Show the states of a post until it has ended or waits for a person, and return the last one.

    On a terminal it is a table that changes, otherwise a line for each change of an item. `names` holds the files by
    `edit_id`.
    """
    console = _console()
    last: PublishedPost | None = None
    states = _with_time(states)
    if as_json or not console.is_terminal:
        seen: dict[str, str] = {}
        for last in states:
            for item in last.items:
                text = " ".join(filter(None, (state_of(item), note_of(item))))
                if seen.get(item.id) != text and not as_json:
                    say(f"{_name(item, names)}: {text}")
                seen[item.id] = text
    else:
        from rich.live import Live

        with Live(console=console, refresh_per_second=8) as live:
            for last in states:
                live.update(_table(last, names))
    assert last is not None
    return last


def _with_time(states: Iterator[PublishedPost]) -> Iterator[PublishedPost]:
    """Yield the states. First say for what the command waits, if the post goes out later."""
    is_first = True
    for state in states:
        if is_first and state.scheduled_at and state.status == "pending" and not state.waits_for_person:
            say(f"The post {state.id} goes out {state.scheduled_at}. Waiting for it; Ctrl-C ends the waiting only.")
        is_first = False
        yield state


def _table(post: PublishedPost, names: Mapping[str, str]) -> Any:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("account", "state", "", "address"):
        table.add_column(heading, overflow="fold")
    for item in post.items:
        bar = ProgressBar(total=100, completed=item.progress, width=20)
        where = one_line(item.url or note_of(item))
        table.add_row(Text(_name(item, names)), Text(state_of(item), STYLES.get(item.status, "")), bar, Text(where))
    return table


def _name(item: PublishedItem, names: Mapping[str, str]) -> str:
    """Return the account, and the file if there are several."""
    file = names.get(str(item.data["edit_id"]))
    return one_line(f"{file} {item.account}" if file and len(names) > 1 else item.account)


def state_of(item: PublishedItem) -> str:
    """Return an item's state in a word or two."""
    if item.status == "processing":
        return "needs action" if item.waits_for_person else item.stage or "waiting"
    return WORDS.get(item.status, item.status)


def note_of(item: PublishedItem) -> str:
    """Return what is wrong with an item, what to do, and until when it waits for that; "" if nothing is wrong."""
    if item.error is None or item.published:
        return ""
    until = f"It waits until {item.waits_until}, and fails then." if item.waits_until else ""
    return " ".join(filter(None, (item.error.message, item.error.fix, until)))


def item_rows(post: PublishedPost) -> list[list[str]]:
    """Return a row for each item: state, account, and its address or what is wrong."""
    rows = []
    for item in post.items:
        when = post.scheduled_at if item.status == "pending" else ""
        rows.append([state_of(item), item.account, item.url or note_of(item) or when or ""])
    return rows
