"""The conformance suite finds every case, and names the parts that a platform lacks."""

from importlib.metadata import EntryPoint

import pytest

from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.case import Case
from clipcast.testing.cases import find_cases
from clipcast.testing.completeness import missing_parts

OWN = find_cases("tests.conformance")


def test_cases_are_sorted_by_platform_with_the_default_sign_in_method_first() -> None:
    """The first case of each platform uses the default sign-in method; no case appears twice."""
    order = list(PLATFORMS)
    places = [order.index(case.platform) for case in OWN]
    assert places == sorted(places)
    assert len({case.name for case in OWN}) == len(OWN)
    firsts = {case.platform: case for case in reversed(OWN)}
    assert all(case.sign_in_method is None for case in firsts.values())


@pytest.mark.parametrize("platform", ["youtube", "instagram"])
def test_platform_without_a_case_names_the_file_to_add(platform: str) -> None:
    """A case for another sign-in method does not replace the case of the default one."""
    assert list(missing_parts(platform, OWN)) == []
    others: list[Case] = [case for case in OWN if case.platform != platform or case.sign_in_method]
    [line] = missing_parts(platform, others)
    assert line == f"{platform}: no conformance case. Add tests/conformance/{platform}.py."


def test_unknown_platform_lists_the_installed_ones() -> None:
    """A misspelt name gives one line with all names."""
    [line] = missing_parts("you-tube", OWN)
    assert line.startswith("you-tube: there is no platform of this name. Installed are: ")
    assert all(name in line for name in PLATFORMS)


def test_case_that_cannot_be_imported_affects_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's own line states the error; the other platforms keep their cases."""
    unusable: dict[str, str] = {}
    entries = [EntryPoint("youtube", "not_installed.case", "clipcast.cases")]
    monkeypatch.setattr("clipcast.testing.cases.entry_points", lambda group: entries)
    monkeypatch.setattr("clipcast.testing.cases.UNUSABLE", unusable)
    monkeypatch.setattr("clipcast.testing.completeness.UNUSABLE", unusable)
    assert find_cases("tests.conformance") == OWN
    [line] = missing_parts("youtube", [case for case in OWN if case.platform != "youtube"])
    assert line == (
        "youtube: its conformance case cannot be imported (ModuleNotFoundError: No module named 'not_installed'). "
        "Correct tests/conformance/youtube.py."
    )
