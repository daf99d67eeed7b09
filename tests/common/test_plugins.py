"""A plugin that cannot be used is one line, and keeps no other from being used."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from clipcast.common.logs import log_skipped
from clipcast.common.plugins import Plugin, Skipped, find
from clipcast.common.settings import PlatformSetting
from clipcast.platforms import registry
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.registry import PLATFORMS
from clipcast.sandbox import platforms as simulators
from clipcast.sandbox.platforms import PLUGINS


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
    package.value = _platform(name="kelp", metadata=type("Kelp", (Metadata,), {"text_field": "text", "folds_after": 1}))
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


class Bare(BaseException):
    """What test tools raise to skip a module."""


class Unreadable(Exception):
    """An error whose text cannot be read."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (SystemExit(3), "(SystemExit: 3)."),
        (Bare("no"), "(Bare: no)."),
        (Unreadable(), "(Unreadable: an error without a readable message)."),
        (RuntimeError("a\nb\x1b[31m"), "(RuntimeError: a b [31m)."),
        (RuntimeError("x" * 5000), f"(RuntimeError: {'x' * 300})."),
    ],
)
def test_plugin_that_raises_anything_is_skipped_with_one_line(
    package: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException, shown: str
) -> None:
    def load(entry: EntryPoint) -> Any:
        raise error

    monkeypatch.setattr(EntryPoint, "load", load)
    found, [line] = _find(registry.KIND, "kelp")
    assert found == set(PLATFORMS)
    assert line.endswith(f"is not used: it cannot be imported {shown}")


def test_interrupt_during_an_import_ends_the_program(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(entry: EntryPoint) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(EntryPoint, "load", load)
    with pytest.raises(KeyboardInterrupt):
        _find(registry.KIND, "kelp")


def test_plugin_that_prints_adds_nothing_to_standard_output(
    package: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(entry: EntryPoint) -> Any:
        print("hello")
        return _platform(name="kelp")

    monkeypatch.setattr(EntryPoint, "load", load)
    found, skipped = _find(registry.KIND, "kelp")
    assert ("kelp" in found, skipped) == (True, [])
    assert capsys.readouterr() == ("", "hello\n")


def test_entry_point_that_names_no_module_is_skipped(package: Any) -> None:
    _, [line] = _find(registry.KIND, "kelp", value="not a module!")
    assert line.endswith("its entry point is 'not a module!'. Write it as MODULE:ATTRIBUTE.")


def test_package_without_metadata_affects_no_other(tmp_path: Path) -> None:
    for name, content in (("nameless", None), ("named", "Metadata-Version: 2.1\nName: named\nVersion: 1\n")):
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_text(f"[clipcast.platforms]\n{name} = not_installed:platform\n")
        if content:
            (info / "METADATA").write_text(content)
    entries = [*distributions(path=[str(tmp_path)])]
    found, skipped = find(registry.KIND, lambda group: [entry for one in entries for entry in one.entry_points])
    assert set(found) == set(PLATFORMS)
    assert sorted(one.source for one in skipped) == ["an unnamed package", "named"]


def test_module_in_no_package_has_no_files(package: Any) -> None:
    assert Plugin("kelp", None, "", "clipcast-kelp").file("icon.svg") is None


QUOTA = PLATFORMS["youtube"].quotas[0]
MEDIA = PLATFORMS["youtube"].media


def _setting(name: str, pattern: str = "a") -> tuple[PlatformSetting, ...]:
    return (PlatformSetting(name, "a", pattern),)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"title": 5}, "`title` is not a text of 1 to 60 characters"),
        ({"title": "x" * 200}, "`title` is not a text of 1 to 60 characters"),
        ({"docs_url": "javascript:alert(1)"}, "`docs_url` is no web address"),
        ({"color": "red"}, "`color` is not a colour such as #0a66c2"),
        ({"domains": "kelp.example"}, "`domains` is not a tuple of domains"),
        ({"domains": ("",)}, "`domains` is not a tuple of domains"),
        ({"publish": lambda p: None}, "`publish` is not an async function"),
        ({"finish": lambda p, published: None}, "`finish` is not an async function"),
        ({"version": "2"}, "`version` is not a whole number from 1"),
        ({"version": 0}, "`version` is not a whole number from 1"),
        ({"version": True}, "`version` is not a whole number from 1"),
        ({"version": 2, "continues": [1]}, "`continues` does not map versions before 2 to functions"),
        ({"version": 2, "continues": {2: dict}}, "`continues` does not map versions before 2 to functions"),
        ({"version": 2, "continues": {1: "rename"}}, "`continues` does not map versions before 2 to functions"),
        ({"options": 5}, "`options` is not an async function"),
        ({"sign": 5}, "`sign` is no function"),
        ({"fetches_media": lambda account: account["kind"]}, "`fetches_media({})` fails ('kind')"),
        ({"media": replace(MEDIA, max_bytes="300 MB")}, "`media`: max_bytes: Input should be a valid integer"),
        ({"media_kinds": {"REEL": 5}}, "`media_kinds['REEL']` is int, not MediaRules"),
        ({"media_kind_field": "kind"}, "`media_kind_field` names no field of the metadata"),
        ({"quotas": (5,)}, "`quotas` holds int, not Quota"),
        ({"quotas": (replace(QUOTA, name="Two words"),)}, "the quota's name 'Two words' is not unique, or not of"),
        ({"quotas": (QUOTA, QUOTA)}, "is not unique"),
        ({"quotas": (replace(QUOTA, name="x", charges={}),)}, "the quota x charges no request"),
        ({"quotas": (replace(QUOTA, name="x", limit=0),)}, "no request fits into the quota x: its limit is 0"),
        ({"quotas": (replace(QUOTA, per="day"),)}, "`quota uploads`: per"),
        ({"settings": (5,)}, "`settings` holds int, not PlatformSetting"),
        ({"settings": _setting("version")}, "the setting CLIPCAST_VERSION does not begin with CLIPCAST_KELP_"),
        ({"settings": _setting("kelp_client_id")}, "Clipcast has a setting CLIPCAST_KELP_CLIENT_ID of its own"),
        ({"settings": _setting("kelp_a", "(")}, "the setting CLIPCAST_KELP_A has no usable pattern and default"),
        ({"settings": _setting("kelp_a", "b")}, "the default of CLIPCAST_KELP_A does not match its pattern"),
    ],
)
def test_platform_with_a_wrong_value_is_skipped_with_its_name(
    package: Any, changes: dict[str, Any], wrong: str
) -> None:
    package.value = _platform(**{"name": "kelp"} | changes)
    found, [line] = _find(registry.KIND, "kelp")
    assert found == set(PLATFORMS)
    assert wrong in line


def test_setting_of_clipcast_itself_is_not_taken(package: Any) -> None:
    package.value = _platform(name="database", settings=_setting("database_url"))
    _, [line] = _find(registry.KIND, "database")
    assert line.endswith("Clipcast has a setting CLIPCAST_DATABASE_URL of its own.")


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"app": "Two words"}, "`sign_in.app` is not a name"),
        ({"required_scopes": "video.write"}, "`sign_in.required_scopes` is not a tuple of texts"),
        ({"refresh": lambda http, app, tokens: tokens}, "`sign_in.refresh` is not an async method"),
    ],
)
def test_platform_with_a_wrong_sign_in_is_skipped(package: Any, changes: dict[str, Any], wrong: str) -> None:
    sign_in = type(PLATFORMS["youtube"].sign_in)()
    for name, value in changes.items():
        setattr(sign_in, name, value)
    package.value = _platform(name="kelp", sign_in=sign_in)
    _, [line] = _find(registry.KIND, "kelp")
    assert wrong in line


class Empty(Metadata):
    text_field = "text"
    folds_after = 1
    example = {}


class Endless(Empty):
    text: str = ""
    reply: "Endless | None" = None


class Unwritable(Empty):
    text: str = ""
    act: Callable[[], None]


class Mistaken(Empty):
    text: str = ""
    remembered_fields = ("board",)
    field_hints = {"txt": "The words."}
    opposite_fields = ("text",)


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        (Mistaken, "`metadata.remembered_fields` names no field of the metadata"),
        (Mistaken, "`metadata.field_hints` names no field of the metadata"),
        (Mistaken, "`metadata.opposite_fields` names a field that is no bool"),
        (Empty, "`metadata.text_field` names no field of the metadata"),
        (Endless, "the metadata has no JSON schema (RecursionError:"),
        (Unwritable, "the metadata has no JSON schema (PydanticInvalidForJsonSchema:"),
    ],
)
def test_platform_with_unusable_metadata_is_skipped(package: Any, model: type[Metadata], wrong: str) -> None:
    package.value = _platform(name="kelp", metadata=model, media_kind_field=None)
    found, [line] = _find(registry.KIND, "kelp")
    assert found == set(PLATFORMS)
    assert wrong in line


class Copied(PLUGINS["youtube"].value):  # type: ignore[misc,name-defined]
    """A simulator of another package that serves YouTube's hosts."""

    platform = "kelp"


class Broken(Copied):
    def routes(self) -> Any:
        raise RuntimeError("no routes")


@pytest.mark.parametrize(
    ("simulator", "reason"),
    [
        (Copied, "its host accounts.google.com belongs to the simulator youtube. Use other hosts."),
        (Broken, "it cannot be started (RuntimeError: no routes)."),
        (type("Empty", (Copied,), {"default_settings": None}), "it cannot be started (TypeError: "),
        (type("Path", (Copied,), {"watch_pages": ("/",)}), "its paths begin with '' instead of a host"),
    ],
)
def test_simulator_that_would_stop_the_sandbox_is_skipped(simulator: Any, reason: str) -> None:
    found = simulators.PLUGINS | {"kelp": Plugin("kelp", simulator, "", "clipcast-kelp")}
    used, [skipped] = simulators.usable(found)
    assert used == simulators.PLUGINS
    assert reason in skipped.reason


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
