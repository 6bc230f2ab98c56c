"""The SSH key of an environment that names none: made once, kept in the data folder."""

from __future__ import annotations

import fcntl
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from workers.core.errors import MissingToolError


@dataclass(frozen=True)
class KeyPair:
    """An OpenSSH key pair, as text."""

    private: str
    public: str


def environment_key(folder: Path, environment: str) -> KeyPair:
    """The key pair of an environment, made with ``ssh-keygen`` at first use.

    Args:
        folder: where keys are kept; made with mode 0700.
        environment: the environment's name.

    Raises:
        MissingToolError: there is no ssh-keygen.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / environment
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not path.exists():
            _generate(path, f"sluis-{environment}")
    finally:
        os.close(handle)
    return KeyPair(path.read_text(), path.with_suffix(".pub").read_text().strip())


def public_key_of(private: str, folder: Path) -> str:
    """The public half of a private key that has no passphrase.

    Args:
        private: the private key as text.
        folder: a private folder for the moment that ssh-keygen needs the key as a file.
    """
    path = folder / "key"
    path.touch(mode=0o600)
    path.write_text(private if private.endswith("\n") else private + "\n")
    return _run(["ssh-keygen", "-y", "-P", "", "-f", str(path)]).strip()


def _generate(path: Path, comment: str) -> None:
    _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def _run(command: list[str]) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    except FileNotFoundError as error:
        raise MissingToolError("ssh-keygen is not there.", "Install the OpenSSH client (openssh-client).") from error
    except subprocess.CalledProcessError as error:
        raise MissingToolError(f"ssh-keygen failed: {error.stderr.strip()}") from error
