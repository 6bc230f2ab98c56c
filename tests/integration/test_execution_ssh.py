"""Waiting for a real sshd, and a role over it."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from execution_fixtures import Events, play, seconds
from workers.core.errors import InputError
from workers.core.records import HostAddress
from workers.execution.ansible import run_role
from workers.execution.errors import HostUnreachableError, ToolInterruptedError
from workers.execution.process import Control
from workers.execution.ssh import SshAccess, login_problem, wait_for_ssh

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@dataclass(frozen=True)
class Server:
    """A running sshd."""

    host: HostAddress
    access: SshAccess
    pid: int


def key_pair(path: Path) -> tuple[str, str]:
    """A new private key and its public key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, timeout=30)
    return path.read_text(), " ".join(path.with_suffix(".pub").read_text().split()[:2])


def free_port() -> int:
    """A port of the loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """An sshd on the loopback that lets one new key in."""
    if not Path(SSHD).exists():
        if os.environ.get("CI"):
            pytest.fail("needs sshd (Debian package openssh-server)")
        pytest.skip("needs sshd (Debian package openssh-server)")
    folder = tmp_path_factory.mktemp("sshd")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    private, public = key_pair(folder / "user")
    _, host_key = key_pair(folder / "host")
    (folder / "authorized_keys").write_text(public + "\n")
    port = free_port()
    options = (
        f"Port={port}", "ListenAddress=127.0.0.1", f"HostKey={folder / 'host'}",
        f"AuthorizedKeysFile={folder / 'authorized_keys'}",
        "PidFile=none", "StrictModes=no", "UsePAM=no", "PasswordAuthentication=no",
        "PermitRootLogin=yes", "KbdInteractiveAuthentication=no",
    )  # fmt: skip
    arguments = [part for option in options for part in ("-o", option)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", "/dev/null", *arguments], stderr=log)
        host = HostAddress(name="machine", address="127.0.0.1", port=port, host_keys=(host_key,))
        yield Server(host, SshAccess(user=getpass.getuser(), private_key=private), process.pid)
        process.terminate()
        process.wait(timeout=10)


async def test_a_host_that_answers_is_reached(server):
    """A command runs over SSH, and the wait says when it began and ended."""
    events = Events()
    assert await wait_for_ssh(server.host, server.access, timeout=seconds(30), sink=events) < 30
    states = events.states("machine: ssh")
    assert (states[0], states[-1]) == ("started", "ok")


async def test_a_host_that_comes_later_is_waited_for(server):
    """A port that is closed at first and opens during the wait is reached."""
    port = free_port()
    host = server.host.model_copy(update={"port": port})
    events = Events()
    task = asyncio.create_task(wait_for_ssh(host, server.access, timeout=seconds(60), sink=events))
    await asyncio.sleep(1)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server.host.port)
        await asyncio.gather(copy(reader, back), copy(there, writer))

    listener = await asyncio.start_server(forward, "127.0.0.1", port)
    await task
    listener.close()
    assert "connection refused" in events.text


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until the end."""
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def test_the_last_reason_is_told(server, tmp_path):
    """Refused, wrong host key, key not accepted and no SSH at all are told apart."""
    other, other_public = key_pair(tmp_path / "other")
    silent = await asyncio.start_server(lambda _reader, writer: writer.write(b"HTTP/1.1 400\r\n"), "127.0.0.1", 0)
    cases = {
        "connection refused": (server.host.model_copy(update={"port": free_port()}), server.access),
        "the host key is not the expected one": (
            server.host.model_copy(update={"host_keys": (other_public,)}),
            server.access,
        ),
        r"permission denied.*\(user ": (server.host, SshAccess(user=server.access.user, private_key=other)),
        "not an SSH server": (
            server.host.model_copy(update={"port": silent.sockets[0].getsockname()[1]}),
            server.access,
        ),
    }
    for reason, (host, access) in cases.items():
        with pytest.raises(HostUnreachableError, match=reason) as error:
            await wait_for_ssh(host, access, timeout=seconds(2), sink=Events())
        assert error.value.hosts == ("machine",)
    silent.close()


async def test_a_key_learnt_at_first_use_is_kept(server, tmp_path):
    """First use learns the key; another key at the same address is then refused."""
    known = tmp_path / "keys" / "known hosts"
    access = SshAccess(server.access.user, server.access.private_key, first_use=True, known_hosts=known)
    stranger = server.host.model_copy(update={"host_keys": ()})
    await wait_for_ssh(stranger, access, timeout=seconds(30), sink=Events())
    assert "ssh-ed25519" in known.read_text()
    _, other = key_pair(tmp_path / "other")
    known.write_text(f"[127.0.0.1]:{server.host.port} {other}\n")
    with pytest.raises(HostUnreachableError, match="host key"):
        await wait_for_ssh(stranger, access, timeout=seconds(30), sink=Events())
    with pytest.raises(InputError, match="host key is not known"):
        await wait_for_ssh(stranger, server.access, timeout=seconds(1), sink=Events())


async def test_a_wait_can_be_ended(server):
    """A stop ends the wait long before its time is up."""
    stop = asyncio.Event()
    host = server.host.model_copy(update={"port": free_port()})
    task = asyncio.create_task(
        wait_for_ssh(host, server.access, timeout=seconds(600), sink=Events(), control=Control(stop=(stop,)))
    )
    await asyncio.sleep(0.3)
    stop.set()
    with pytest.raises(ToolInterruptedError):
        await asyncio.wait_for(task, 10)


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
async def test_a_role_over_ssh(server, tmp_path, check):
    """A role runs over SSH with our key and known host, and leaves no shared connection behind."""
    inputs = {"writes_folder": str(tmp_path), "writes_text": "{{ over }} ssh", "writes_nested": {}}
    result = await run_role(play("writes", inputs, server.host, check=check, access=server.access), sink=Events())
    result.raise_for_status()
    assert result.changed == 2
    assert (tmp_path / "text").exists() is not check
    async with asyncio.timeout(10):  # a shared connection left behind would stay for 30 s
        while psutil.Process(server.pid).children():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_ssh_s_own_words_are_kept_where_they_mean_nothing_to_us():
    """An unknown complaint is passed on, shortened."""
    assert login_problem(("kex_exchange: odd",), "u") == "ssh failed: kex_exchange: odd"
    assert login_problem((), "u") == "ssh failed: no reason given"
