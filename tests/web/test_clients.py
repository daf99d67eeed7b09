"""The pages of clients: what can be filled in, what it changes, and the client that the address names."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from clipcast.common.ids import new_id
from clipcast.installation import Installation
from tests.web.conftest import Visitor, connect, form

LISBON = {"timezone": "Europe/Lisbon"}


@pytest.fixture
async def client(owner: Visitor) -> str:
    """Create a client, and return the path of its pages."""
    made = await owner.post("./clients", LISBON | {"name": "Alba Skincare", "color": "7"})
    assert made.status_code == 303, made.text
    return str(made.headers["location"]).removesuffix("/accounts")


async def test_name_stays_text_whatever_it_holds(owner: Visitor) -> None:
    """Markup, emoji and right-to-left names are shown as they are; a wrong one is named beside its field."""
    for name in ("<script>alert(1)</script>", "شركة الفجر", "👩‍🍳 Küche", "x" * 60):
        made = await owner.post("./clients", LISBON | {"name": name})
        assert made.status_code == 303, made.text
    page = (await owner.get("./clients")).text
    assert "<script>alert(1)" not in page
    for name in ("&lt;script&gt;alert(1)&lt;/script&gt;", "شركة الفجر", "👩‍🍳 Küche", "x" * 60):
        assert f"<bdi>{name}</bdi>" in page
    for fields, words in (
        ({"name": "x" * 200}, "Too long: 200 characters, maximum 60."),
        ({"name": " "}, "The name is empty."),
        ({"name": "X" * 60}, "Another client is called"),
        ({"name": "New", "timezone": "Lisbon"}, "Did you mean Europe/Lisbon?"),
    ):
        refused = await owner.post("./clients", LISBON | fields)
        assert (refused.status_code, words in refused.text) == (422, True), words
        assert 'role="alert"' in refused.text


async def test_viewer_reads_clients_and_changes_nothing(
    owner: Visitor, client: str, invited: Callable[[str], Awaitable[Visitor]]
) -> None:
    viewer = await invited("viewer")
    for path in ("/accounts", "/times", "/words", "/settings"):
        page = await viewer.get(client + path)
        assert page.status_code == 200
        assert 'method="post"' not in page.text.partition("<main")[2], path
    for path in ("", "/times/add", "/times/remove", "/times/copy", "/times/vary", "/times/paused", "/times/swap",
                 "/words/signature", "/words/sets", "/settings", "/delete", "/accounts", "/accounts/move"):  # fmt: skip
        assert (await viewer.post(client + path if path else "./clients", {"name": "x"})).status_code == 403, path


async def test_client_in_the_address_stays_until_it_is_left(owner: Visitor, client: str) -> None:
    id = client.rsplit("/", 1)[1]
    page = (await owner.get(f"./accounts?client={id}")).text
    side = page.partition("<main")[0]
    for path in ("", "/calendar", "/posts", "/clips", "/accounts", "/compose"):
        assert f'href="{owner.base}{path}?client={id}"' in side, path
    assert f'href="{owner.base}/settings"' in side
    assert f'<a class="leave" href="{owner.base}/accounts">' in side
    assert (await owner.get("./calendar?client=none")).status_code == 200
    second = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    assert "not there any more" in (await owner.get(f"{second}/accounts?client={id}")).text
    assert (await owner.get(client.replace(owner.base, second) + "/times")).status_code == 404


async def test_pages_show_all_clients_if_the_one_in_the_address_was_deleted(
    owner: Visitor, client: str, desk: dict[str, Any]
) -> None:
    """Bookmarks and open pages go on. What would act on the accounts of one client does nothing."""
    id = client.rsplit("/", 1)[1]
    await owner.post(client + "/accounts", {"account": desk["tiktok"]})
    assert (await owner.get(f"./accounts?client={id}")).text.count('id="connection-') == 1
    assert (await owner.post(client + "/delete")).status_code == 303
    for path in ("", "/calendar", "/calendar?view=week", "/posts", "/drafts", "/clips", "/accounts"):
        page = await owner.get(f".{path}{'&' if '?' in path else '?'}client={id}")
        assert page.status_code == 200, path
        assert "the list shows all" in page.text or "This page shows all clients." in page.text, path
        assert f"client={id}" not in page.text.partition("<main")[0], path
    assert (await owner.get(f"./accounts?client={id}")).text.count('id="connection-') > 1
    assert "not there any more" not in (await owner.get("./accounts")).text
    assert (await owner.post(f"./calendar/queue?client={id}")).status_code == 404
    assert (await owner.get(f"./accounts/new/tiktok?client={id}")).status_code == 404


async def test_accounts_move_between_clients(owner: Visitor, client: str, desk: dict[str, Any]) -> None:
    both = {"account": [desk["youtube"], desk["tiktok"]]}
    assert (await owner.post(client + "/accounts", both)).status_code == 303
    page = (await owner.get(client + "/accounts")).text
    assert "2 accounts" in page
    other = (await owner.post("./clients", LISBON | {"name": "Other"})).headers["location"]
    to = {"account": desk["tiktok"], "to": other.split("/")[-2]}
    assert (await owner.post(client + "/accounts/move", to)).status_code == 303
    assert "Now of <bdi>Other</bdi>" in (await owner.get(client + "/accounts")).text
    assert (await owner.post(client + "/accounts", {"account": str(new_id())})).status_code == 404
    assert (await owner.post(client + "/accounts")).status_code == 303  # none chosen
    assert (await owner.post(client + "/delete")).headers["location"].endswith("/clients")
    assert "1 account belongs to no client." in (await owner.get("./clients")).text


async def test_week_of_posting_times(owner: Visitor, client: str, desk: dict[str, Any]) -> None:
    """Times are added on several days and removed one by one; an account gets times of its own, and loses them."""
    times = client + "/times"
    for at, days in (("18:30", ["0", "2", "4"]), ("11:00", ["0"]), ("18:30", ["0"])):
        assert (await owner.post(times + "/add", {"at": at, "day": days})).status_code == 303
    page = (await owner.get(times)).text
    assert re.findall(r'name="day" value="(\d)"><input type="hidden" name="at" value="([\d:]+)"', page) == [
        ("0", "11:00"), ("0", "18:30"), ("2", "18:30"), ("4", "18:30")
    ]  # fmt: skip
    assert "4 a week" in page
    assert page.count(">Fill<") == 14
    assert (await owner.post(times + "/remove", {"at": "11:00", "day": "0"})).status_code == 303
    for fields, words in (
        ({"at": "25:00", "day": "1"}, "Give a time such as 18:30."),
        ({"at": "9:00"}, "at least one"),
    ):
        refused = await owner.post(times + "/add", fields)
        assert (refused.status_code, words in refused.text) == (422, True)
    assert (await owner.post(times + "/vary", {"vary": ["off", "on"]})).status_code == 303
    assert "data-submits checked" in (await owner.get(times)).text

    account = desk["youtube"]
    assert (await owner.get(f"{times}?account={account}")).status_code == 404
    await owner.post(client + "/accounts", {"account": account})
    own = {"at": "17:00", "day": ["1", "4"], "account": account}
    assert (await owner.post(times + "/add", own)).status_code == 303
    page = (await owner.get(times)).text
    assert "Tue and Fri 17:00" in page
    assert "3 a week" in page
    assert "Posting times of <bdi>@harbour.films</bdi>" in (await owner.get(f"{times}?account={account}")).text
    assert (await owner.post(f"{times}/accounts/{account}/clear")).status_code == 303
    assert "All accounts have the times above." in (await owner.get(times)).text

    other = (await owner.post("./clients", LISBON | {"name": "Other"})).headers["location"].removesuffix("/accounts")
    copied = await owner.post(other + "/times/copy", {"from": client.rsplit("/", 1)[1]})
    assert copied.status_code == 303
    assert "3 a week" in (await owner.get(other + "/times")).text


async def test_queue_shows_posts_and_exchanges_their_times(owner: Visitor, client: str, desk: dict[str, Any]) -> None:
    """Paused days send their posts on. A post shows its caption and is reached from its line."""
    times = client + "/times"
    await owner.post(client + "/accounts", {"account": desk["tiktok"]})
    await owner.post(times + "/add", {"at": "18:30", "day": [str(day) for day in range(7)]})
    frees = re.findall(r"compose\?client=[\w-]+&amp;at=([\w:-]+)Z", (await owner.get(times)).text)
    posts = []
    for number, at in enumerate(frees[1:3]):
        later = {"when": "later", "at": at[:16], "zone": "UTC", "title": f"Tide {number}", "text": f"Tide {number}"}
        sent = await owner.post(f"./compose/{new_id()}/send", form(desk, **later))
        assert sent.status_code == 204, sent.text
        posts.append(sent.headers["hx-redirect"].rsplit("/", 1)[1])
    page = (await owner.get(times)).text
    assert page.index("Tide 0") < page.index("Tide 1")
    assert page.count(">Fill<") == 12
    assert "Earlier" not in page  # a person chose these times: they take them, but are not of the queue
    day = frees[1][:10]
    paused = await owner.post(times + "/paused", {"first_day": day, "last_day": day})
    assert paused.headers["location"].endswith("?moved=0")
    for fields, words in (
        ({"first_day": "2026-12-26", "last_day": "2026-12-24"}, "The last day is before the first one."),
        ({"first_day": "soon"}, "This is not a day."),
    ):
        refused = await owner.post(times + "/paused", fields)
        assert (refused.status_code, words in refused.text) == (422, True)
    removed = re.findall(r"/times/paused/[\w-]+/remove", (await owner.get(times)).text)
    assert (await owner.post(client + removed[0])).status_code == 303
    assert "No day is paused." in (await owner.get(times)).text


async def test_words_of_a_client(owner: Visitor, client: str) -> None:
    words = client + "/words"
    assert (await owner.post(words + "/signature", {"signature": "  Made in <Lisbon>\r\n☀️ "})).status_code == 303
    assert "Made in &lt;Lisbon&gt;\n☀️</textarea>" in (await owner.get(words)).text
    refused = await owner.post(words + "/signature", {"signature": "x" * 501})
    assert "Too long: 501 characters, maximum 500." in refused.text
    made = await owner.post(words + "/sets", {"name": "Harbour", "tags": "#harbour, sunrise #harbour\n#شروق"})
    assert made.status_code == 303
    page = (await owner.get(words)).text
    assert "#harbour #sunrise #شروق" in page
    id = re.findall(r'name="set" value="([\w-]+)"', page)[0]
    for fields, told in (
        ({"name": "harbour", "tags": "#x"}, "another set"),
        ({"name": "New", "tags": " # , "}, "There is no hashtag."),
        ({"name": "New", "tags": "#" + "x" * 101}, "is too long: 101"),
        ({"name": "New", "tags": " ".join(f"#t{n}" for n in range(61))}, "there are 61 hashtags"),
        ({"name": "", "tags": "#x"}, "The name is empty."),
    ):
        answer = await owner.post(words + "/sets", fields)
        assert (answer.status_code, told in answer.text) == (422, True), told
    assert (await owner.post(words + "/sets", {"set": id, "name": "Sea", "tags": "sea"})).status_code == 303
    assert "<bdi>Sea</bdi>" in (await owner.get(words)).text
    assert (await owner.post(f"{words}/sets/{id}/delete")).status_code == 303
    assert (await owner.post(f"{words}/sets/{id}/delete")).status_code == 404
    assert "No hashtag set yet." in (await owner.get(words)).text


async def test_settings_of_a_client(owner: Visitor, client: str, installation: Installation) -> None:
    changed = await owner.post(client + "/settings", {"name": "Alba", "timezone": "Asia/Tokyo", "color": "3"})
    assert changed.status_code == 303
    page = (await owner.get(client + "/settings")).text
    assert 'data-c="3"' in page.partition("<h1")[0]
    assert 'value="Asia/Tokyo"' in page
    refused = await owner.post(client + "/settings", {"name": "Alba", "timezone": "Nowhere"})
    assert refused.status_code == 422
    assert 'value="Nowhere"' in refused.text
    await connect(owner, installation, "youtube")
    assert "client.changed" in (await owner.get("./settings")).text
