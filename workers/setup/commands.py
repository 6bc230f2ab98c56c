"""Running the programs that set-up needs."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from signal import SIGTERM
from typing import TYPE_CHECKING

from workers.core.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_TAIL = 15


async def run(argv: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it wrote, standard error included.

    Args:
        argv: the program and its arguments.
        cwd: where to run it.
        env: variables to add to the environment.

    Raises:
        ToolError: it ended with an error; its last lines are in the message.
    """
    process = await asyncio.create_subprocess_exec(
        *map(str, argv),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, SIGTERM)
        await process.wait()
        raise
    text = output.decode(errors="replace")
    if process.returncode:
        raise ToolError(f"{argv[0]} failed:\n{_tail(text)}", process.returncode)
    return text


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-_TAIL:])
