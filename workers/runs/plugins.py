"""Plugins that a killed tofu leaves behind: they wait for it for ever, and hold every lock that they inherited."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

_PROGRAM: Final = "terraform-provider-"
_SECONDS: Final = 5


def end_plugins_of(tool: int) -> bool:
    """End the plugins of the tool that had this process id, which is dead; whether there were any."""
    return _end([plugin for plugin in _plugins() if _group(plugin) == tool])


def end_plugins_that_hold(lock: Path) -> bool:
    """End plugins that hold a lock after their tool has died; whether there were any.

    Nothing else is touched: a script that a provisioner started still does its work.
    """
    return _end([p for p in _plugins() if _has_open(p, lock) and not psutil.pid_exists(_group(p))])


def _plugins() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.exe()).name.startswith(_PROGRAM):
                yield process


def _group(process: psutil.Process) -> int:
    """The process group; a tool is the leader of its own."""
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(process.pid)
    return process.pid


def _has_open(process: psutil.Process, path: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        return str(path) in (file.path for file in process.open_files())
    return False


def _end(plugins: list[psutil.Process]) -> bool:
    for plugin in plugins:
        with contextlib.suppress(psutil.Error):
            plugin.kill()
    return bool(psutil.wait_procs(plugins, timeout=_SECONDS)[0])
