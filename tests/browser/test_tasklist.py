"""Approving and rejecting as people do it: in Tasklist, in a real browser; the end is seen in Operate."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from results import Result
from served import Served

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
SCREENSHOTS = Path(__file__).resolve().parents[2] / "results" / "screenshots"
PATIENCE = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    if not CHROMIUM:
        from conftest import missing

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


def open_review(page: Page, project: Served, instance: int) -> None:
    """Open the review task of an instance, once it is there, and claim it."""
    waiting = project.watch_until(instance, "approval-waits")[-1]
    page.goto(f"{project.rest}/tasklist/{waiting['task']}")
    page.get_by_role("button", name="Assign to me").click()
    expect(page.get_by_role("button", name="Complete Task")).to_be_enabled()


def picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_a_person_reads_the_plan_in_tasklist_and_approves_it(act: Page, project: Served):
    """The form shows what will be made; completing it with 'Approve' makes the machine; Operate shows the end."""
    with Result("browser-approve") as result:
        instance = project.start("seen1", "Seen in Tasklist")
        open_review(act, project, instance)
        form = act.locator(".fjs-container")
        expect(form).to_contain_text("local/seen1")
        expect(form).to_contain_text("to create")
        expect(form).to_contain_text("os_baseline")
        expect(form).to_contain_text("Seen in Tasklist")
        picture(act, "tasklist-review")
        act.get_by_text("Approve: make exactly this change").click()
        act.get_by_role("button", name="Complete Task").click()
        expect(act.get_by_text("Task completed")).to_be_visible()

        happenings = project.watch(instance)
        result.steps(happenings)
        assert happenings[-1]["good"], happenings[-1]
        approvals = [e for e in project.data_of("stack", "show", "local/seen1")["audit"] if e["action"] == "approved"]
        assert [(e["actor"], e["details"]["counts"]) for e in approvals] == [("act", True)]

        act.goto(f"{project.rest}/operate/processes/{instance}")
        expect(act.get_by_test_id("instance-header").get_by_test_id("COMPLETED-icon")).to_be_visible()
        picture(act, "operate-finished")


def test_a_person_rejects_in_tasklist_with_a_reason(act: Page, project: Served):
    """Without a reason the form refuses; with one the process ends as rejected and nothing is made."""
    with Result("browser-reject") as result:
        instance = project.start("seen2")
        open_review(act, project, instance)
        act.get_by_text("Reject: change nothing").click()
        act.get_by_role("button", name="Complete Task").click()
        expect(act.locator(".fjs-form-field-error").first).to_be_visible()
        act.get_by_role("textbox", name="Reason").fill("Not on a Friday")
        picture(act, "tasklist-reject")
        act.get_by_role("button", name="Complete Task").click()
        expect(act.get_by_text("Task completed")).to_be_visible()

        happenings = project.watch(instance)
        result.steps(happenings)
        assert not happenings[-1]["good"]
        shown = project.data_of("stack", "show", "local/seen2")
        assert shown["record"]["state"] == "planned"
        rejected = [e for e in shown["audit"] if e["action"] == "rejected"]
        assert [(e["actor"], e["details"]["reason"]) for e in rejected] == [("act", "Not on a Friday")]
