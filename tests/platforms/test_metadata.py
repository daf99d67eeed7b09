"""What pydantic finds, in sentences that say what to do."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from clipcast.platforms.metadata import problems_of


class Model(BaseModel):
    model_config = {"extra": "forbid", "strict": True}

    some: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    text: Annotated[str, Field(min_length=2, max_length=3)] = "abc"
    kind: Literal["one", "two"] = "one"


@pytest.mark.parametrize(
    ("body", "path", "code", "message", "limit", "actual"),
    [
        ({"some": []}, "/some", "too_short", "Give at least 1; there are 0.", 1, 0),
        ({"some": [1, 2, 3]}, "/some", "too_long", "Give at most 2; there are 3.", 2, 3),
        ({"text": "a"}, "/text", "too_short", "Write at least 2 characters.", 2, 1),
        ({"text": "abcd"}, "/text", "too_long", "Write at most 3 characters.", 3, 4),
        ({"kind": "three"}, "/kind", "not_allowed", "Use 'one' or 'two'.", None, None),
        ({"txt": "a"}, "/txt", "unknown_field", "There is no field 'txt'. Did you mean 'text'?", None, None),
    ],
)
def test_a_problem(body: object, path: str, code: str, message: str, limit: int | None, actual: int | None) -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(body)
    [problem] = problems_of(caught.value, list(Model.model_fields))
    assert (problem.path, problem.code, problem.message, problem.limit, problem.actual) == (
        path, code, message, limit, actual,
    )  # fmt: skip
