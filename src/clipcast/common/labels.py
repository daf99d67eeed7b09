"""Labels that people give to clips and accounts."""

from collections.abc import Iterable

from clipcast.common.names import name_key, require_name
from clipcast.common.problems import Problem, ValidationFailed

LABEL_MAX, LABELS_MAX = 50, 20


def clean_labels(typed: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return labels without repetitions, each as the `known` ones spell it already. Raise ValidationFailed."""
    spelt = {name_key(name): name for name in known}
    found: dict[str, str] = {}
    for one in typed:
        name = require_name(one, LABEL_MAX, "/labels")
        found.setdefault(name_key(name), spelt.get(name_key(name), name))
    return list(found.values())


def check_number(labels: list[str], what: str) -> None:
    """Raise ValidationFailed if these are too many labels for one thing, which the message calls `what`."""
    if len(labels) > LABELS_MAX:
        message = f"{what} would have {len(labels)} labels, maximum {LABELS_MAX}. Remove some."
        raise ValidationFailed([Problem("/labels", "too_long", message, LABELS_MAX, len(labels))])
