"""A plugin that cannot be used is one line, and keeps no other from being used."""

from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from clipcast.common.logs import log_skipped
from clipcast.common.plugins import Skipped, find
from clipcast.platforms import registry
from clipcast.platforms.registry import PLATFORMS
from clipcast.sandbox import platforms as simulators


class Module(ModuleType):
    """A module of a made-up package."""

    __path__: list[str] = []


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = Module("made_up")
    monkeypatch.setitem(__import__("sys").modules, "made_up", module)
    return module


def _find(kind: Any, *names: str, value: str = "made_up:value") -> tuple[set[str], list[str]]:
    entries = [EntryPoint(name, value, kind.group) for name in names]
    found, skipped = find(kind, lambda group: entries)
    return set(found), [str(one) for one in skipped]


def test_plugin_that_fails_to_import_is_skipped_with_its_error(package: Any) -> None:
    found, skipped = _find(registry.KIND, "kelp", value="not_installed.kelp:platform")
    assert found == set(PLATFORMS)
    assert skipped == [
        "kelp (from an unnamed package) is not used: it cannot be imported "
        "(ModuleNotFoundError: No module named 'not_installed')."
    ]


def test_plugin_without_required_argument_is_skipped_with_its_name(
    package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_publish(entry: EntryPoint) -> Any:
        return registry.Platform(name="kelp", title="Kelp")  # type: ignore[call-arg]

    monkeypatch.setattr(EntryPoint, "load", without_publish)
    _, [line] = _find(registry.KIND, "kelp")
    assert "cannot be imported (TypeError:" in line
    assert "'publish'" in line


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"publish": None}, "it lacks publish."),
        ({"sign_in": None}, "it lacks sign_in (OAuth, PasswordSignIn or FederatedOAuth)."),
        ({"metadata": dict, "domains": ()}, "it lacks domains, metadata."),
        ({"media": None}, "it lacks media."),
        ({"name": "kelp2"}, "its Platform is named 'kelp2'. Use one name."),
    ],
)
def test_platform_that_lacks_a_part_is_skipped_with_its_parts(
    package: Any, changes: dict[str, Any], missing: str
) -> None:
    package.value = _platform(**{"name": "kelp"} | changes)
    found, [line] = _find(registry.KIND, "kelp")
    assert found == set(PLATFORMS)
    assert line.endswith(f"is not used: {missing}")


def test_platform_whose_metadata_lacks_the_example_is_skipped(package: Any) -> None:
    base = registry.Metadata
    package.value = _platform(name="kelp", metadata=type("Kelp", (base,), {"text_field": "text", "folds_after": 1}))
    _, [line] = _find(registry.KIND, "kelp")
    assert line.endswith("it lacks metadata.example.")


def test_platform_of_a_taken_name_is_skipped(package: Any) -> None:
    package.value = _platform(name="tiktok")
    found, [line] = _find(registry.KIND, "tiktok")
    assert found == set(PLATFORMS)
    assert line.endswith("is not used: clipcast provides a platform of this name. Choose another name.")


@pytest.mark.parametrize("name", ["Kelp", "kelp_2", "2kelp", "k" * 31])
def test_platform_of_an_unusable_name_is_skipped(package: Any, name: str) -> None:
    package.value = _platform(name=name)
    _, [line] = _find(registry.KIND, name)
    assert "a name has 1 to 30 lower-case letters and digits" in line


def test_value_that_is_no_platform_is_skipped(package: Any) -> None:
    package.value = 5
    _, [line] = _find(registry.KIND, "kelp")
    assert line.endswith("it is int, not a Platform.")


def test_simulator_that_lacks_parts_is_skipped_with_its_parts(package: Any) -> None:
    package.value = type("Kelp", (simulators.Simulator,), {"platform": "kelp", "title": "Kelp", "watch_pages": ()})
    found, [line] = _find(simulators.KIND, "kelp")
    assert found == set(simulators.PLUGINS)
    assert line.endswith(
        "it lacks authorize_at, default_settings, default_flags, "
        "routes, new_account, consent_request, redirect_parameters, trouble."
    )


def test_simulator_of_another_name_is_skipped(package: Any) -> None:
    package.value = type("Kelp", (simulators.Simulator,), {"platform": "weed"})
    _, [line] = _find(simulators.KIND, "kelp")
    assert line.endswith("its `platform` is 'weed'. Use one name.")


def test_broken_plugin_keeps_no_other_from_being_used(package: Any) -> None:
    package.value = _platform(name="kelp")
    found, [line] = _find(registry.KIND, "broken", "kelp")
    assert found == {*PLATFORMS, "kelp"}
    assert line.startswith("broken (from an unnamed package) is not used: its Platform is named 'kelp'.")


def test_skipped_plugins_are_logged_one_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, dict[str, Any]]] = []

    class Log:
        def error(self, event: str, **fields: Any) -> None:
            written.append((event, fields))

    monkeypatch.setattr("structlog.get_logger", Log)
    log_skipped([Skipped("kelp", "clipcast-kelp", "it lacks publish.")])
    assert written == [("plugin_skipped", {"plugin": "kelp", "source": "clipcast-kelp", "reason": "it lacks publish."})]


def _platform(**changes: Any) -> Any:
    model = PLATFORMS["youtube"]
    fields = {name: getattr(model, name) for name in model.__dataclass_fields__}
    return registry.Platform(**fields | {"other_sign_in_methods": {}} | changes)
