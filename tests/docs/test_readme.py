"""The README shows the demo's output as the demo prints it."""

import io
import re
from pathlib import Path
from typing import Any

from rich.console import Console

from clipcast.cli.demo_calls import Demo
from clipcast.cli.demo_run import _summary

PAGE = (Path(__file__).parents[2] / "README.md").read_text()
LIVE = re.compile(r"^live +(\w+) +(as it is|converted \((\w+)\)) +(http\S+)$", re.MULTILINE)


def test_summary_is_what_the_demo_prints() -> None:
    [shown] = re.findall(r"^```\n(tiktok .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    password, base = re.findall(r"password (\w+)", shown)[0], re.findall(r"^App +(\S+)", shown, re.MULTILINE)[0]
    items: list[dict[str, Any]] = [
        {"status": "published", "platform": name, "rendition": {"action": action} if action else None,
         "platform_post_url": url}
        for name, _, action, url in LIVE.findall(shown)
    ]  # fmt: skip
    assert [item["rendition"] is None for item in items] == [True, False]
    demo = Demo(base, "http://127.0.0.1:8900", "clipcast_...", connections={}, password=password)
    printed = io.StringIO()
    _summary(demo, items, Console(file=printed))
    lines = [line for line in shown[shown.index("live") :].splitlines() if line != "..."]
    assert "\n".join(lines).replace("\nApp", "\n\nApp") in printed.getvalue()
