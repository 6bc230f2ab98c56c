"""From the figures of a run to the picture and the tables in the documentation.

Usage: ``python -m bench.report RESULT.json`` publishes a result: a copy in ``bench/published.json``, the picture and
the figures in ``docs/explanation/performance.md``. Nothing there is typed by hand; a unit test compares. Only a whole
run is published, so that everything on the page was measured on one machine on one day.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.pictures import picture
from bench.tables import aims, blocks

PROJECT: Final = Path(__file__).resolve().parent.parent
PUBLISHED: Final = PROJECT / "bench" / "published.json"
PAGE: Final = PROJECT / "docs" / "explanation" / "performance.md"
PICTURE: Final = PROJECT / "docs" / "images" / "job-loop.svg"
WHOLE: Final = ("sides", "idle", "provisioning", "plans", "approvals", "catalogue", "logs")


def insert(page: str, parts: Mapping[str, str]) -> str:
    """The page with each part between its marks ``<!-- bench: NAME -->`` and ``<!-- end -->``.

    Raises:
        ValueError: the page has no such marks.
    """
    for name, text in parts.items():
        mark = f"<!-- bench: {name} -->"
        found = re.findall(f"{mark}\n.*?<!-- end -->", page, re.DOTALL)
        if len(found) != 1:
            raise ValueError(f"{len(found)} times '{mark}' … '<!-- end -->' in the page, expected once.")
        page = page.replace(found[0], f"{mark}\n{text}\n<!-- end -->")
    return page


def lacking(result: Mapping[str, Any]) -> list[str]:
    """Parts that were not measured in that run."""
    return [part for part in WHOLE if part not in result]


def publish(result: Mapping[str, Any]) -> None:
    """Write the copy, the picture and the page."""
    PUBLISHED.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    PICTURE.write_text(picture(result), encoding="utf-8")
    PAGE.write_text(insert(PAGE.read_text(encoding="utf-8"), blocks(result)), encoding="utf-8")


def main(file: Path) -> None:
    """Publish the result in a file, if it is whole, and say what was reached."""
    result = json.loads(file.read_text(encoding="utf-8"))
    if left := lacking(result):
        print(f"Not published, since this run has no {', '.join(left)}.")  # noqa: T201
        return
    publish(result)
    for what, found, reached in aims(result):
        print(f"{'reached' if reached else 'MISSED':8} {what}: {found}")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
