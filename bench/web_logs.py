# ruff: noqa: T201 - a script that measures and prints
"""Measure the pages' logs: what many watchers of one live log cost the worker, and how fast a long log opens.

Usage: ``python bench/web_logs.py [--watchers 50] [--seconds 15] [--rate 200] [--out results/bench/web-logs.json]``.
A process of its own serves the application and writes lines into a live log at the given rate, first with nobody
watching, then with all watchers; its CPU time is taken from outside. Prints JSON; asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "unit")]

from web_kit import RUN, TOKENS, event, installation, save_run, write_log  # noqa: E402
from workers.core.records import RunState  # noqa: E402
from workers.runs.log import log_key  # noqa: E402
from workers.web.server import listen, serving  # noqa: E402

LIVE = "300-1"
LONG_BYTES = 50_000_000


async def serve(rate: int) -> None:
    """Serve and write, until standard input ends."""
    with tempfile.TemporaryDirectory() as folder:
        sluis = await installation(Path(folder) / "p")
        sluis.site.guard.reads.burst = sluis.site.guard.reads.per_minute = 1e9
        line = event(1).model_dump_json(exclude_defaults=True).encode() + b"\n"
        await sluis.assembly.store.write(log_key(RUN), line * (LONG_BYTES // len(line)))
        await save_run(sluis.assembly, LIVE, "local/web1", RunState.RUNNING)
        sock = listen("127.0.0.1", 0, movable=False)
        async with serving(sluis.app, sock):
            print(sock.getsockname()[1], flush=True)
            writer = asyncio.create_task(_write(sluis.assembly, rate))
            await asyncio.to_thread(sys.stdin.read)
            writer.cancel()


async def _write(assembly: Any, rate: int) -> None:
    number = 0
    while True:
        await write_log(assembly, rate // 5, LIVE, number)
        number += rate // 5
        await asyncio.sleep(0.2)


@contextmanager
def server(rate: int) -> Iterator[tuple[psutil.Process, str]]:
    """The serving process and its address."""
    with Popen(
        [sys.executable, __file__, "--serve", "--rate", str(rate)], stdin=PIPE, stdout=PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101
        assert process.stdin is not None  # noqa: S101
        port = int(process.stdout.readline())
        yield psutil.Process(process.pid), f"http://127.0.0.1:{port}"
        process.stdin.close()


async def watched(process: psutil.Process, address: str, watchers: int, seconds: float) -> dict[str, float]:
    """CPU time of the server per second, and lines that each watcher got, with that many of them."""
    got = [0] * watchers
    headers = {"Authorization": f"Bearer {TOKENS['reader']}"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30, limits=limits) as http:
        end = (await http.get(f"/api/runs/{LIVE}/log")).json()["end"]
        tasks = [asyncio.create_task(_watch(http, end, got, index)) for index in range(watchers)]
        await asyncio.sleep(1)
        before, began = _cpu(process), time.monotonic()
        await asyncio.sleep(seconds)
        used = (_cpu(process) - before) / (time.monotonic() - began)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {"watchers": watchers, "cpu_share_of_one_core": round(used, 4), "fewest_lines": min(got, default=0)}


async def _watch(http: httpx.AsyncClient, after: int, got: list[int], index: int) -> None:
    async with http.stream("GET", f"/api/runs/{LIVE}/log/live", params={"after": after}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                got[index] += len(json.loads(line[6:])["lines"])


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def opened(address: str) -> list[float]:
    """Seconds until the end of a long log is there, a few times."""
    found = []
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {TOKENS['reader']}"}) as http:
        for _ in range(5):
            began = time.monotonic()
            (await http.get(f"/api/runs/{RUN}/log")).raise_for_status()
            found.append(round(time.monotonic() - began, 3))
    return found


def opened_in_a_browser(address: str) -> list[float]:
    """Seconds until the page of the run shows the end of its log in Chromium, a few times; empty without one."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        return []
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        browser.new_page().goto(f"{address}/sign-in")  # the browser's own first page is not ours to measure
        for _ in range(5):
            page = browser.new_context(extra_http_headers={"Authorization": f"Bearer {TOKENS['reader']}"}).new_page()
            began = time.monotonic()
            page.goto(f"{address}/runs/{RUN}")
            page.wait_for_selector('[data-log][data-ready="yes"]')
            found.append(round(time.monotonic() - began, 3))
            page.close()
        browser.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.rate))
        return
    with server(options.rate) as (process, address):
        loads = [asyncio.run(watched(process, address, n, options.seconds)) for n in (0, 1, options.watchers)]
        seconds = asyncio.run(opened(address))
        shown = opened_in_a_browser(address)
    result = {
        "machine": {
            "cores": psutil.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 1),
        },
        "lines_per_second": options.rate, "live": loads, "long_log_bytes": LONG_BYTES, "open_seconds": seconds,
        "browser_seconds": shown, "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
