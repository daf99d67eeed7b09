"""The metadata of a Threads post (docs/platforms/threads.md 2.1)."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import regex
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from clipcast.common.schemas import Meanings
from clipcast.platforms.metadata import Limit, Metadata
from clipcast.platforms.threads.rules import LOCATION_SCOPE

TEXT_MAX = 500
LINKS_MAX = 5
LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Emoji_Presentation}|\p{Regional_Indicator}|\u20e3")


def threads_length(text: str) -> int:
    """Count the characters like Threads: an emoji counts its UTF-8 bytes, every other character 1."""
    return sum(
        len(cluster.encode()) if EMOJI.search(cluster) else len(cluster) for cluster in regex.findall(r"\X", text)
    )


def _few_links(text: str) -> str:
    if (actual := len(set(LINK.findall(text)))) > LINKS_MAX:
        raise PydanticCustomError(
            "too_many_links",
            "text has too many different links: {actual}, maximum {limit}. Remove some.",
            {"limit": LINKS_MAX, "actual": actual},
        )
    return text


class ThreadsMetadata(Metadata):
    text_field = "text"
    scopes_of_fields: ClassVar[Mapping[str, str]] = {"location_id": LOCATION_SCOPE}
    main_fields = ("replyControl",)
    remembered_fields = ("replyControl", "enableReplyApprovals", "allowlistedCountryCodes")
    field_titles = {
        "text": "Caption",
        "replyControl": "Who can reply",
        "topicTag": "Topic",
        "altText": "Description for people who do not see it",
        "locationId": "Place (its id)",
        "allowlistedCountryCodes": "Only in these countries",
        "isSpoilerMedia": "Hide it behind a tap",
        "enableReplyApprovals": "Approve replies first",
    }
    value_titles = {
        "accounts_you_follow": "Accounts you follow",
        "mentioned_only": "Who is mentioned",
        "parent_post_author_only": "The author of the first post",
        "followers_only": "Followers",
    }
    folds_after = 500
    example = {"text": "First light in the harbour", "topicTag": "harbour"}

    text: Annotated[
        str,
        Limit(TEXT_MAX, threads_length, "characters"),
        AfterValidator(_few_links),
        Field(description="The text: at most 500 characters (an emoji counts its UTF-8 bytes) and 5 links."),
    ] = ""
    reply_control: Annotated[
        Literal["everyone", "accounts_you_follow", "mentioned_only", "parent_post_author_only", "followers_only"],
        Meanings(
            {
                "everyone": "Everyone.",
                "accounts_you_follow": "Accounts that the account follows.",
                "mentioned_only": "Accounts that the text mentions.",
                "parent_post_author_only": "The author of the post above.",
                "followers_only": "The account's followers.",
            }
        ),
        Field(description="Who may reply."),
    ] = "everyone"
    topic_tag: Annotated[
        str | None,
        Field(min_length=1, max_length=50, pattern=r"^[^.&]+$", description="The post's topic, without . and &."),
    ] = None
    alt_text: Annotated[
        str | None, Field(max_length=1000, description="The alternative text: at most 1000 characters.")
    ] = None
    location_id: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9]{1,40}$",
            description=f"A place of Threads' location search. The account must grant {LOCATION_SCOPE}.",
        ),
    ] = None
    allowlisted_country_codes: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] | None,
        Field(min_length=1, max_length=250, description="ISO 3166 codes of the only countries that see the post."),
    ] = None
    is_spoiler_media: Annotated[bool, Field(description="Hides the video behind a tap.")] = False
    enable_reply_approvals: Annotated[
        bool, Field(description="Whether replies show only after the account approved them.")
    ] = False
