"""The pytest plugin of the conformance suite. It acts only with `--conformance` or the option `clipcast_cases`."""

from pathlib import Path

import pytest

SUITE = Path(__file__).parent / "suite"
FIXTURES = "clipcast.testing.fixtures"
ASYNCIO = {
    "asyncio_mode": "auto",
    "asyncio_default_fixture_loop_scope": "session",
    "asyncio_default_test_loop_scope": "session",
}
DEFAULT_METHODS = "default_methods: takes time, so it runs for the default sign-in method of each platform only"

pytest.register_assert_rewrite("clipcast.testing.checks", FIXTURES)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("clipcast").addoption(
        "--conformance", action="append", default=[], metavar="NAME",
        help="run Clipcast's conformance suite for the platform NAME; repeat it for several",
    )  # fmt: skip
    parser.getgroup("clipcast").addoption(
        "--table", action="store_true", help="print the results of each test by platform"
    )
    parser.getgroup("clipcast").addoption(
        "--record-programs", action="store_true", help="record the programs whose version has no recording"
    )
    parser.addini(
        "clipcast_cases", "package of which each module holds a platform's conformance cases, "
        "beside the entry points clipcast.cases", default="",
    )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures if they are wanted. `--conformance` without paths runs the suite alone."""
    chosen = config.getoption("--conformance")
    if not chosen and not config.getini("clipcast_cases"):
        return
    if wrong := [f'{name} = "{value}"' for name, value in ASYNCIO.items() if str(config.getini(name)) != value]:
        raise pytest.UsageError(f"The suite needs these options of pytest: {', '.join(wrong)}.")
    config.addinivalue_line("markers", DEFAULT_METHODS)
    config.pluginmanager.import_plugin(FIXTURES)
    if chosen and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(SUITE)]
