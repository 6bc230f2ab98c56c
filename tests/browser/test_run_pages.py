"""The run pages in a real browser: signing in, the list, a run with its plan and live log, deciding, the catalogue."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from browser.pictures import picture
from results import Result
from web_kit import RUN, TASK, Installation, installation, save_run, write_log
from workers.core.events import Event, EventKind
from workers.core.records import RunState
from workers.core.values import now
from workers.runs.log import log_key
from workers.web.server import listen, serving

pytestmark = [pytest.mark.browser]

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
LIVE = "300-1"
LONG = "400-1"
LONG_BYTES = 50_000_000


@dataclass
class Live:
    """A served installation, in an event loop of its own."""

    sluis: Installation
    address: str
    loop: asyncio.AbstractEventLoop

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def page(self, browser: Browser, user: str, **more: object) -> Page:
        """A page in which that user has signed in."""
        page = browser.new_context(**more).new_page()
        page.goto(f"{self.address}/runs")
        page.get_by_label("Name").fill(user)
        page.get_by_label("Password").fill(user)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Runs")).to_be_visible()
        return page


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


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The application on a port of this machine."""
    ready, box = threading.Event(), []

    async def serve() -> None:
        sluis = await installation(tmp_path_factory.mktemp("web") / "p", lines=30)
        await save_run(sluis.assembly, LIVE, "local/web1", RunState.RUNNING)
        await save_run(
            sluis.assembly, "350-1", "local/db1", RunState.FAILED, code="APPLY_FAILED", message="no subnet is free"
        )
        sock, stop = listen("127.0.0.1", 0, movable=False), asyncio.Event()
        async with serving(sluis.app, sock):
            address = f"http://127.0.0.1:{sock.getsockname()[1]}"
            box.extend((Live(sluis, address, asyncio.get_running_loop()), stop))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    yield box[0]
    box[0].loop.call_soon_threadsafe(box[1].set)
    thread.join(30)


def test_a_person_finds_a_run_and_reads_its_plan(browser: Browser, live: Live):
    """From the list with its filters to the run: what is replaced says why, secrets are masked, values stay text."""
    page = live.page(browser, "anna", viewport={"width": 1200, "height": 900})
    picture(page, "web-runs", whole=True)
    page.get_by_label("Text").fill("web1")
    page.keyboard.press("Enter")
    page.locator(f'a[href="/runs/{RUN}"]').click()
    plan = page.locator("#plan")
    expect(plan.get_by_text("forces the replacement")).to_be_visible()
    expect(plan).to_contain_text("ami-2")
    expect(plan.locator(".sensitive")).to_have_text("sensitive")
    expect(page.locator(".log .line")).to_have_count(30)
    expect(page.locator(".log .a32").first).to_have_text("green")
    expect(plan.locator(".lines .in")).to_have_count(3)
    expect(plan.locator(".lines .out")).to_have_count(2)
    expect(page.get_by_role("link", name="Decide on it")).to_be_visible()
    picture(page, "web-run", whole=True)
    page.emulate_media(color_scheme="dark")
    picture(page, "web-dark-run", whole=True)
    page.close()


def test_new_lines_of_a_running_job_appear_by_themselves(browser: Browser, live: Live):
    """Lines that the worker writes while the page is open are shown, with the progress of each resource."""
    page = live.page(browser, "vera")
    page.goto(f"{live.address}/runs/{LIVE}")
    expect(page.locator("[data-live]")).to_have_text("live")
    live.run(write_log(live.sluis.assembly, 12, LIVE))
    expect(page.locator(".log .line")).to_have_count(12)
    expect(page.locator(".progress code").first).to_have_text("terraform_data.box[0]")
    live.run(save_run(live.sluis.assembly, LIVE, "local/web1", RunState.FINISHED))
    expect(page.locator("[data-live]")).to_have_text("ended")
    page.close()


def test_the_log_is_searched_from_the_keyboard(browser: Browser, live: Live):
    """A slash leads to the search, which shows the lines with the text; Escape brings the log back."""
    page = live.page(browser, "vera")
    page.goto(f"{live.address}/runs/{RUN}")
    expect(page.locator(".log .line")).to_have_count(30)
    page.keyboard.press("/")
    page.keyboard.type("LINE 17")
    expect(page.locator(".log .found mark")).to_have_text("line 17")
    page.keyboard.press("Escape")
    expect(page.locator(".log .line:visible")).to_have_count(30)
    page.close()


def test_an_approver_decides_on_the_page_of_the_change(browser: Browser, live: Live):
    """The approver reads the change, gives a reason and their password, and the decision is made in their name."""
    page = live.page(browser, "anna", viewport={"width": 1200, "height": 900})
    page.get_by_role("link", name="Approvals").click()
    page.get_by_role("link", name="local/web1").click()
    picture(page, "web-approval", whole=True)
    page.get_by_label("Reason").fill("reviewed")
    page.get_by_label("Your password, again").fill("anna")
    page.get_by_role("button", name="Approve exactly this").click()
    expect(page).to_have_url(f"{live.address}/runs/{RUN}")
    assert live.sluis.desk.done[-1][:2] == ("decide", "anna")
    page.close()


def test_a_decision_needs_no_mouse(browser: Browser, live: Live):
    """From the first key to the last, by Tab and Enter alone: past the navigation, to the form, to the decision."""
    page = live.page(browser, "anna")
    page.goto(f"{live.address}/approvals/{TASK}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    before = len(live.sluis.desk.done)
    for name in ("Reason", "Your password, again"):
        field = page.get_by_label(name)
        _tab_to(page, field)
        page.keyboard.type("anna")
    _tab_to(page, page.get_by_role("button", name="Approve exactly this"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{RUN}#main$"))
    assert live.sluis.desk.done[before:][0][:2] == ("decide", "anna")
    page.close()


def _tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the wanted element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by Tab")


def test_an_operator_starts_a_process_from_the_catalogue(browser: Browser, live: Live):
    """The form comes from the process's start form and starts it in the person's name."""
    page = live.page(browser, "oscar", viewport={"width": 1200, "height": 900})
    page.get_by_role("link", name="Catalogue").click()
    picture(page, "web-catalogue", whole=True)
    page.get_by_role("link", name="Start").click()
    page.get_by_label("Name").fill("web2")
    picture(page, "web-start", whole=True)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("status")).to_contain_text("4711 was started")
    assert live.sluis.desk.done[-1][:3] == ("start", "oscar", "Order")
    page.close()


def test_pages_fit_a_phone_in_the_dark(browser: Browser, live: Live):
    """On a narrow dark screen nothing is wider than the screen, and the background is dark."""
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "is_mobile": True}
    page = live.page(browser, "anna", **phone)
    for name, path in (("runs", "/runs"), ("run", f"/runs/{RUN}"), ("stack", "/stacks/local/web1")):
        page.goto(live.address + path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        picture(page, f"web-phone-{name}", whole=True)
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(18, 24, 26)"
    page.close()


def test_no_page_needs_what_its_policy_forbids(browser: Browser, live: Live):
    """No page makes the browser complain: no inline script or style, nothing from elsewhere, no error in a script."""
    page = live.page(browser, "root")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in ("/runs", f"/runs/{RUN}", "/stacks", "/stacks/local/web1", "/approvals", "/catalogue", "/api/docs"):
        page.goto(live.address + path)
    assert said == []
    page.close()


def test_a_long_log_opens(browser: Browser, live: Live):
    """A log of 50 MB shows its end and offers what is before it; the time is kept as a result, not judged here."""
    live.run(_long_log(live))
    page = live.page(browser, "vera")
    with Result("web-long-log") as result:
        began = time.monotonic()
        page.goto(f"{live.address}/runs/{LONG}")
        page.wait_for_selector('[data-log][data-ready="yes"]')
        result.content |= {"bytes": LONG_BYTES, "open_seconds": round(time.monotonic() - began, 3)}
    expect(page.get_by_role("button", name="Earlier lines")).to_be_visible()
    before = page.locator(".log .line").count()
    page.get_by_role("button", name="Earlier lines").click()
    expect(page.locator(".log .line").nth(before)).to_be_attached()
    page.close()


async def _long_log(live: Live) -> None:
    line = (
        Event(time=now(), kind=EventKind.OUTPUT, text="x" * 120).model_dump_json(exclude_defaults=True).encode() + b"\n"
    )
    await live.sluis.assembly.store.write(log_key(LONG), line * (LONG_BYTES // len(line)))
    await save_run(live.sluis.assembly, LONG, "local/web1")
