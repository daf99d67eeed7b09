"""Clipcast's messages on pages: what to press, and no names of the API."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import clipcast
from clipcast.clients.slots import slot_taken
from clipcast.platforms import errors
from clipcast.web.said import FIXES, fix_of, in_words
from clipcast.web.steps import STEPS

SOURCE = Path(clipcast.__file__).parent
# The parts of Clipcast whose errors become those of items.
OF_ITEMS = ("platforms", "publishing", "jobs", "renders")
# A parameter, a name with a capital or an underscore inside, a constant, and words that only callers know. Operators
# read names of settings and commands.
JARGON = re.compile(
    r"=true|\b[a-z]+[A-Z]\w*|\b[a-z]+_[a-z_]+\b|\b(?!CLIPCAST_|YYYYMM)[A-Z]{3,}_?[A-Z_]{2,}\b|"
    r"\b(caller|metadata|target|render)\b"
)


def fixes() -> Iterator[str]:
    """Yield each fix that stands in the source, and the default of each class."""
    for path in sorted(one for part in OF_ITEMS for one in (SOURCE / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "fix" and isinstance(node.value, ast.Constant):
                yield node.value.value
    for one in vars(errors).values():
        if isinstance(one, type) and isinstance(text := getattr(one, "default_fix", None), str):
            yield text


def test_every_fix_is_said_without_names_of_the_api() -> None:
    found = set(fixes())
    assert len(found) > 60
    assert {text for text in found if JARGON.search(in_words(fix_of({"fix": text})))} == set()


def test_every_text_of_the_table_is_one_that_clipcast_writes() -> None:
    """A text that changes in the API would else be shown with its parameters again."""
    source = " ".join(
        node.value
        for part in OF_ITEMS
        for path in (SOURCE / part).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    assert {text for text in FIXES if text not in source} == set()


@pytest.mark.parametrize(
    ("message", "platform", "shown"),
    [
        ("outcome_unknown: The response was lost.", "", "The response was lost."),
        (slot_taken().detail, "", "Another post took this posting time. Try again, or choose another time."),
        ("A clip: fits.", "", "A clip: fits."),
        ("platform_unavailable: the next attempt starts in 1 s.", "", "The next attempt starts in 1 s."),
        (
            "There is no connection '01a22108-62f8-7104-8236-b1fd723c96f0' in this workspace.",
            "",
            "This account is not in this workspace, or is gone.",
        ),
        (
            "TikTok: quota `posts_per_day` of this account is used up until 2026-11-28T10:00:00Z. Items that need it "
            "wait until then, or until a caller retries them.",
            "",
            "TikTok: the limit “Posts per day” of this account is used up until 2026-11-28T10:00:00Z. Items that need "
            "it wait until then.",
        ),
        (
            "brandContentToggle cannot be combined with privacyLevel SELF_ONLY. Change one of them.",
            "tiktok",
            "“Paid partnership” cannot be combined with “Who can watch: Only me”. Change one of them.",
        ),
        ("Or post it as a video (mediaType VIDEO).", "facebook", "Or post it as a video (“Kind of post: Video”)."),
    ],
)
def test_message_is_said_in_words(message: str, platform: str, shown: str) -> None:
    assert in_words(message, platform) == shown


def test_every_request_and_step_of_a_platform_has_words() -> None:
    names = {
        node.args[0].value
        for path in (SOURCE / "platforms").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
        if node.func.attr in ("request", "send_once", "step")
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }
    names |= set(passed_names())
    assert {"limit", "create", "thumbnail", "video_init", "creator_info"} < names
    assert names - set(STEPS) == set()


def passed_names() -> Iterator[str]:
    """Yield each name that a platform's folder passes to a function of its own, which sends a request of this name."""
    trees = [ast.parse(path.read_text()) for path in (SOURCE / "platforms").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    # The place of the parameter, by the function's name.
    places: dict[str, int] = {"request": 0}
    while True:
        found = dict(places)
        for one in nodes:
            if not isinstance(one, ast.AsyncFunctionDef):
                continue
            parameters = [each.arg for each in one.args.args if each.arg != "self"]
            for call in ast.walk(one):
                name = named_in(call, places) if isinstance(call, ast.Call) else None
                if isinstance(name, ast.Name) and name.id in parameters:
                    found[one.name] = parameters.index(name.id)
        if found == places:
            break
        places = found
    names = [named_in(node, places) for node in nodes if isinstance(node, ast.Call)]
    # "GET" is the method of a request without a name.
    yield from (str(name.value) for name in names if isinstance(name, ast.Constant) and str(name.value).islower())


def named_in(call: ast.Call, places: dict[str, int]) -> ast.expr | None:
    """Return the argument of a call that names a request; None if it has none."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = places.get(called, len(call.args))
    return call.args[place] if place < len(call.args) else None


def test_reasons_of_waits_hold_no_value_of_a_platform() -> None:
    reasons = [
        node.args[1]
        for path in (SOURCE / "platforms").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wait"
        if len(node.args) == 2
    ]
    assert len(reasons) > 5
    assert [ast.unparse(one) for one in reasons if not isinstance(one, ast.Constant)] == []
