"""The division of videos into clips: pure."""

from dataclasses import replace

import pytest

from clipcast.common.media import Media
from clipcast.renders.strategies import DAY, FOUND_MAX, STRATEGIES, Found, Limits, divide

LIMITS = Limits(0.0, 60.0, 5.0, 20.0)
MEDIA = Media("mp4", 1, 60.0, 1080, 1920, 30.0, "h264", "aac")


@pytest.mark.parametrize(
    ("cuts", "limits", "expected"),
    [
        ([10, 20, 35, 50], LIMITS, [(0, 10), (10, 20), (20, 35), (35, 50), (50, 60)]),
        ([1, 2, 3, 12, 13], replace(LIMITS, end=30), [(0, 12), (12, 30)]),
        ([], LIMITS, [(0, 20), (20, 40), (40, 60)]),
        ([10, 28], replace(LIMITS, end=30), [(0, 10), (10, 30)]),
        ([20, 40], replace(LIMITS, end=41), [(0, 20), (20, 40)]),
        ([3], replace(LIMITS, end=4), [(0, 4)]),
        ([10, 20], replace(LIMITS, start=8, end=30), [(8, 20), (20, 30)]),
        ([-5, 0, 60, 99], LIMITS, [(0, 20), (20, 40), (40, 60)]),
        ([20, 10, 10], replace(LIMITS, end=30), [(0, 10), (10, 20), (20, 30)]),
        ([10], Limits(0, 20, 7, 7), [(0, 7), (7, 14)]),
    ],
)
def test_divide(cuts: list[float], limits: Limits, expected: list[tuple[float, float]]) -> None:
    assert [(one.start, one.end) for one in divide(cuts, limits)] == expected


def test_a_submission_has_at_most_as_many_clips() -> None:
    found = divide([], Limits(0.0, DAY, 1.0, 1.0))
    assert len(found) == FOUND_MAX


async def test_whole_is_the_timeframe_and_reads_no_file() -> None:
    strategy = STRATEGIES["whole"]
    limits = Limits(3.0, 9.0, 0.0, DAY)
    assert strategy.reads_file is False
    assert await strategy.find(MEDIA, limits, None) == [Found(3.0, 9.0)]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["scenes", "silence"])
async def test_strategy_asks_for_its_cuts(name: str) -> None:
    asked: list[str] = []

    async def cuts(subject: str) -> list[float]:
        asked.append(subject)
        return [12.0]

    found = await STRATEGIES[name].find(MEDIA, Limits(0.0, 30.0, 10.0, 30.0), cuts)  # type: ignore[arg-type]
    assert (asked, found) == ([name], [Found(0.0, 12.0), Found(12.0, 30.0)])
