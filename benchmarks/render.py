"""Renders: the cost and quality of conversions, and how little they delay posts."""

from benchmarks import convert, lateness
from benchmarks.figures import Figure


async def measure() -> list[Figure]:
    return [*await convert.measure(), *await lateness.measure()]
