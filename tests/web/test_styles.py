"""The styles are current, take their colours from the tokens, and follow the chosen theme."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.web.conftest import Visitor

FRONTEND = Path(__file__).parents[2] / "frontend"
WEB = FRONTEND.parent / "src" / "clipcast" / "web"
# Black and white lie on pictures and videos, which no theme changes.
ON_PICTURES = re.compile(r"#(000|fff|111|0c0e12)[0-9a-f]{0,2}$|#f0b429$")


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("frontend_build", FRONTEND / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_compiled_styles_are_those_of_the_sources(build: ModuleType) -> None:
    made = (build.VENDOR / "app.css").read_text()
    assert made.endswith(f"/* {build.styles_digest()} */\n"), "app.css is not current. Run `make styles`."
    assert "@apply" not in made
    assert ".card" in made


@pytest.mark.parametrize("path", sorted(FRONTEND.glob("styles/*.css")), ids=lambda path: path.name)
def test_colours_are_tokens(path: Path) -> None:
    if path.name == "tokens.css":
        return
    colours = re.findall(r"(?<![%\w])#[0-9a-f]{3,8}\b", re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL))
    assert [one for one in colours if not ON_PICTURES.fullmatch(one)] == []


async def test_theme_is_the_systems_until_the_person_chooses_one(owner: Visitor) -> None:
    page = await owner.get("/account")
    assert "data-theme" not in page.text
    for theme in ("dark", "light"):
        chosen = await owner.post("/account/theme", {"theme": theme})
        assert chosen.status_code == 303
        assert f'<html lang="en" data-theme="{theme}">' in (await owner.get("/account")).text
    for other in ("", "<script>"):
        await owner.post("/account/theme", {"theme": other})
        assert "data-theme" not in (await owner.get("/account")).text


def test_every_part_that_may_scroll_is_reached_by_keyboard() -> None:
    pages = (WEB / "templates").rglob("*.html")
    found = [one for path in pages for one in re.findall(r'<div class="wide"[^>]*>', path.read_text())]
    assert len(found) > 10
    assert [one for one in found if not re.search('tabindex="0" role="(group|region)" aria-label="[^"]', one)] == []


def test_absent_value_has_one_sign_that_one_place_defines() -> None:
    """A dash that is a whole text: between quotes, or between tags."""
    dash = re.compile(r"""(?<!, )(["'])[-–—]\1|(>|%\})[-–—](?=[<{])""")
    sources = [path for path in WEB.rglob("*") if path.suffix in (".py", ".html", ".js") and "vendor" not in path.parts]
    found = {path.name: one[0] for path in sources for one in dash.finditer(path.read_text())}
    assert found == {"pages.py": '"–"', "plots.js": '"–"'}
