"""``python -m workers.setup``: get everything that this machine lacks, with plain progress lines."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

from workers.core.errors import SluisError
from workers.core.settings import Settings
from workers.setup import Progress, debian, ensure_engine, ensure_host_image, ensure_tofu, human_size
from workers.setup.scanners import ensure_scanners

_EVERY = 5.0


class Lines:
    """Progress as lines of text, a few per minute."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._totals: dict[str, int | None] = {}
        self._lock = threading.Lock()

    def started(self, step: str, total: int | None) -> None:
        """Say that a step begins, and how large it is."""
        self._began[step] = self._told[step] = time.monotonic()
        self._totals[step] = total
        _say(f"{step}: {human_size(total)} to download" if total else f"{step} …")

    def advanced(self, step: str, done: int) -> None:
        """Say how far a step is, now and then."""
        with self._lock:
            if time.monotonic() - self._told.get(step, 0) < _EVERY:
                return
            self._told[step] = time.monotonic()
        total = self._totals.get(step)
        _say(f"{step}: {human_size(done)}" + (f" of {human_size(total)}" if total else ""))

    def finished(self, step: str, note: str) -> None:
        """Say that a step has ended, and how long it took."""
        seconds = time.monotonic() - self._began.get(step, time.monotonic())
        _say(f"{step}: done in {seconds:.0f} s{f' ({note})' if note else ''}")


async def everything(settings: Settings, progress: Progress) -> None:
    """Get OpenTofu and its providers, the engine where one is wanted, scanners, and the root of local hosts."""
    tofu = await ensure_tofu(settings, progress)
    _say(f"{tofu.flavor} {tofu.version}: {tofu.path}")
    if settings.engine == "embedded":
        parts = await ensure_engine(settings, progress)
        _say(f"Camunda {parts.version}: {parts.camunda}")
    for name, where in (await ensure_scanners(settings, progress)).items():
        _say(f"{name}: {where}")
    image = await ensure_host_image(settings, progress)
    _say(f"Root of local hosts: {image or f'none, {debian.missing()}; a user-level sshd serves instead'}")


def main() -> int:
    """Run it; the exit status of the error where something cannot be had."""
    try:
        asyncio.run(everything(Settings(), Lines()))
    except SluisError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
