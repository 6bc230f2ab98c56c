"""The demo video, filmed from the real product: ``build/video/sluis.mp4`` and its captions ``sluis.vtt``.

Usage: ``python tools/video`` (``make video``). A copy of the project is served by ``sluis up`` in a folder of its own:
the real engine, the real tools, real people's pages in Chromium. Nothing is acted; waiting is left out. The ports of
``sluis up`` have to be free, and ``ffmpeg`` has to be there.
"""

from __future__ import annotations

import asyncio
import html
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from camera import SIZE, Camera
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, async_playwright
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

PROJECT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent
PARTS: Final = ("bpmn", "terraform", "ansible", "environments", "policy")
TARGET: Final = PROJECT / "build" / "video"
MOST_SECONDS: Final = 180
MOST_BYTES: Final = 25_000_000
MACHINE: Final = "web1"
PATIENCE: Final = 180.0
PASSWORD_OF_ACT: Final = "act"
COLUMNS: Final = 118


class FilmError(Exception):
    """The film cannot be made; the message says what to do."""


class Terminal:
    """A terminal as a page: what is typed, and what the real command then prints."""

    def __init__(self, page: Page, folder: Path) -> None:
        self._page = page
        self._folder = folder
        self._said = ""

    async def open(self) -> None:
        """Show it, empty."""
        await self._page.goto((HERE / "terminal.html").as_uri())
        self._said = ""

    async def run(self, command: str, *, stop: str = "") -> str:
        """Type a command, run it, show what it prints as it does; all of it.

        Args:
            command: the command line, as a person types it.
            stop: end when a line has this; else when the command ends.
        """
        for letter in f"$ {command}":
            self._said += letter
            if letter != "$":
                await self._show()
                await asyncio.sleep(0.022)
        self._said += "\n"
        words = (sys.executable, "-m", "workers.cli", *shlex.split(command)[1:])
        process = await asyncio.create_subprocess_exec(
            *words, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "xterm-256color",
                 "PYTHONPATH": str(PROJECT)},
        )  # fmt: skip
        before = len(self._said)
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self._said += line.decode(errors="replace")
            await self._show()
            if stop and stop in line.decode(errors="replace"):
                process.terminate()
                break
        await process.wait()
        self._said += "\n"
        return self._said[before:]

    async def _show(self) -> None:
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
        console.print(Text.from_ansi(self._said), soft_wrap=True, end="")
        text = console.export_html(theme=SVG_EXPORT_THEME, inline_styles=True, code_format="{code}")
        script = "text => { const p = document.querySelector('pre'); p.innerHTML = text; p.scrollTop = p.scrollHeight }"
        await self._page.evaluate(script, text)


async def card(page: Page, head: str, words: str) -> None:
    """A page with a few words on it."""
    await page.goto((HERE / "terminal.html").as_uri())
    content = f'<div class="card"><h1>{html.escape(head)}</h1><p>{html.escape(words)}</p></div>'
    await page.evaluate("text => { document.body.innerHTML = text }", content)


class Film:
    """The scenes, in order."""

    def __init__(self, page: Page, camera: Camera, folder: Path) -> None:
        self._page = page
        self._camera = camera
        self._terminal = Terminal(page, folder)
        self._rest = self._web = ""
        self._folder = folder

    async def play(self) -> None:
        """Play all scenes."""
        await card(self._page, "Sluis", "Infrastructure changes as processes that people can read, approve and trust.")
        await self._camera.on("A machine, from the request to the proof. Everything here is real; waiting is left out.")
        await self._camera.hold(4)
        instance = await self._ask()
        await self._approve()
        await self._follow(instance)
        await self._look()
        await self._operate(instance)
        await self._prove()
        await card(self._page, "make demo", "The same on your machine, from a clone, with one command.")
        await self._camera.hold(4)
        await self._camera.off()

    async def _ask(self) -> str:
        await self._camera.off()
        await self._terminal.open()
        await self._camera.on("Somebody asks for a machine, in a form of Tasklist, over REST, or here.")
        said = await self._terminal.run(
            f'sluis start VmProvisioning --var environment=local --var name={MACHINE} --var message="Hello from Sluis."'
        )
        found = re.search(r"\d{16}", said)
        operate, pages = re.search(r"Operate: (http://[^/\s]+)", said), re.search(r"Run pages: (http://[^/\s]+)", said)
        if found is None or operate is None or pages is None:
            raise FilmError(f"The process did not start: {said}")
        self._rest, self._web = operate[1], pages[1]
        await self._camera.hold(1.5)
        await self._camera.on("A plan is made first. Nothing else happens until people have agreed.")
        await self._terminal.run(f"sluis watch {found[0]}", stop="waits for a person")
        await self._camera.hold(2.5)
        await self._camera.off()
        return found[0]

    async def _approve(self) -> None:
        page = self._page
        await page.goto(f"{self._rest}/tasklist")
        await page.locator("input[name=username]").fill("act")
        await page.locator("input[name=password]").fill(PASSWORD_OF_ACT)
        await page.keyboard.press("Enter")
        await page.get_by_text("All open tasks").wait_for()
        task = page.get_by_text("Review change").first
        await task.wait_for(timeout=PATIENCE * 1000)
        await self._camera.on("The approver is somebody else. Nobody approves their own request.")
        await self._camera.hold(2.5)
        await task.click()
        form = page.locator(".fjs-container")
        await self._shown(form)
        await self._camera.on("They read the change: this plan, these roles, these inputs.")
        await self._camera.hold(4)
        await form.hover()
        for _ in range(6):
            await page.mouse.wheel(0, 160)
            await asyncio.sleep(0.7)
        await self._camera.on(
            "The approval is for exactly this change. Another one would be planned and asked for anew."
        )
        await page.get_by_role("button", name="Assign to me").click()
        choice = page.get_by_text("Approve: make exactly this change")
        await choice.scroll_into_view_if_needed()
        await self._camera.hold(1)
        await choice.click()
        await self._camera.hold(1.5)
        await page.get_by_role("button", name="Complete Task").click()
        await self._camera.hold(2.5)
        await self._camera.off()

    async def _shown(self, form: Any) -> None:
        """Tasklist may show a task before its variables; one reloads."""
        for _ in range(30):
            await form.get_by_text(re.compile("Your decision is for exactly|not shown yet")).first.wait_for()
            if await form.get_by_text("Your decision is for exactly").first.is_visible():
                return
            await self._page.reload()
        raise FilmError("Tasklist did not show the change.")

    async def _follow(self, instance: str) -> None:
        page = self._page
        await page.goto(f"{self._web}/")
        await self._sign_in()
        run = await self._role_run(instance)
        await page.goto(f"{self._web}{run}")
        await page.get_by_role("link", name="Log", exact=True).click()
        await self._camera.on("The run page: Ansible configures the machine, task by task, as it happens.")
        await self._camera.hold(9)
        await self._camera.off()

    async def _sign_in(self) -> None:
        page = self._page
        if await page.locator("input[name=password]").count():
            await page.locator("input[name=user]").fill("demo")
            await page.locator("input[name=password]").fill("demo")
            await page.keyboard.press("Enter")
            await page.wait_for_load_state()

    async def _role_run(self, instance: str) -> str:
        """The page of the first run of a role; waited for, because the machine is made before."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for run in await asyncio.to_thread(self._runs):
                if run["job_type"].startswith("ansible.") and run["job_type"].endswith(".run"):
                    return f"/runs/{run['id']}"
            await asyncio.sleep(0.5)
        raise FilmError(f"No role ran for {instance}.")

    def _runs(self) -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "workers.cli", "runs", "--json"], cwd=self._folder, capture_output=True, text=True,
            check=True, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )  # fmt: skip
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    async def _look(self) -> None:
        address = await asyncio.to_thread(self._machine)
        await self._page.goto(address)
        await self._camera.on(
            "The machine answers. The process has asked it too, over SSH and HTTP, before it said “ready”."
        )
        await self._camera.hold(4)
        await self._camera.off()

    def _machine(self) -> str:
        """The address of the machine's website, once the process has ended."""
        deadline = time.monotonic() + PATIENCE
        words = [sys.executable, "-m", "workers.cli", "stack", "show", f"local/{MACHINE}", "--json"]
        variables = {**os.environ, "PYTHONPATH": str(PROJECT)}
        while time.monotonic() < deadline:
            done = subprocess.run(words, cwd=self._folder, capture_output=True, text=True, check=False, env=variables)
            hosts = json.loads(done.stdout)["record"]["hosts"] if done.returncode == 0 else []
            for host in hosts:
                address = f"http://{host['address']}/"
                if (
                    subprocess.run(
                        ["curl", "-fsS", "-o", "/dev/null", address], check=False, capture_output=True
                    ).returncode
                    == 0
                ):
                    return address
            time.sleep(1)
        raise FilmError(f"The machine did not answer. What ran:\n{sluis(self._folder, 'runs')}")

    async def _operate(self, instance: str) -> None:
        page = self._page
        await page.goto(f"{self._rest}/operate/processes/{instance}")
        await page.locator(".djs-container").wait_for(timeout=PATIENCE * 1000)
        await self._camera.on(
            "Operate: the way that this request took, with rejection, failure and clean-up drawn beside it."
        )
        await self._camera.hold(6)
        await self._camera.off()

    async def _prove(self) -> None:
        await self._terminal.open()
        await self._camera.on(
            "Who asked, what was planned, who decided, what was done: a chain that nobody can edit unseen."
        )
        await self._terminal.run(f"sluis stack show local/{MACHINE}")
        await self._camera.hold(5)
        await self._terminal.run(f"sluis audit verify local/{MACHINE}")
        await self._camera.hold(4)


def prepared(folder: Path) -> None:
    """A project of its own in a folder."""
    for part in PARTS:
        shutil.copytree(PROJECT / part, folder / part)


def sluis(folder: Path, *arguments: str) -> str:
    """Run a command of Sluis in the project of the film.

    Raises:
        FilmError: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    if done.returncode:
        raise FilmError(f"sluis {' '.join(arguments)}: {done.stdout}")
    return done.stdout


async def film(folder: Path) -> tuple[float, int]:
    """Make the film; its seconds and bytes."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or shutil.which("ffmpeg") is None:
        raise FilmError("The film is made with Chromium and ffmpeg. Debian: apt-get install chromium ffmpeg")
    pictures = TARGET / "pictures"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.set_default_timeout(PATIENCE * 1000)
        camera = Camera(page, pictures)
        await camera.open()
        await Film(page, camera, folder / "project").play()
        await browser.close()
    target = TARGET / "sluis.mp4"
    return camera.cut(target, TARGET / "sluis.vtt"), target.stat().st_size


def main() -> int:
    """Make it; 1 where it is too long or too large."""
    with tempfile.TemporaryDirectory(prefix="film-of-sluis-") as name:
        folder = Path(name)
        (folder / "project").mkdir()
        prepared(folder / "project")
        try:
            sluis(folder / "project", "up", "--detach")
            seconds, size = asyncio.run(film(folder))
        except (FilmError, PlaywrightError) as error:
            print(f"{error}\nThe last pictures are in {TARGET / 'pictures'}.", file=sys.stderr)
            return 1
        finally:
            sluis(folder / "project", "clean", "--yes")
    print(f"{TARGET / 'sluis.mp4'}: {seconds:.0f} s, {size / 1e6:.1f} MB")
    return int(seconds >= MOST_SECONDS or size >= MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
