"""The marks of accounts: the icon of the platform, whose title names the account and its state."""

from functools import lru_cache

from markupsafe import Markup

from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.lines import Mark
from clipcast.web.icons import platform_icon
from clipcast.web.states import STATES

# So many marks of posts are kept: a page may have some hundreds, and most accounts recur.
KEPT = 2000
# The states that a mark points out.
POINTED_OUT = ("failed", "check", "held")
MARK = Markup('<span class="account-mark%s" role="img" title="%s">%s</span>')


def account_mark(platform: str, words: str = "", worst: str = "") -> Markup:
    """Return the mark of a platform, whose title tells screen readers the words, or else the platform's name.

    `worst` is the state to point out, if it is one.
    """
    tone = f" {STATES[worst].tone}" if worst in POINTED_OUT else ""
    return MARK % (tone, words or PLATFORMS[platform].title, platform_icon(platform))


@lru_cache(maxsize=KEPT)
def mark_on_post(one: Mark) -> Markup:
    """Return the mark of an account of a post."""
    words = f"{PLATFORMS[one.platform].title} @{one.username}: {STATES[one.state].word.lower()}"
    if one.items > 1:
        words += f", {one.items} items"
    if one.warnings:
        words += f", with {one.warnings} {'warning' if one.warnings == 1 else 'warnings'}"
    return account_mark(one.platform, words, one.state)
