"""From the figures of `bench/web_logs.py` to the documentation.

Usage: ``python -m bench.web_report RESULT.json`` publishes a result: a copy in ``bench/published-web-logs.json`` and
the figures in ``docs/explanation/performance.md``. Nothing there is typed by hand; a unit test compares.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.report import PAGE, PROJECT, insert

PUBLISHED: Final = PROJECT / "bench" / "published-web-logs.json"


def blocks(result: Mapping[str, Any]) -> dict[str, str]:
    """The generated parts of the page, by name."""
    loads = [
        f"| {load['watchers']} | {load['cpu_share_of_one_core']:.1%} | {_lines(load)} |" for load in result["live"]
    ]
    machine = result["machine"]
    return {
        "web-logs": "\n".join(
            [
                f"Measured on {result['time'][:10]} with {machine['cores']} cores, Python {machine['python']}",
                f"and a load average of {machine['load']}.",
                f"{result['lines_per_second']} lines a second are written into the log.",
                "",
                "| pages that watch | CPU of the worker, of one core | lines that the slowest page got |",
                "| --- | --- | --- |",
                *loads,
                "",
                _opening(result),
            ]
        )
    }


def _lines(load: Mapping[str, Any]) -> str:
    return str(load["fewest_lines"]) if load["watchers"] else ""


def _opening(result: Mapping[str, Any]) -> str:
    size = f"{result['long_log_bytes'] / 1_000_000:.0f} MB"
    api, page = result["open_seconds"], result["browser_seconds"]
    shown = f" Its page shows it in Chromium after {median(page):.2f} s (at most {max(page):.2f} s)." if page else ""
    return f"The end of a log of {size} is answered in {median(api):.3f} s (at most {max(api):.3f} s).{shown}"


def publish(result: Mapping[str, Any]) -> None:
    """Write the copy and the page."""
    PUBLISHED.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(insert(PAGE.read_text(encoding="utf-8"), blocks(result)), encoding="utf-8")


if __name__ == "__main__":
    publish(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
