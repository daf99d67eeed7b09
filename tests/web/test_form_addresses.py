"""Addresses of forms, which a browser opens with a reload or after a sign-in: they lead to the form's page."""

from typing import Any

import pytest
from fastapi import FastAPI

from clipcast.common.ids import new_id
from clipcast.web.form_addresses import page_of
from tests.web.conftest import Visitor

ID = str(new_id())


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/w/1/accounts/2/remove", "/w/1/accounts"),
        ("/w/1/accounts/2/off", "/w/1/accounts/2"),
        ("/w/1/accounts/bulk", "/w/1/accounts"),
        ("/w/1/settings/invitations", "/w/1/settings"),
        ("/w/1/settings/notifications/habits", "/w/1/settings/notifications"),
        ("/w/1/clients/2/words/sets", "/w/1/clients/2/words"),
        ("/w/1/clients/2/logo/remove", "/w/1/clients/2"),
        ("/w/1/posts/2/items/3/delete", "/w/1/posts/2"),
        ("/r/secret/2/approve", "/r/secret"),
        ("/sign-out", "/"),
        ("/w/1/accounts/2", None),
        ("/w/1/posts", None),
        ("/nothing/here", None),
    ],
)
def test_address_of_a_form_belongs_to_the_nearest_page(application: FastAPI, path: str, page: str | None) -> None:
    assert page_of(application, path) == page


async def test_reload_of_a_form_shows_its_page(owner: Visitor, desk: dict[str, Any]) -> None:
    """Those with an error of their own keep it, and so do programs."""
    for path, page in (
        (f"./accounts/{desk['tiktok']}/remove", "./accounts"),
        ("./settings/invitations", "./settings"),
        ("./settings/notifications/habits", "./settings/notifications"),
        (f"./clients/{ID}/words/sets", f"./clients/{ID}/words"),
        ("./posts/bulk", "./posts"),  # which also looks like the address of a post
    ):
        answer = await owner.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (303, owner.base + page[1:]), path
    assert (await owner.get(f"./posts/{ID}")).status_code == 404
    assert (await owner.get("./nothing")).status_code == 404
    assert (await owner.get("/api/v1/videos/upload")).status_code in (401, 405)
    assert (await owner.get("/oauth/token")).status_code == 405
