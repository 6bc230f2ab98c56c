"""Reach a host over SSH: options that never fall back to the user's own, and waiting until a host lets us in."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from workers.core.errors import InputError
from workers.core.events import Event, EventKind, EventSink
from workers.core.records import HostAddress
from workers.core.values import now
from workers.execution.errors import HostUnreachableError, ToolInterruptedError
from workers.execution.process import Control, run_tool, tool_environment
from workers.execution.workspace import private_folder

LOCAL: Final = "local"
"""The address of a "host" that is this machine itself, configured without SSH."""

_ADDRESS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_%-]*|::[A-Za-z0-9.:%]*")
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.@\\-]*\$?")
_HOST_KEY: Final = re.compile(r"[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\r\n]*)?")
_SSH_PORT: Final = 22
_BANNER_BYTES: Final = 4096
_PAUSE_SECONDS: Final = 0.5
_FINAL_ATTEMPTS: Final = 3
"""So often in a row a wrong host key is seen before waiting longer is given up."""


@dataclass(frozen=True)
class SshAccess:
    """How hosts are reached.

    Attributes:
        user: the user, where the host names none.
        private_key: the private key itself; empty for the keys of an agent.
        first_use: learn the key of a host that names none at the first contact; otherwise such a host is refused.
        known_hosts: the file in which keys learnt at the first contact are kept.
        connect_timeout: seconds for one attempt to connect.
        escalate: a role may become another user (sudo).
    """

    user: str = "root"
    private_key: str = field(default="", repr=False)
    first_use: bool = False
    known_hosts: Path | None = None
    connect_timeout: int = 10
    escalate: bool = True


@dataclass(frozen=True)
class SshFiles:
    """Key and known hosts in a private folder, as options for ssh."""

    folder: Path
    access: SshAccess

    @property
    def key(self) -> Path | None:
        """The private key's file."""
        return self.folder / "key" if self.access.private_key else None

    def options(self, host: HostAddress) -> tuple[str, ...]:
        """Options for this host, complete: nothing is taken from the user's or the system's ssh configuration."""
        trust = ("yes", self.folder / "known_hosts") if host.host_keys else ("accept-new", self.access.known_hosts)
        settings = {
            "StrictHostKeyChecking": trust[0],
            "UserKnownHostsFile": _quoted(trust[1] or "/dev/null"),
            "GlobalKnownHostsFile": "/dev/null",
            "BatchMode": "yes",
            "UpdateHostKeys": "no",
            "ConnectTimeout": self.access.connect_timeout,
            "ServerAliveInterval": 15,
            "ServerAliveCountMax": 4,
            **({"IdentitiesOnly": "yes", "IdentityFile": _quoted(self.key)} if self.key else {}),
        }
        return ("-F", "/dev/null", *(part for name, value in settings.items() for part in ("-o", f"{name}={value}")))


def write_ssh_files(folder: Path, hosts: tuple[HostAddress, ...], access: SshAccess) -> SshFiles:
    """Write key and known hosts into the private ``folder``.

    Raises:
        InputError: an address, user or host key that ssh could take for something else, or no way to know the host.
    """
    problems = tuple(problem for host in hosts for problem in _problems(host, access))
    if problems:
        raise InputError("hosts", problems)
    files = SshFiles(folder, access)
    (folder / "known_hosts").write_text("".join(_known(host) for host in hosts), encoding="utf-8")
    if files.key:
        files.key.touch(mode=0o600)
        files.key.write_text(access.private_key.strip() + "\n", encoding="utf-8")
    if access.known_hosts:
        access.known_hosts.parent.mkdir(parents=True, exist_ok=True)
    return files


def is_local(host: HostAddress) -> bool:
    """Whether this "host" is the machine that we run on."""
    return host.address == LOCAL


def _problems(host: HostAddress, access: SshAccess) -> list[str]:
    found = []
    user = host.user or access.user
    if not _ADDRESS.fullmatch(host.address):
        found.append(f"{host.name}: address {host.address!r} is neither a name nor an IP address")
    if not _USER.fullmatch(user):
        found.append(f"{host.name}: user {user!r} is no user name")
    if any(not _HOST_KEY.fullmatch(key) for key in host.host_keys):
        found.append(f"{host.name}: host_keys has an entry that is not of the form 'ssh-ed25519 AAAA…'")
    if not host.host_keys and not access.first_use and not is_local(host):
        found.append(
            f"{host.name}: its host key is not known (host_keys is empty, and the environment asks for 'known')"
        )
    return found


def _quoted(path: Path | str) -> str:
    """A path as ssh's configuration reads it: spaces kept, no token expanded."""
    return '"' + str(path).replace("%", "%%") + '"'


def _known(host: HostAddress) -> str:
    name = host.address if host.port == _SSH_PORT else f"[{host.address}]:{host.port}"
    return "".join(f"{name} {key}\n" for key in host.host_keys)


async def wait_for_ssh(
    host: HostAddress,
    access: SshAccess,
    *,
    timeout: timedelta,  # noqa: ASYNC109 - how long to try, told in the error, not a bound on the caller
    sink: EventSink,
    control: Control | None = None,
) -> float:
    """Wait until ``host`` runs a command over SSH.

    Args:
        host: the host.
        access: how it is reached.
        timeout: how long to try.
        sink: is told each new reason why it does not work yet.
        control: its stop events end the wait.

    Returns:
        How many seconds it took.

    Raises:
        HostUnreachableError: with the last reason: refused, no answer, wrong host key, permission denied, …
        ToolInterruptedError: the wait was ended from outside.
    """
    watched = control or Control()
    started = time.monotonic()
    if is_local(host):
        return 0.0
    with private_folder() as folder:
        files = write_ssh_files(folder, (host,), access)
        await _Wait(host, files, watched, sink, started + timeout.total_seconds()).until_reached()
    return time.monotonic() - started


@dataclass
class _Wait:
    host: HostAddress
    files: SshFiles
    control: Control
    sink: EventSink
    deadline: float
    _last: str = ""
    _wrong_keys: int = 0

    async def until_reached(self) -> None:
        self._say("started", f"Waiting for SSH on {self.host.address}, port {self.host.port}")
        while problem := await self._attempt():
            if problem != self._last:
                self._say("running", problem)
            self._last = problem
            self._wrong_keys = self._wrong_keys + 1 if problem.startswith(_WRONG_KEY) else 0
            if time.monotonic() >= self.deadline or self._wrong_keys >= _FINAL_ATTEMPTS:
                self._say("unreachable", problem)
                raise HostUnreachableError(
                    f"{self.host.name} ({self.host.address}, port {self.host.port}): {problem}", (self.host.name,)
                )
            await self._pause()
        self._say("ok", f"{self.host.name} answers over SSH")

    async def _attempt(self) -> str:
        """What is in the way; nothing when a command ran."""
        if any(event.is_set() for event in self.control.stop):
            raise ToolInterruptedError(f"Waiting for {self.host.name} was ended.", 130)
        left = max(1.0, min(self.files.access.connect_timeout, self.deadline - time.monotonic()))
        return await _banner_problem(self.host, left) or await self._login_problem()

    async def _login_problem(self) -> str:
        user = self.host.user or self.files.access.user
        argv = [
            "ssh",
            *self.files.options(self.host),
            "-T",
            "-p",
            str(self.host.port),
            "-l",
            user,
            "--",
            self.host.address,
            "true",
        ]
        limit = timedelta(seconds=self.files.access.connect_timeout + 20)
        control = Control(stop=self.control.stop, grace=timedelta(seconds=2), timeout=limit)
        env = tool_environment({"LC_ALL": "C.UTF-8"})
        result = await run_tool(argv, cwd=self.files.folder, env=env, on_line=_drop, control=control)
        if result.timed_out:
            return "the login hangs"
        return "" if result.exit_status == 0 else login_problem(result.tail, user)

    async def _pause(self) -> None:
        waits = [asyncio.create_task(event.wait()) for event in self.control.stop]
        try:
            if waits:
                await asyncio.wait(waits, timeout=_PAUSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            for wait in waits:
                wait.cancel()

    def _say(self, state: str, text: str) -> None:
        self.sink(
            Event(
                time=now(),
                kind=EventKind.TASK,
                text=f"{self.host.name}: {text}",
                subject=f"{self.host.name}: ssh",
                state=state,
            )
        )


_WRONG_KEY: Final = "the host key is not the expected one"
_REASONS: Final[Mapping[str, str]] = {
    "REMOTE HOST IDENTIFICATION HAS CHANGED": _WRONG_KEY,
    "Host key verification failed": _WRONG_KEY,
    "host key is known for": _WRONG_KEY,
    "Permission denied": "permission denied: the host does not accept the key",
    "Too many authentication failures": "permission denied: too many keys were offered",
    "Connection refused": "connection refused",
    "Connection timed out": "no answer",
    "No route to host": "no route to the host",
    "Could not resolve hostname": "the name does not resolve",
    "Connection reset": "the connection was closed by the host",
    "Connection closed": "the connection was closed by the host",
    "Load key": "the private key cannot be read",
}


def login_problem(lines: tuple[str, ...], user: str) -> str:
    """What ssh's own words come down to."""
    text = "\n".join(lines)
    for words, meaning in _REASONS.items():
        if words in text:
            return f"{meaning} (user {user})" if meaning.startswith("permission") else meaning
    return f"ssh failed: {text.strip()[-300:] or 'no reason given'}"


async def _banner_problem(host: HostAddress, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host.address, host.port)
            try:
                greeting = await reader.read(_BANNER_BYTES)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return "no answer"
    except ConnectionRefusedError:
        return "connection refused"
    except OSError as error:
        return f"not reachable ({error.strerror or error})"
    return "" if b"SSH-" in greeting else "something answers there, but not an SSH server"


def _drop(_line: str) -> None:
    """What ssh says is read from the result's last lines."""
