"""Lists of names in texts."""

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """Return the names in the form of a sentence: `A`, `A and B`, or `A, B and C`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
