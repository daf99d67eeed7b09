"""The choice of cases: the crash matrix with a Temporal server runs in full for `--engine temporal` only."""

import itertools
from collections import defaultdict

import pytest

FILE = "test_temporal.py"
# Without the option, each test runs for every fourth case: each platform for a fourth of the tests.
SHORT = 4


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--engine") == "temporal":
        return
    groups: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and item.path.name == FILE and "case" in item.fixturenames:
            case = item.callspec.params["case"]
            groups[item.nodeid.replace(case.name, "")].append(item)
    left_out = {
        item
        for first, of_test in enumerate(groups.values())
        for number, item in enumerate(of_test)
        if number % SHORT != first % SHORT
    }
    items[:] = itertools.filterfalse(left_out.__contains__, items)
    config.hook.pytest_deselected(items=list(left_out))
