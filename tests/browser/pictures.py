"""Pictures that browser tests take; some are shown in the documents."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

PROJECT = Path(__file__).resolve().parents[2]
IN_DOCS = {
    "web-approval", "web-catalogue", "web-run", "web-runs", "web-phone-run", "web-phone-runs",
    "form-provisioning", "operate-finished", "tasklist-review",
}  # fmt: skip
"""What documents show: taken anew by `make pictures`."""


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Take a picture: into the documents by `make pictures`, else into ``results/screenshots``.

    Args:
        page: what is seen.
        name: of the picture.
        whole: the page to its end, not only what a window shows.
    """
    shown = os.environ.get("SLUIS_DOC_IMAGES") and name in IN_DOCS
    folder = PROJECT / ("docs/images" if shown else "results/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=whole)
