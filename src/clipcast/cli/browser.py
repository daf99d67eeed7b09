"""A browser without a screen, for the demo and the tests: it opens a link and answers a consent page's form."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx2


@dataclass
class Form(HTMLParser):
    """The first form of a page, filled in as it came."""

    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=dict)
    _radio: str | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attributes}
        if tag == "form":
            self.action = found["action"]
        elif tag == "input" and found.get("type") == "radio":
            self._radio = found["value"]
        elif tag == "input":
            self.fields.append((found["name"], found["value"]))

    def handle_data(self, data: str) -> None:
        if self._radio and data.strip():
            self.accounts[data.strip()] = self._radio
            self._radio = None


async def consent(client: httpx2.AsyncClient, link: str, account: str, decision: str = "allow") -> httpx2.Response:
    """Opens a connect link, picks the account whose label contains `account`, and decides.

    `client` must follow redirects and keep cookies. Returns the last page.
    """
    page = await client.get(link)
    form = Form()
    form.feed(page.text)
    if not form.action:
        return page
    chosen = next(account_id for label, account_id in form.accounts.items() if account in label)
    fields: dict[str, list[str]] = {"account": [chosen], "decision": [decision]}
    for name, value in form.fields:
        fields.setdefault(name, []).append(value)
    return await client.post(page.url.join(form.action), data=fields)
