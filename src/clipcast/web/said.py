"""Clipcast's messages on pages: what a person can press instead of the API's parameters, and labels instead of names.

The API, webhooks and the tab Developer keep the stored texts.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from clipcast.platforms.metadata import Metadata
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.forms import label_of, title_of_field, with_value_titles

NOT_THERE = "Then press “It is there” or “It is not: send again”."
CUT_AGAIN = "Cut the clip anew in the editor, so that it keeps this {}, and post it again."
# What a page says instead of the API's fix.
FIXES = {
    "Check the account. A retry looks for the video first; `force=true` can publish a duplicate.":
        f"Check the account. {NOT_THERE}",
    "Check the profile's activity. If the post is not there, retry the item with `force=true`.":
        f"Check the profile's activity. {NOT_THERE}",
    "Correct the item's metadata in a new post.": "Press “Edit and post again”, and correct it.",
    "Retry the item to publish it now. CLIPCAST_MISSED_GRACE sets how late is too late.":
        "Press “Try again” to publish it now.",
    "Report this with the item's id. The worker's log has the details.":
        "Report this to the operator, with the item's id from the tab Developer.",
    "Make the TikTok account private, or post a draft (postMode MEDIA_UPLOAD).":
        "Make the TikTok account private, or post it to the app's inbox, to finish there.",
    "Publish the draft on the Page, or post the clip with mediaType REELS.":
        "Publish the draft on the Page, or post the clip as a Reel.",
    "Check that CLIPCAST_PUBLIC_URL is reachable from the internet, and that coverUrl returns a JPEG with 200.":
        "Check that this installation is reachable from the internet, and that the address of the cover is a JPEG.",
    "Check that CLIPCAST_PUBLIC_URL is reachable from the internet.":
        "Check that this installation is reachable from the internet.",
    "Create a new render of the clip that keeps this rule, such as with another trim, and a new post.":
        CUT_AGAIN.format("rule"),
    "Create a new render of the clip that keeps this limit, such as with another trim, and a new post.":
        CUT_AGAIN.format("limit"),
    "Create a new render with `precision: exact` in its trim. That converts the picture instead of copying it.":
        "Cut the clip anew, exact to the frame. That converts the picture instead of copying it.",
    "Save the watermark again, as PNG, upload it, and create a new render with it.":
        "Save the watermark again, as PNG, upload it, and make the clip anew with it.",
    "Upload the clip again, and create a new post or render.": "Upload the clip again, and create a new post.",
    "Export the clip again, as MP4 with H.264 and AAC, and create a new post or render. A retry converts this one "
    "again.":
        "Export the clip again, as MP4 with H.264 and AAC, and create a new post. “Try again” converts this one again.",
    "Restore the clip in the storage and retry the item, or upload it again for a new post.":
        "Upload the clip again, and create a new post.",
}  # fmt: skip
# Words of the API inside messages.
WORDS = {
    "Send the request again": "Try again",
    "Repeat the request": "Try again",
    "Items that need it wait until then, or until a caller retries them.": "Items that need it wait until then.",
    "Another target of this post has the same clip and connection.": "The post has this clip on this account twice.",
    " (PATCH /connections/{connection_id}), or give scheduled_at.": " under Accounts, or choose a time.",
    " (PUT /clients/{client_id}/posting-times), or give scheduled_at.": " on the client's page, or choose a time.",
    "or give scheduled_at.": "or choose a time.",
    "Give a time in the future, or none to publish now.": "Choose a later time.",
    ", or send allow_duplicate=true.": ", or allow it.",
    "CLIPCAST_PUBLIC_URL is not a public https URL. Set it.":
        "this installation has no public https address. Its operator sets CLIPCAST_PUBLIC_URL.",
    "This is a sandbox connection, but": "This is an account of the practice platforms, but",
    "This is a real connection, but": "This is a real account, but",
    "uses the sandbox": "uses the practice platforms",
    "The connection belongs to a sandbox": "The account belongs to practice platforms",
    "The connection belongs": "The account belongs",
    "field of the metadata": "setting",
    "setting of the metadata": "setting",
    "the metadata": "the words or settings",
    "of the render": "of the clip",
    "the render's": "the clip's",
    "Set `language` of the captions.": "Set the language of the captions.",
    " (mode burn)": "",
    "The plan has": "The CSV has",
    "The plan is": "The CSV is",
    "as another plan": "as another CSV",
}  # fmt: skip
WORD = re.compile("|".join(map(re.escape, WORDS)))
# How an error continues with the platform's own words (platforms/errors.py).
RESPONDED = ' The platform responded: "'
# An object that an address or a form names, as NotFound says it.
GONE = re.compile(r"There is no ([a-z ]+) '[0-9a-f-]{36}' in this workspace\.")
KINDS = {
    "connection": "account",
    "connection of the client": "account of the client",
    "render": "clip",
    "video": "clip",
}
# The code before the message of an error in an attempt.
CODE = re.compile(r"^(?:[a-z0-9]+(?:_[a-z0-9]+)+: |[a-z]+: (?=[A-Z]))(.)")
QUOTA = re.compile(r"quota `([^`]+)`")


def fix_of(error: Mapping[str, Any]) -> str:
    """Return what to do about an error of an item, or a warning, as pages say it."""
    fix = str(error.get("fix") or "")
    return FIXES.get(fix, fix)


def action_in_words(action: str) -> str:
    """Return an action of the audit log as people call it: `Account paused` for `connection.disabled`."""
    paused = {"connection.disabled": "account.paused", "connection.enabled": "account.resumed"}
    return label_of(paused.get(action, action).replace("connection", "account").replace(".", " "))


def without_response(message: str) -> str:
    """Return a message without the platform's own words, for a place that quotes them beside it or is short."""
    return message.partition(RESPONDED)[0]


def in_words(message: str, platform: str = "") -> str:
    """Return a message without names of the API."""
    if platform in PLATFORMS:
        model = PLATFORMS[platform].metadata
        message = with_field_titles(with_value_titles(message, model.value_titles), model)
    message = GONE.sub(
        lambda match: f"This {KINDS.get(match[1], match[1])} is not in this workspace, or is gone.", message
    )
    message = CODE.sub(lambda match: match[1].upper(), message)
    message = QUOTA.sub(lambda match: f"the limit “{label_of(match[1])}”", message)
    return WORD.sub(lambda match: WORDS[match[0]], message)


def with_field_titles(text: str, model: type[Metadata]) -> str:
    """Return a text of the API with the names of fields, such as privacyLevel, as people call them.

    The title of a value after the name goes with it: `“Who can watch: Only me”`.
    """

    def titled(match: re.Match[str]) -> str:
        title = title_of_field(model, match[1])
        return f"“{title}: {match[2]}”" if match[2] else f"“{title}”"

    pattern = _names(model)
    return pattern.sub(titled, text) if pattern else text


@cache
def _names(model: type[Metadata]) -> re.Pattern[str] | None:
    """Return the names of fields that are no words of English."""
    names = [info.alias or name for name, info in model.model_fields.items()]
    spelt = [re.escape(name) for name in names if not name.islower()]
    return re.compile(rf"\b({'|'.join(spelt)})\b(?: “([^”]+)”)?") if spelt else None
