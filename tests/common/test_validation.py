"""Pydantic's errors become problems with Clipcast's codes and messages."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from clipcast.api.schemas import BODIES
from clipcast.common.validation import BUILTIN, INVALID, RULES, closest, names_at, problem_of, problems_of
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.schemas import UpdatePost
from clipcast.server.app import create_app

create_app()
MODELS = [*BODIES.values(), *(platform.metadata for platform in PLATFORMS.values())]
WRONG: list[Any] = [
    None,
    True,
    0,
    -5,
    1.5,
    10**30,
    "",
    "x",
    "x" * 20_000,
    [],
    [1],
    ["x"] * 10_000,
    {},
    {"x": 1},
    [{"x": 1}],
]
LIBRARY = ("Input should", "should have", "valid dictionary", "instance of", "ctx", "Value error", "regex", "pattern '")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_messages_contain_no_text_of_pydantic(model: type[BaseModel]) -> None:
    names = [field.alias or name for name, field in model.model_fields.items()]
    bodies = [*WRONG, *({name: value} for name in names for value in WRONG)]
    seen = 0
    for body in bodies:
        try:
            model.model_validate(body)
        except ValidationError as error:
            for problem in problems_of(error, model):
                seen += 1
                assert not any(word in problem.message for word in LIBRARY), problem
                assert problem.message.endswith((".", "?")), problem
                assert len(problem.message) < 600, problem
    assert seen > 10


@pytest.mark.parametrize("kind", sorted(BUILTIN))
def test_every_error_type_of_pydantic_has_a_message(kind: str) -> None:
    bounds = ("min_length", "max_length", "actual_length", "ge", "gt", "le", "lt")
    context: dict[str, Any] = dict.fromkeys(bounds, 5) | {"expected": "'a'", "field_type": "List", "pattern": "^a$"}
    detail = {"type": kind, "loc": ("a",), "msg": "Input should be", "input": "x", "ctx": context}
    assert "Input should" not in problem_of(detail).message
    assert kind in RULES or kind in ("extra_forbidden", "value_error") or problem_of(detail).message == INVALID[1]


def test_field_names_at_any_location_are_found() -> None:
    post = BODIES["CreatePost"]
    assert names_at(post, ()) == list(post.model_fields)
    assert "connectionId" in names_at(post, ("videos", 3, "targets", 0))
    assert names_at(post, ("videos",)) == []
    assert names_at(post, ("nothing", 0)) == []
    youtube = PLATFORMS["youtube"].metadata
    assert "selfDeclaredMadeForKids" in names_at(youtube, ())


def test_closest_ignores_very_long_names() -> None:
    assert closest("x" * 1_000_000, ["title"] * 40) is None
    assert closest("titel", ["title", "tags"]) == "title"
    assert closest("stat", ["title", "tags"]) is None


@pytest.mark.parametrize("name", ["videos", "status", "item_id", "post_id"])
def test_name_of_another_place_gets_no_suggestion(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        UpdatePost.model_validate({name: 1})
    [problem] = problems_of(caught.value, UpdatePost)
    assert problem.message == f"There is no field '{name}'. Remove it."


def test_message_of_a_pattern_names_the_form() -> None:
    metadata = PLATFORMS["pinterest"].metadata
    with pytest.raises(ValidationError) as caught:
        metadata.model_validate({"boardId": "My board"})
    [problem] = problems_of(caught.value, metadata)
    assert (problem.code, problem.message) == ("invalid", "Must have the form ^[0-9]{1,40}$. Correct it.")
