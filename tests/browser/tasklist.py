"""Tasklist in Chromium, with somebody signed in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from served import Served

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
PATIENCE = 60_000
RELOADS = 30


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    if not CHROMIUM:
        from needs import missing

        missing("Chromium (Debian package chromium)")
    with sync_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield found
        found.close()


@pytest.fixture
def act(browser: Browser, project: Served) -> Iterator[Page]:
    """Tasklist, with the approver signed in."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page.goto(f"{project.rest}/tasklist")
    page.locator("input[name=username]").fill("act")
    page.locator("input[name=password]").fill("act")
    page.keyboard.press("Enter")
    expect(page.get_by_text("All open tasks")).to_be_visible()
    yield page
    page.close()


def shown_change(page: Page) -> Locator:
    """The form with the change in it. Tasklist may show a task before its variables: the form says so, one reloads."""
    form = page.locator(".fjs-container")
    for _ in range(RELOADS):
        expect(form).to_contain_text(re.compile("Your decision is for exactly|not shown yet"))
        if form.get_by_text("Your decision is for exactly").is_visible():
            break
        page.reload()
    return form
