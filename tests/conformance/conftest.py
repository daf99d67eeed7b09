"""Every test of the suite runs once for every platform."""

import os

import pytest

from tests.conformance import bluesky, facebook, instagram, linkedin, pinterest, threads, tiktok, youtube
from tests.conformance.case import Case
from tests.harness import Stage

CASES = (
    tiktok.CASE,
    youtube.CASE,
    instagram.CASE,
    instagram.BY_FACEBOOK,
    threads.CASE,
    pinterest.CASE,
    linkedin.CASE,
    linkedin.PAGE,
    facebook.CASE,
    bluesky.CASE,
    bluesky.BY_OAUTH,
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Fills in `case`, and one of its rows where a test asks for one."""
    rows = {
        "limit": lambda case: case.limits,
        "refused": lambda case: case.refused,
        "refusal": lambda case: case.refusals,
        "media_failure": lambda case: case.media_failures,
        "aside": lambda case: case.asides,
        "request_name": lambda case: tuple(dict.fromkeys(case.requests)),
    }
    usual = metafunc.definition.get_closest_marker("default_methods") is not None and "PROVE_EXAMPLES" not in os.environ
    cases = [case for case in CASES if not (usual and case.sign_in_method)]
    wanted = next((name for name in rows if name in metafunc.fixturenames), None)
    if wanted:
        pairs = [(case, row) for case in cases for row in rows[wanted](case)]
        metafunc.parametrize(["case", wanted], pairs, ids=[f"{c.name}-{_name(row)}" for c, row in pairs])
    elif "case" in metafunc.fixturenames:
        metafunc.parametrize("case", cases, ids=[case.name for case in cases])


def _name(row: object) -> str:
    if isinstance(row, str):
        return row
    if isinstance(row, tuple):
        return f"{row[1].strip('/') or 'whole'}-{row[2]}"
    return "-".join(str(getattr(row, name)) for name in ("name", "request", "code") if hasattr(row, name))


@pytest.fixture
async def connection(stage: Stage, case: Case) -> str:
    """An account on the case's platform, connected through its consent page."""
    connection = await case.connect(stage)
    await stage.sandbox.forget_requests()
    return connection
