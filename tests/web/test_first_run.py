"""Who may become the owner of a new installation."""

import pytest
from pydantic import AnyHttpUrl

from clipcast.installation import Installation
from tests.web.conftest import Visitor


@pytest.mark.parametrize("public_url", ["http://127.0.0.1:8000", "https://clips.example.org"])
@pytest.mark.parametrize("code", ["", "AAAAAAAAAAAAAAAA"])
async def test_first_run_without_the_setup_code_is_rejected(
    visitor: Visitor, installation: Installation, public_url: str, code: str
) -> None:
    settings = installation.settings.model_copy(update={"public_url": AnyHttpUrl(public_url)})
    object.__setattr__(installation, "settings", settings)
    assert "Setup code" in (await visitor.get("/setup")).text
    assert installation.vault.setup_code() not in (await visitor.get("/setup")).text
    answer = await visitor.set_up(code=code)
    assert (answer.status_code, "This code is wrong" in answer.text) == (422, True)
    assert "Setup code" in answer.text
    # A command is shown as one, in the hint and in the message.
    for page in (await visitor.get("/setup"), answer):
        assert "<code>clipcast serve</code> print" in page.text
    assert (await visitor.set_up()).status_code == 303


async def test_printed_link_holds_the_code(visitor: Visitor, installation: Installation) -> None:
    page = (await visitor.get(f"/setup?code={installation.vault.setup_code()}")).text
    assert "Setup code" not in page
    assert f'name="code" value="{installation.vault.setup_code()}"' in page
    # And it stays in the form when something else is wrong.
    assert f'name="code" value="{installation.vault.setup_code()}"' in (await visitor.set_up(name="")).text
