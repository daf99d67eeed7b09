"""Each platform of the repository has its pages. A missing one fails with one line that states where it belongs."""

from pathlib import Path

import pytest

from clipcast.common.plugins import OWN
from clipcast.platforms.registry import PLUGINS

ROOT = Path(__file__).parents[2]
PAGES = {"docs/platforms/{}.md": "facts and their sources", "docs/how-to/connect-{}.md": "steps for operators"}


@pytest.mark.parametrize("name", [name for name, plugin in PLUGINS.items() if plugin.source == OWN])
def test_platform_has_its_pages(name: str) -> None:
    missing = {path.format(name): content for path, content in PAGES.items() if not (ROOT / path.format(name)).exists()}
    if missing:
        pytest.fail("\n".join(f"{name}: no {path} ({content}). Add it." for path, content in missing.items()), False)
