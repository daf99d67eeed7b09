"""A browser without a screen, for the demo and the tests. It opens a connect link and submits the forms behind it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx2

from clipcast.sandbox.simulator import PASSWORD


@dataclass
class Form(HTMLParser):
    """The first form of a page, with the values that the page gives its fields."""

    account: str = ""
    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    # The values that a person enters: the account and its password.
    typed: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    _option: str | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attributes}
        if tag == "form":
            self.action = found["action"]
        elif tag == "input" and found["name"] == "account":
            self._option = found["value"]
        elif tag == "input":
            self.fields.append((found["name"], found.get("value", "")))
            if found.get("type") == "password":
                self.typed[found["name"]] = PASSWORD
            elif found.get("type") == "text" and "required" in found:
                self.typed[found["name"]] = account_name(self.account)

    def handle_data(self, data: str) -> None:
        if self._option and data.strip():
            self.accounts[data.strip()] = self._option
            self._option = None


def account_name(label: str) -> str:
    """Return the name of an account from its label, in which it may have brackets or an @."""
    return label.strip("@()")


async def consent(client: httpx2.AsyncClient, link: str, account: str, decision: str = "allow") -> httpx2.Response:
    """Open a connect link and submit each form, with `decision` and the account whose label contains `account`.

    `client` must follow redirects and keep cookies. Return the last page.
    """
    page = await client.get(link)
    while page.status_code == 200 and (following := await answer(client, page, account, decision)):
        page = following
    return page


async def answer(
    client: httpx2.AsyncClient, page: httpx2.Response, account: str, decision: str = "allow", without: str = ""
) -> httpx2.Response | None:
    """Submit the page's form, with the scope `without` unticked. Return the next page, or None without a form."""
    form = Form(account)
    form.feed(page.text)
    if not form.action:
        return None
    plain = account_name(account)
    fields: dict[str, list[str]] = {"decision": [decision]}
    if form.accounts:
        fields["account"] = [next(id for label, id in form.accounts.items() if account in label or plain == label)]
    for name, value in form.fields:
        if (name, value) != ("scope", without):
            fields.setdefault(name, []).append(form.typed.get(name, value))
    return await client.post(page.url.join(form.action), data=fields)
