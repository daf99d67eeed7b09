"""What a platform consists of. Each line about a missing part states where the part belongs."""

from collections.abc import Collection, Iterator

from clipcast.common.plugins import OWN, Skipped
from clipcast.platforms import registry
from clipcast.sandbox import platforms as simulators
from clipcast.testing.case import Case
from clipcast.testing.cases import GROUP, UNUSABLE
from clipcast.web.icons import FILE, has_built_icon, symbol

# The simulator's settings that the suite changes.
SETTINGS = ("processing_seconds", "never_finish")


def missing_parts(name: str, cases: Collection[Case]) -> Iterator[str]:
    """Yield one line for each part that the platform lacks."""
    skipped = [one for one in registry.SKIPPED if one.name == name]
    yield from map(str, skipped)
    yield from (f"The simulator of {one}" for one in simulators.SKIPPED if one.name == name)
    if name not in registry.PLUGINS:
        if not skipped:
            yield f"{name}: there is no platform of this name. Installed are: {', '.join(registry.PLUGINS)}."
        return
    plugin = registry.PLUGINS[name]
    own = plugin.source == OWN
    if name not in simulators.PLUGINS and not _is_skipped(name, simulators.SKIPPED):
        where = f"sandbox/{name}/__init__.py with `simulator`" if own else "the entry point clipcast.simulators"
        yield f"{name}: no simulator. Add {where}."
    elif name in simulators.PLUGINS:
        settings = simulators.PLUGINS[name].value.default_settings
        if lacking := [setting for setting in SETTINGS if setting not in settings]:
            yield f"{name}: the simulator's default_settings lack {', '.join(lacking)}. Add them."
    if not any(case.platform == name and not case.sign_in_method for case in cases):
        where = f"tests/conformance/{name}.py" if own else f"the entry point {GROUP}"
        if name in UNUSABLE:
            yield f"{name}: its conformance case cannot be imported ({UNUSABLE[name]}). Correct {where}."
        else:
            yield f"{name}: no conformance case. Add {where}."
    folder = f"platforms/{name}/" if own else f"the folder of {plugin.package or 'a package of its own'}"
    if file := plugin.file(FILE):
        try:
            symbol(name, file.read_bytes())
        except ValueError as error:
            yield f"{name}: {error}. Correct it in {folder}."
    elif not (own and has_built_icon(name)):
        known = f", or run frontend/build.py if Tabler's icons have brand-{name}" if own else ""
        yield f"{name}: no icon. Add {FILE} to {folder}{known}."


def _is_skipped(name: str, skipped: list[Skipped]) -> bool:
    return any(one.name == name for one in skipped)
