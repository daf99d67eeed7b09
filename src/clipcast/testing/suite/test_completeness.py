"""Every platform has all parts. A part that is missing fails here, with one line that states where it belongs."""

import pytest

from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.case import Case
from clipcast.testing.completeness import missing_parts


def test_platform_has_every_part(platform_name: str, cases: list[Case]) -> None:
    if missing := list(missing_parts(platform_name, cases)):
        pytest.fail("\n".join(missing), pytrace=False)


def test_example_metadata_has_no_unknown_field(platform_name: str) -> None:
    model = PLATFORMS[platform_name].metadata
    fields = {one.alias or name for name, one in model.model_fields.items()}
    assert set(model.example) <= fields


def test_every_setting_begins_with_the_name(platform_name: str) -> None:
    assert all(one.name.startswith(f"{platform_name}_") for one in PLATFORMS[platform_name].settings)
