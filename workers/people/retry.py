"""Trying again where a channel's trouble may pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from workers.core.errors import SettingError


async def patiently(send: Callable[[], Awaitable[None]], waits: tuple[float, ...]) -> None:
    """Call ``send`` until it succeeds, waiting in between; what a setting causes is not tried again.

    Args:
        send: may raise.
        waits: seconds before each further try; the last try's error is raised.
    """
    for seconds in waits:
        try:
            return await send()
        except SettingError:
            raise
        except Exception:  # noqa: BLE001 - whatever it was may pass; the last try tells
            await asyncio.sleep(seconds)
    return await send()
