"""A machine of the lesser kind: an sshd of the present user, on a port of the loopback interface."""

import contextlib
import ctypes
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from records import HostError, Place, Plan, Record, wait_until

READY_SECONDS = 10.0
ADDRESS = "127.0.0.1"
SET_CHILD_SUBREAPER = 36
SETTINGS = """\
ListenAddress {address}:{port}
HostKey "{place}/host_key"
PidFile none
AuthorizedKeysFile "{place}/authorized_keys"
# The folder is the present user's alone (0700); those above it may be open to more, as /tmp is.
StrictModes no
AllowUsers {user}
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowAgentForwarding no
AllowTcpForwarding no
X11Forwarding no
UsePAM no
# Not every host lets a user's sshd hand over a terminal; without this line asking for one ends the session there.
PermitTTY no
Subsystem sftp internal-sftp
"""


def create(plan: Plan, place: Place, program: Path) -> Record:  # noqa: ARG001 - the same call for every kind
    """Start it and wait until it answers.

    Raises:
        HostError: There is no sshd, or it does not answer.
    """
    sshd = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    if not sshd:
        raise HostError("no sshd on PATH: install openssh-server")
    record = Record(
        generation=plan.generation, kind=plan.kind, name=plan.name, network="shared",
        address=ADDRESS, port=_free_port(), user=getpass.getuser(), authorized_key=plan.authorized_key,
    )  # fmt: skip
    place.write(record)
    record = replace(record, host_keys=(_host_key(place),))
    _write(place, "authorized_keys", plan.authorized_key + "\n")
    text = SETTINGS.format(address=ADDRESS, port=record.port, place=place.path, user=record.user)
    settings = _write(place, "sshd_config", text)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # root's sshd separates privileges there
    with (place.path / "console.log").open("ab") as log:
        process = subprocess.Popen(
            [sshd, "-D", "-e", "-f", str(settings)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
            preexec_fn=_keep_orphans if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads here
        )  # fmt: skip
    record = place.write(record.with_process(process.pid))
    if (
        not wait_until(lambda: record.answers() or process.poll() is not None, READY_SECONDS)
        or process.poll() is not None
    ):
        raise HostError(f"{plan.name}: sshd does not answer at {ADDRESS}:{record.port}")
    process.returncode = 0  # it outlives us; nobody waits for it here
    return record


def stop(record: Record) -> None:
    """End it, the sessions that are open and, on Linux, what those have left running."""
    started = _descendants(record.pid) if record.owns_process() else []
    record.kill()
    for process in started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def _keep_orphans() -> None:
    # A daemon's parent is then the sshd and not init, so that it is still known as this machine's (prctl(2)).
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _descendants(pid: int) -> list[int]:
    shown = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in shown.splitlines())}
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def _host_key(place: Place) -> str:
    path = place.path / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def _write(place: Place, name: str, text: str) -> Path:
    path = place.path / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
