"""The query parameters of operations: a name that an operation does not declare is an error, as in bodies.

A parameter that is ignored can publish: `?dryrun=true` instead of `?dry_run=true`.
"""

from collections import Counter
from typing import Any, get_origin

from fastapi import Request, params
from fastapi.dependencies.utils import get_flat_params

from clipcast.common.problems import PROBLEMS_MAX, Problem, ValidationFailed
from clipcast.common.validation import NAME_MAX, closest, pointer_part

KEPT = "clipcast_query_parameters"


async def require_known_query(request: Request) -> None:
    """Raise ValidationFailed for each query parameter that the operation does not declare, or that is repeated."""
    if not request.scope["query_string"]:
        return
    declared = _declared(request.scope["route"])
    counts = Counter(name for name, _ in request.query_params.multi_items())
    problems = [problem for name, count in counts.items() if (problem := _problem(name, count, declared))]
    if problems:
        raise ValidationFailed(problems[:PROBLEMS_MAX])


def _declared(route: Any) -> dict[str, bool]:
    """Return the names of an operation's query parameters, and whether each may be repeated."""
    # To collect them takes a walk through all dependencies, so the route keeps them. Routes cannot be keys of a cache.
    if (kept := getattr(route, KEPT, None)) is None:
        fields = [one for one in get_flat_params(route.dependant) if isinstance(one.field_info, params.Query)]
        kept = {one.alias: get_origin(one.field_info.annotation) in (list, set, tuple) for one in fields}
        setattr(route, KEPT, kept)
    return kept


def _problem(name: str, count: int, declared: dict[str, bool]) -> Problem | None:
    path = f"/query/{pointer_part(name[:100])}"
    if name not in declared:
        near = closest(name, list(declared))
        accepted = f"This operation accepts {', '.join(declared)}." if declared else "This operation accepts none."
        advice = f"Did you mean {near!r}?" if near else f"Remove it. {accepted}"
        return Problem(path, "unknown_parameter", f"There is no query parameter {name[:NAME_MAX]!r}. {advice}")
    if count > 1 and not declared[name]:
        message = f"The query parameter {name!r} is given {count} times. Give it once."
        return Problem(path, "repeated_parameter", message, 1, count)
    return None
