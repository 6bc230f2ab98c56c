"""What is kept on disk about a machine, and how a process is known again."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

ANSWER_SECONDS = 15.0  # for a busy host; one that is well answers at once, and a dead process is seen at once


class HostError(Exception):
    """Something that the caller can do something about, as one sentence."""


@dataclass(frozen=True)
class Plan:
    """What a machine is made from; the resource keeps exactly this."""

    authorized_key: str
    folder: str
    generation: str
    hostname: str
    image: str
    kind: str
    name: str
    subnet: str


@dataclass(frozen=True)
class Record:
    """What has been made so far; written before each step that leaves something behind."""

    generation: str
    kind: str
    name: str
    image: str = ""
    reason: str = ""
    network: str = ""
    address: str = ""
    port: int = 0
    user: str = ""
    host_keys: tuple[str, ...] = ()
    link: str = ""
    pid: int = 0
    started: str = ""
    authorized_key: str = ""  # of a machine made for another key, a stack learns that it is somebody else's

    def with_process(self, pid: int) -> "Record":
        """Remember a process in a way that a later one with the same id is not taken for it."""
        return replace(self, pid=pid, started=identity(pid))

    def owns_process(self) -> bool:
        """Whether the recorded process still runs."""
        return self.pid > 0 and self.started != "" and identity(self.pid) == self.started

    def is_alive(self) -> bool:
        """Whether the machine's first process runs and its sshd answers."""
        wait_until(lambda: not self.owns_process() or self.answers(), ANSWER_SECONDS)
        return bool(self.host_keys) and self.owns_process() and self.answers()

    def answers(self) -> bool:
        """Whether an SSH server greets at the recorded address."""
        with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 1.0) as peer:
            return peer.recv(4) == b"SSH-"
        return False

    def kill(self) -> None:
        """End the recorded process and wait until it is gone."""
        if self.owns_process():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        if not wait_until(lambda: not self.owns_process(), 10.0):
            raise HostError(f"{self.name}: process {self.pid} does not end")

    def host(self) -> dict[str, object]:
        """The machine as those who connect to it need it."""
        keys = ("name", "address", "port", "user", "host_keys")
        return {key: getattr(self, key) for key in keys}


@dataclass(frozen=True)
class Place:
    """The folder of one machine, ``<parent>/<name>``."""

    parent: Path
    name: str

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.parent / self.name

    def read(self) -> Record | None:
        """The record, or None where there is none."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
            stored = json.loads((self.path / "host.json").read_text())
            return Record(**{**stored, "host_keys": tuple(stored["host_keys"])})
        return None

    def write(self, record: Record) -> Record:
        """Replace the record whole."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path / "host.json.new"
        draft.write_text(json.dumps(asdict(record), indent=2))
        draft.replace(self.path / "host.json")
        return record

    def remove(self) -> None:
        """Remove the machine's files."""
        if self.path.exists():
            shutil.rmtree(self.path)

    def log_tail(self) -> str:
        """The last lines that the machine's own processes wrote."""
        with contextlib.suppress(OSError):
            return "\n".join((self.path / "console.log").read_text(errors="replace").splitlines()[-10:])
        return ""

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the parent folder: one change at a time; the kernel lets go when the holder ends."""
        self.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self.parent / ".lock"
        try:
            with locked(lock):
                try:
                    yield
                finally:
                    if list(self.parent.iterdir()) == [lock]:
                        lock.unlink()
        finally:
            with contextlib.suppress(OSError):
                self.parent.rmdir()


def locked(path: Path) -> IO[str]:
    """Wait for a lock file, held until it is closed; taken anew where the one waited for was removed meanwhile."""
    while True:
        with contextlib.suppress(FileNotFoundError):  # the folder went between the two calls
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = path.open("a")
            fcntl.flock(handle, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(os.fstat(handle.fileno()), path.stat()):
                return handle
            handle.close()


def folder_of(asked: str | None) -> Path:
    """The folder for the machines' files."""
    folder = asked or os.environ.get("SLUIS_HOSTS_FOLDER") or "~/.local/share/sluis/hosts"
    return Path(folder).expanduser().resolve()


def identity(pid: int) -> str:
    """The process's start, unique together with its id; empty where there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
        shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return shown.stdout.strip()
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look every 20 ms until it is so, or the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
