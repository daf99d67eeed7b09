"""The metadata of a LinkedIn post (docs/platforms/linkedin.md 2.6)."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.common.schemas import Meanings
from clipcast.platforms.linkedin.rules import CAPTIONS_LANGUAGES, ORGANIZATION
from clipcast.platforms.metadata import CaptionsFile, Limit, Metadata
from clipcast.platforms.texts import ADDRESS

COMMENTARY_MAX = 3000
RESERVED = re.compile(r"[|{}@\[\]()<>#\\*_~]")
HASHTAG = re.compile(r"(?<![\w#/&=])#(\w+)")


def little_text(text: str) -> str:
    """Return the text in LinkedIn's little text format, in which an unescaped reserved character cuts the post.

    Hashtags outside of web addresses become templates. All other reserved characters are escaped, also inside
    addresses: LinkedIn removes the escapes before it links an address.
    """
    parts, end = [], 0
    for address in ADDRESS.finditer(text):
        parts += [_with_hashtags(text[end : address.start()]), _escaped(address[0])]
        end = address.end()
    return "".join([*parts, _with_hashtags(text[end:])])


def _with_hashtags(text: str) -> str:
    parts, end = [], 0
    for match in HASHTAG.finditer(text):
        parts += [_escaped(text[end : match.start()]), f"{{hashtag|\\#|{_escaped(match[1])}}}"]
        end = match.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return RESERVED.sub(lambda match: "\\" + match[0], text)


class LinkedInMetadata(Metadata):
    text_field = "commentary"
    title_field = "title"
    main_fields = ("visibility",)
    remembered_fields = ("visibility", "isReshareDisabledByAuthor")
    field_titles = {
        "commentary": "Caption",
        "visibility": "Who can see it",
        "isReshareDisabledByAuthor": "Allow reposts",
    }
    field_hints = {"isReshareDisabledByAuthor": ""}
    opposite_fields = ("isReshareDisabledByAuthor",)
    folds_after = 210
    captions_file = CaptionsFile(None, None, languages=CAPTIONS_LANGUAGES)
    value_titles = {"PUBLIC": "Anyone", "CONNECTIONS": "Connections only", "LOGGED_IN": "LinkedIn members"}
    example = {"commentary": "First light in the harbour #harbour"}

    commentary: Annotated[
        str,
        Limit(COMMENTARY_MAX, len, "characters"),
        Field(description="The text: at most 3000 characters. LinkedIn links #hashtags."),
    ] = ""
    visibility: Annotated[
        Literal["PUBLIC", "CONNECTIONS", "LOGGED_IN"],
        Meanings(
            {
                "PUBLIC": "Anyone, on and off LinkedIn.",
                "CONNECTIONS": "The member's connections.",
                "LOGGED_IN": "Members who are signed in.",
            }
        ),
        Field(description="Who may see the post."),
    ] = "PUBLIC"
    title: Annotated[str, Limit(200, len, "characters"), Field(description="Shown on the player.")] = ""
    is_reshare_disabled_by_author: Annotated[bool, Field(description="Whether others cannot share the post.")] = False

    def check(
        self, media: Media, starts_at: datetime, account: Mapping[str, Any]
    ) -> tuple[list[Problem], list[Problem]]:
        errors = []
        if account.get("way") == ORGANIZATION and self.visibility != "PUBLIC":
            message = f"visibility is {self.visibility}, but a page's posts are always PUBLIC. Leave visibility out."
            errors.append(Problem("/visibility", "not_for_pages", message, "PUBLIC", self.visibility))
        if (written := len(little_text(self.commentary))) <= COMMENTARY_MAX:
            return errors, []
        message = (
            f"LinkedIn may count the escapes of special characters and hashtags. commentary then has {written} "
            f"characters, maximum {COMMENTARY_MAX}."
        )
        return errors, [Problem("/commentary", "may_be_too_long", message, COMMENTARY_MAX, written)]
