"""Charts that the server draws: bars as SVG, without a script and without inline styles."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from clipcast.posts.overview import Day

BAR, GAP, HEIGHT = 8, 2, 64


def bars(days: Sequence[Day]) -> Markup:
    """Return the published and failed items of these days as bars. The words beside it say the same."""
    highest = max((day.published + day.failed for day in days), default=0) or 1
    shapes = []
    for number, day in enumerate(days):
        x = number * (BAR + GAP)
        failed = _height(day.failed, highest)
        published = _height(day.published, highest)
        words = f"{day.date}: {day.published} published, {day.failed} failed"
        shapes.append(Markup(
            '<g><title>%s</title><rect class="ground" x="%d" y="0" width="%d" height="%d"></rect>'
            '<rect class="published" x="%d" y="%d" width="%d" height="%d" rx="1.5"></rect>'
            '<rect class="failed" x="%d" y="%d" width="%d" height="%d" rx="1.5"></rect></g>'
        ) % (words, x, BAR, HEIGHT, x, HEIGHT - published, BAR, published,
             x, HEIGHT - published - failed, BAR, failed))  # fmt: skip
    width = len(days) * (BAR + GAP) - GAP
    return Markup('<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="Items by day">{}</svg>').format(
        width, HEIGHT, Markup("").join(shapes)
    )


def _height(number: int, highest: int) -> int:
    """Return the height of a bar: at least 2 for anything."""
    return max(2, round(number * (HEIGHT - 4) / highest)) if number else 0


TONES = {
    "published": "good", "failed": "bad", "check": "ask", "held": "warn", "waiting": "warn", "paused": "idle",
    "publishing": "live", "scheduled": "idle",
}  # fmt: skip
SHARES = 1000


def shares(counts: Mapping[str, int]) -> Markup:
    """Return the shares of items by state as one bar. The counts beside it say the same in words."""
    total = sum(counts.values()) or 1
    shapes, x = [], 0.0
    for state, number in counts.items():
        width = SHARES * number / total
        if number:
            shapes.append(Markup('<rect class="{}" x="{}" y="0" width="{}" height="6"></rect>').format(
                TONES[state], round(x, 1), round(max(2.0, width - 3), 1)))  # fmt: skip
        x += width
    return Markup(
        '<svg class="shares" viewBox="0 0 {} 6" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(SHARES, Markup("").join(shapes))
