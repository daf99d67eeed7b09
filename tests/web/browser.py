"""The request that a browser sends for an untouched form."""

from html.parser import HTMLParser


def sent(page: str, id: str = "compose") -> dict[str, list[str]]:
    """Return the values of the form with this id, by name, as a browser would send them."""
    form = _Form(id)
    form.feed(page)
    assert form.found, f"there is no form {id!r} on the page"
    values: dict[str, list[str]] = {}
    for name, value in form.pairs:
        values.setdefault(name, []).append(value)
    return values


class _Form(HTMLParser):
    def __init__(self, id: str) -> None:
        super().__init__()
        self.pairs: list[tuple[str, str]] = []
        self.found = False
        self._id = id
        self._inside = False
        # The text area, and the select with its options, that are being read.
        self._area: tuple[str, list[str]] | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        its = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = its.get("id") == self._id
            self.found |= self._inside
        if not self._inside:
            return
        name = "" if "disabled" in its else its.get("name", "")
        if tag == "input" and name and ("checked" in its or its.get("type") not in ("checkbox", "radio")):
            # A field of one line has no line ends.
            self.pairs.append((name, its.get("value", "on").replace("\n", "")))
        elif tag == "textarea" and name:
            self._area = (name, [])
        elif tag == "select" and name:
            self._select = (name, [])
        elif tag == "option" and self._select:
            self._select[1].append((its.get("value", ""), "selected" in its))

    def handle_data(self, data: str) -> None:
        if self._area:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea" and self._area:
            name, parts = self._area
            # The first line end after the tag belongs to the markup.
            self.pairs.append((name, "".join(parts).removeprefix("\n").replace("\n", "\r\n")))
            self._area = None
        elif tag == "select" and self._select:
            name, options = self._select
            chosen = [value for value, selected in options if selected] or [value for value, _ in options[:1]]
            self.pairs += [(name, value) for value in chosen[-1:]]
            self._select = None
