"""Web addresses in texts: `#`, `@` and brackets in them have no meaning for hashtags and mentions."""

import regex

# With a scheme or `www.`, or a host that a path, a query or a fragment follows.
ADDRESS = regex.compile(
    r"(?<![\w@.-])(?:https?://|www\.)\S+|(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}(?::\d+)?[/?#]\S*",
    regex.IGNORECASE,
)


def without_addresses(text: str) -> str:
    """Return the text with each web address replaced by a blank."""
    return str(ADDRESS.sub(" ", text))
