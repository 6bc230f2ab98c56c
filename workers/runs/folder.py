"""A folder of a module or role as a value: every file that counts, and one digest over all of them.

What counts: everything but version control, caches of the tools and Terraform state. READMEs and tests count too: a
rule without exceptions is easier to trust than one that guesses what a tool will read. The executable bit counts,
because ``local-exec`` scripts and Ansible's ``mode: preserve`` act on it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from workers.core.errors import ContractError
from workers.core.values import digest_files

SKIPPED_FOLDERS: Final = frozenset(
    {".git", ".hg", ".svn", ".terraform", "__pycache__", ".ansible", ".cache", ".pytest_cache", ".molecule"}
)
"""Folders of version control and of tool caches, at any depth."""

SKIPPED_FILES: Final = (
    "*.tfstate", "*.tfstate.*", ".terraform.tfstate.lock.info", "*.pyc", ".DS_Store", "crash.log", "crash.*.log",
    ".git",
)  # fmt: skip
"""Files that the tools and the desktop leave behind. ``.git`` is a file in a worktree or submodule."""

MAX_BYTES: Final = 64 * 1024 * 1024
"""More than this in one folder is a forgotten download and not a module."""


@dataclass(frozen=True)
class Folder:
    """What was in a folder at one moment.

    Attributes:
        files: relative POSIX path to content.
        executables: the paths among them that may be executed.
    """

    files: Mapping[str, bytes]
    executables: frozenset[str] = field(default_factory=frozenset)

    @property
    def digest(self) -> str:
        """The content digest: names, contents and executable bits."""
        # No relative path contains "//", so a marked name cannot be the name of another file.
        return digest_files({f"{p}//x" if p in self.executables else p: c for p, c in self.files.items()})


def read_folder(path: Path) -> Folder:
    """Everything in the folder at ``path`` that counts.

    A link to a file inside the folder is read as that file.

    Raises:
        ContractError: no such folder; a link that leads out of it, to nothing or to a folder; a device or socket; a
            file that cannot be read; more than ``MAX_BYTES``.
    """
    files: dict[str, bytes] = {}
    executables = set()
    size = 0
    try:
        for file in _walk(path):
            name = file.relative_to(path).as_posix()
            mode = _mode(file, path.resolve())
            files[name] = file.read_bytes()
            size += len(files[name])
            if mode & stat.S_IXUSR:
                executables.add(name)
            if size > MAX_BYTES:
                raise ContractError(f"{path} holds more than {MAX_BYTES >> 20} MB.", "Move large files out of it.")
    except OSError as error:
        raise ContractError(f"{error.filename or path} cannot be read: {error.strerror}.") from error
    return Folder(files, frozenset(executables))


def digest_folder(path: Path) -> str:
    """The content digest of the folder at ``path``.

    Raises:
        ContractError: as ``read_folder``.
    """
    return read_folder(path).digest


def _walk(path: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(path), key=lambda e: e.name):
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in SKIPPED_FOLDERS:
                yield from _walk(path / entry.name)
        elif not any(fnmatchcase(entry.name, pattern) for pattern in SKIPPED_FILES):
            yield path / entry.name


def _mode(file: Path, root: Path) -> int:
    """The file's mode, once it is sure that it is a plain file inside ``root``."""
    if file.is_symlink() and not file.resolve().is_relative_to(root):
        raise ContractError(f"{file} is a link to a place outside {root.name}.", "Copy what it points to.")
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        raise ContractError(f"{file} is a link to a folder.", "Copy the folder instead.")
    if not stat.S_ISREG(mode):
        raise ContractError(f"{file} is not a plain file.", "Remove it.")
    return mode
