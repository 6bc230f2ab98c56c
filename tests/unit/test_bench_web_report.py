"""The published figures of the live logs."""

from __future__ import annotations

import json
from statistics import median

from bench.report import PAGE, insert
from bench.web_report import PUBLISHED, blocks


def test_the_page_shows_the_published_figures() -> None:
    """What the page says of live logs is what the file of the measurement says, to the letter."""
    page = PAGE.read_text(encoding="utf-8")
    assert insert(page, blocks(json.loads(PUBLISHED.read_text(encoding="utf-8")))) == page


def test_the_published_figures_are_within_what_is_promised() -> None:
    """A log of 50 MB opens in under two seconds; fifty watchers each get the lines, at a fraction of a core."""
    result = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert result["long_log_bytes"] >= 50_000_000
    assert median(result["open_seconds"]) < 2
    assert median(result["browser_seconds"]) < 2
    many = max(result["live"], key=lambda load: load["watchers"])
    assert many["watchers"] == 50
    assert many["fewest_lines"] > 0
    assert many["cpu_share_of_one_core"] < 0.5
