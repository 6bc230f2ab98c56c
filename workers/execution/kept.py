"""What a tool writes, kept under a name while its run has no end: where the worker dies, the next one reads on.

The folder is in memory where the machine has such a place, readable by us only: what is in it is not redacted.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workers.core.errors import StoreError
from workers.core.values import digest_bytes
from workers.execution.lines import Lines
from workers.execution.workspace import memory_folder

OUTPUT: Final = "out"
ERRORS: Final = "err"
_WORKSPACE: Final = "workspace"
_PREFIX: Final = "sluiskept-"
_LONGEST_SECONDS: Final = 7 * 24 * 3600
"""After so long nobody comes back for it: the record of the run knows its end, or a person has decided."""


@dataclass(frozen=True)
class KeptOutput:
    """What the tools of one installation write.

    Args:
        data: its data folder; another installation on this machine may have runs of the same names.
    """

    data: Path

    def keep(self, run: str) -> Path:
        """The folder for what the tool of a run writes.

        Raises:
            StoreError: somebody else has put something in its place.
        """
        folder = _places()[0] / self._name(run)
        folder.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(folder):
            raise StoreError(f"{folder} belongs to somebody else, so what the tool says cannot be kept there.")
        return folder

    def find(self, run: str) -> Path | None:
        """The folder that a run's worker has left; None where there is none with anything in it."""
        folders = (place / self._name(run) for place in _places())
        return next((folder for folder in folders if _is_ours(folder) and (folder / OUTPUT).exists()), None)

    def drop(self, run: str) -> None:
        """Remove what was kept: the record of the run has its end."""
        for place in _places():
            shutil.rmtree(place / self._name(run), ignore_errors=True)

    def _name(self, run: str) -> str:
        return f"{_PREFIX}{digest_bytes(os.fsencode(self.data.resolve()))[:12]}-{run}"


def name_workspace(folder: Path, workspace: Path) -> None:
    """Say in a run's folder where its tool works."""
    (folder / _WORKSPACE).unlink(missing_ok=True)
    (folder / _WORKSPACE).symlink_to(workspace)


def workspace_of(folder: Path) -> Path | None:
    """Where the tool of a dead worker worked; None where that is gone."""
    workspace = folder / _WORKSPACE
    return workspace.resolve() if workspace.is_dir() else None


def read(folder: Path, on_line: Callable[[str], None], on_error_line: Callable[[str], None], max_line: int) -> None:
    """Hand over all that a tool wrote, line by line."""
    for name, sink in ((OUTPUT, on_line), (ERRORS, on_error_line)):
        lines = Lines(sink, deque(maxlen=1), max_line)
        lines.feed((folder / name).read_bytes() if (folder / name).exists() else b"")
        lines.end()


def drop_old() -> None:
    """Remove what nobody came back for."""
    for place in _places():
        for folder in place.glob(f"{_PREFIX}*"):
            if _is_ours(folder) and time.time() - folder.lstat().st_ctime > _LONGEST_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _places() -> list[Path]:
    return [Path(place) for place in dict.fromkeys((memory_folder() or tempfile.gettempdir(), tempfile.gettempdir()))]


def _is_ours(folder: Path) -> bool:
    try:
        facts = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()
