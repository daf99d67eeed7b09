"""What the texts of several platforms have in common: web addresses, in which `#`, `@` and brackets mean nothing."""

import regex

# With a scheme or `www.`, or a host that a path, a query or a fragment follows.
ADDRESS = regex.compile(
    r"(?<![\w@.-])(?:https?://|www\.)\S+|(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}(?::\d+)?[/?#]\S*",
    regex.IGNORECASE,
)


def without_addresses(text: str) -> str:
    """The text with a blank in place of each address, for counting what is none of it."""
    return str(ADDRESS.sub(" ", text))
