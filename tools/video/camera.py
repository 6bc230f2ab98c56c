"""A camera on a page of Chromium, and the film that is cut from what it saw."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import CDPSession, Page

SIZE: Final = (1280, 720)
_BAR: Final = 84
"""Height of the bar below the picture, where the captions stand."""
_STYLE: Final = (
    "FontName=Liberation Sans,FontSize=8.5,PrimaryColour=&H00F8FAFC,BorderStyle=1,Outline=0,Shadow=0,MarginV=10"
)


@dataclass
class Camera:
    """Takes a picture whenever the page has changed, while it is on.

    Args:
        page: what it looks at.
        folder: where the pictures go.
    """

    page: Page
    folder: Path
    _frames: list[tuple[Path, float]] = field(default_factory=list)
    _cues: list[tuple[float, str]] = field(default_factory=list)
    _began: float | None = None
    _passed: float = 0.0
    _session: CDPSession | None = None
    _waiting: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def moment(self) -> float:
        """Seconds of the film so far."""
        return self._passed + (time.monotonic() - self._began if self._began is not None else 0.0)

    async def open(self) -> None:
        """Begin to look; nothing is kept until it is on."""
        self._session = await self.page.context.new_cdp_session(self.page)
        self._session.on("Page.screencastFrame", self._seen)
        await self._session.send("Page.startScreencast", {"format": "jpeg", "quality": 85, "everyNthFrame": 2})

    async def on(self, caption: str | None = None) -> None:
        """Film from now on, with a new caption where one is given."""
        if self._began is None:
            self._began = time.monotonic()
        if caption is not None:
            self._cues.append((self.moment, caption))
        self._keep(await self.page.screenshot(type="jpeg", quality=85))

    async def off(self) -> None:
        """Leave out what comes until it is on again."""
        if self._began is not None:
            self._keep(await self.page.screenshot(type="jpeg", quality=85))
            self._passed, self._began = self.moment, None

    async def hold(self, seconds: float) -> None:
        """Let people read."""
        await asyncio.sleep(seconds)

    def _seen(self, event: dict[str, Any]) -> None:
        assert self._session is not None
        if self._began is not None:
            self._keep(base64.b64decode(event["data"]))
        task = asyncio.ensure_future(self._session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]}))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def _keep(self, content: bytes) -> None:
        path = self.folder / f"{len(self._frames):06}.jpg"
        path.write_bytes(content)
        self._frames.append((path, self.moment))

    def cut(self, film: Path, captions: Path) -> float:
        """Write the film and its captions; how many seconds it takes.

        Raises:
            subprocess.CalledProcessError: ffmpeg failed, and said why.
        """
        length = self.moment
        captions.write_text(self._subtitles(length, ".", head="WEBVTT\n\n"), encoding="utf-8")
        burnt, pictures = self.folder / "captions.srt", self.folder / "pictures.txt"
        burnt.write_text(self._subtitles(length, ","), encoding="utf-8")
        ends = [moment for _, moment in self._frames[1:]] + [length]
        lines = [
            f"file '{path}'\nduration {max(end - begin, 0.001):.3f}"
            for (path, begin), end in zip(self._frames, ends, strict=True)
        ]
        pictures.write_text("\n".join([*lines, f"file '{self._frames[-1][0]}'"]) + "\n", encoding="utf-8")
        width, height = SIZE
        filters = (
            f"fps=15,scale={width}:{height},pad={width}:{height + _BAR}:0:0:color=0x111827,"
            f"subtitles={burnt}:original_size={width}x{height + _BAR}:force_style='{_STYLE}'"
        )
        subprocess.run(
            ["ffmpeg", "-y", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", str(pictures), "-vf", filters,
             "-c:v", "libx264", "-preset", "slow", "-crf", "27", "-pix_fmt", "yuv420p", "-movflags", "+faststart",
             str(film)],
            check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return length

    def _subtitles(self, length: float, point: str, head: str = "") -> str:
        ends = [moment for moment, _ in self._cues[1:]] + [length]
        parts = [
            f"{number}\n{_clock(begin, point)} --> {_clock(end, point)}\n{text}\n"
            for number, ((begin, text), end) in enumerate(zip(self._cues, ends, strict=True), 1)
        ]
        return head + "\n".join(parts)


def _clock(seconds: float, point: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{thousandths:03}"
