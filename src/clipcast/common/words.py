"""How texts list names."""

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """Return the names as a sentence lists them: `A`, `A and B`, or `A, B and C`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
