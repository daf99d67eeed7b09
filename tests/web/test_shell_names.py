"""Commands that pages offer: a shell in which their variables are set can also run Clipcast."""

import re
from pathlib import Path

import clipcast.web
from clipcast.common.settings import OF_CLIENTS, load

PAGES = Path(clipcast.web.__file__).parent


def test_variables_of_commands_are_those_of_clients() -> None:
    sources = [
        path for path in PAGES.rglob("*") if path.suffix in (".py", ".html", ".js") and "vendor" not in path.parts
    ]
    found = {name for path in sources for name in re.findall(r"\$\{?(CLIPCAST_\w+)", path.read_text())}
    assert found
    assert found <= set(OF_CLIENTS)
    load(dict.fromkeys(found, "x"))  # which rejects unknown names
