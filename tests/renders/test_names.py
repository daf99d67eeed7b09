"""Renders without a name of their own are named by their changes."""

from typing import Any

import pytest

from clipcast.renders.edit_schemas import EditBody
from clipcast.renders.names import name_of


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "land"),
        ({"trim": {"start": 2, "end": 10}}, "land, 0:02 to 0:10"),
        ({"trim": {"start": 65.25}}, "land, from 1:05.25"),
        ({"trim": {"start": 0, "end": 59.999}, "speed": 1.5}, "land, 0:00 to 1:00, speed 1.5"),
        ({"aspect_ratio": "9:16", "resolution": "720p"}, "land, 9:16, 720p"),
        ({"captions": {"text": "x"}, "fade": {"in": 1}}, "land, captions, fade"),
    ],
)
def test_name_says_what_is_changed(fields: dict[str, Any], name: str) -> None:
    assert name_of("land", EditBody.model_validate(fields)) == name


def test_long_title_leaves_place_for_the_changes() -> None:
    name = name_of("a" * 300, EditBody.model_validate({"aspect_ratio": "1:1"}))
    assert name.endswith("a, 1:1")
    assert len(name) <= 255
