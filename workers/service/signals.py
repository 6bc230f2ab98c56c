"""Being told to stop: Ctrl-C and SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def told_to_stop() -> Iterator[asyncio.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one cancels the present task.

    For use in the main task of the program.
    """
    event = asyncio.Event()
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def told() -> None:
        if event.is_set() and task is not None:
            task.cancel()
        event.set()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in signals]
    for number in signals:
        loop.add_signal_handler(number, told)
    try:
        yield event
    finally:
        for number, handler in zip(signals, before, strict=True):
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
