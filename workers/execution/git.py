"""One commit of a git repository, without a prompt, hooks, helpers or programs that the repository could name."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from typing import Final

from backports import tarfile

from workers.core.errors import MissingToolError, ToolError

_SECONDS: Final = 300
_A_MOMENT: Final = 946_684_800
"""Any will do that no tar finds implausibly old: the first second of the year 2000."""
_OPTIONS: Final = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never",
    "-c", "protocol.https.allow=always",
    "-c", "protocol.ssh.allow=always",
    "-c", "protocol.git.allow=always",
    "-c", "protocol.file.allow=always",
    "-c", "submodule.recurse=false",
    "-c", "tar.umask=0022",
)  # fmt: skip


def archive_of(address: str, commit: str, folder: str, repository: Path) -> bytes:
    """A folder of one commit as a tar archive, the same bytes every time.

    Args:
        address: of the repository.
        commit: its 40 digits.
        folder: of the repository; empty for all of it.
        repository: where the fetched objects may lie.

    Raises:
        MissingToolError: there is no git.
        ToolError: git could not get the commit.
    """
    _git("init", "--quiet", "--bare", "--template=", str(repository))
    inside = ("-C", str(repository))
    _git(*inside, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", address, commit)
    got = _git(*inside, "rev-parse", "--verify", "FETCH_HEAD^{commit}").decode().strip()
    if got != commit:
        raise ToolError(f"{address} gave the commit {got}, not {commit}.")
    return _steady(_git(*inside, "archive", "--format=tar", f"{commit}:{folder}"))


def _steady(archive: bytes) -> bytes:
    """The archive without its times: git gives that of a folder the present one, and 2.39 knows no option for it."""
    target = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as old,
        tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in old:
            member.mtime = _A_MOMENT
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
    return target.getvalue()


def _git(*words: str) -> bytes:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:ssh:git:file"}
    try:
        done = subprocess.run(
            ("git", *_OPTIONS, *words), check=False, capture_output=True, timeout=_SECONDS, env=environment
        )
    except FileNotFoundError as error:
        raise MissingToolError("git is not there.", "Install git.") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"git did not end within {_SECONDS} seconds.", -9) from error
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
        raise ToolError(f"git {words[2] if words[0] == '-C' else words[0]}: {last[0][:300]}", done.returncode)
    return done.stdout
