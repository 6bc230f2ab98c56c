"""Where the service's own log goes: standard error for a worker, a file for what also talks to a person."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO, cast

import structlog

from workers.core.settings import Settings
from workers.service.cloudwatch import Both, CloudWatch
from workers.service.log_control import LogControl


def log_file(settings: Settings) -> Path:
    """The log of ``sluis up`` and ``sluis demo``."""
    return settings.data_folder / "logs" / "sluis.log"


@contextmanager
def log_to_stderr(settings: Settings, worker: str = "") -> Iterator[LogControl]:
    """The log of a worker by itself: text at a terminal, else one JSON object per line; and to CloudWatch if wanted.

    Args:
        settings: say how, and where else to.
        worker: name of the stream in CloudWatch Logs.
    """
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    control = LogControl(settings)
    if not settings.log_group:
        configure(control, sys.stderr, as_text=as_text)
        yield control
        return
    stream = CloudWatch(settings.log_group, worker)
    configure(control, Both(sys.stderr, stream), as_text=as_text)
    stream.start()
    try:
        yield control
    finally:
        stream.close()


@contextmanager
def log_to_file(settings: Settings, control: LogControl | None = None) -> Iterator[Path]:
    """The log goes to `log_file` for the time of the block."""
    path = log_file(settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", buffering=1) as file:
        configure(control or LogControl(settings), file, as_text=settings.log_format == "text")
        try:
            yield path
        finally:
            structlog.reset_defaults()


class Lines(Protocol):
    """What lines of a log are written to."""

    def write(self, text: str, /) -> object:
        """Take a line."""
        ...

    def flush(self) -> None:
        """Let it out."""
        ...

    def isatty(self) -> bool:
        """Whether a person reads it."""
        ...


def configure(control: LogControl, file: Lines, *, as_text: bool) -> None:
    """Log to ``file``, with the level and without the secrets that ``control`` knows.

    What is bound to the present task (process instance, run, stack) is in every line of it.
    """
    last: Any = structlog.dev.ConsoleRenderer(colors=file.isatty()) if as_text else structlog.processors.JSONRenderer()
    trace = [] if as_text else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[
            control.drop_quiet,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *trace,
            last,
            control.redact,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", file)),
        cache_logger_on_first_use=False,
    )
