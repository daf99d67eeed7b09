"""What browsers load, in compressed bytes: pages of a workspace with very much in it, and the files of all pages."""

import gzip
from uuid import UUID

import pytest
from sqlalchemy import String, cast, select, update

from clipcast.database.models.connections import Connection
from clipcast.database.models.people import User
from clipcast.installation import Installation
from clipcast.testing.seeding import RARE_WORD, Sizes, seed
from clipcast.web.icons import STATIC
from tests.web.conftest import Visitor

# A page that is opened again, of whose files the browser has all. A month shows at most three posts a day.
PAGE, MONTH = 40_000, 25_000
FILES = {"vendor/inter-latin.woff2": 49_000, "vendor/icons.svg": 6_000, "vendor/app.css": 30_000}


def weight(content: bytes) -> int:
    return len(gzip.compress(content, 6))


async def test_pages_of_300_accounts_and_busy_days_are_light(owner: Visitor, installation: Installation) -> None:
    async with installation.database.session() as session:
        user = (await session.scalars(select(User.id))).one()
    workspace = UUID(owner.base.rsplit("/", 1)[1])
    seeded = await seed(installation, workspace, Sizes(posts=2000, near=1000), reviewer_id=user)
    async with installation.database.begin() as session:
        await session.execute(update(Connection).values(avatar_key=cast(Connection.id, String)))
    paths = [
        "", "/posts", f"/posts?q={RARE_WORD}", f"/posts?client={seeded.clients[0]}", f"/posts/{seeded.newest['held']}",
        "/calendar?view=week", "/calendar?view=list", "/accounts", f"/accounts/{seeded.accounts[0].id}",
        "/clients", "/clips", f"/clips/{seeded.renders[0]}", "/drafts", "/review", "/developers/requests", "/settings",
    ]  # fmt: skip
    weights = {path: weight((await owner.get("." + path)).content) for path in paths}
    assert {path: bytes for path, bytes in weights.items() if not 500 < bytes < PAGE} == {}
    assert weight((await owner.get("./calendar?view=month")).content) < MONTH


@pytest.mark.parametrize("name", FILES)
def test_files_of_all_pages_are_light(name: str) -> None:
    assert weight((STATIC / name).read_bytes()) < FILES[name]
