"""Real machines on this host, made by the module itself, for the tests of the module and of the roles."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workers.setup.tofu import Tofu

PROJECT = Path(__file__).resolve().parents[2]
MODULE = PROJECT / "terraform" / "modules" / "local_host"
PROGRAM = MODULE / "scripts" / "local-host"


def needed(name: str) -> str:
    """A setting without which a test cannot be; missing is a skip here and a failure on CI."""
    value = os.environ.get(name, "")
    if Path(value).is_file():
        return value
    reason = f"{name} is not set to a file: {value!r}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module", autouse=True)
def tools(tofu: Tofu, host_image: Path | None) -> Iterator[None]:
    """What the module and its tests read from the environment: tofu, its configuration, the image."""
    found = {"SLUIS_TOFU": tofu.path, "SLUIS_TOFU_CLI_CONFIG": tofu.cli_config, "SLUIS_HOST_IMAGE": host_image}
    with pytest.MonkeyPatch.context() as environment:
        for name, path in found.items():
            if path and not os.environ.get(name):
                environment.setenv(name, str(path))
        yield


def need_root() -> None:
    """Skip where no namespaces can be made."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("a machine in namespaces needs root on Linux")


@dataclass(frozen=True)
class Host:
    """How a test reaches a machine."""

    name: str
    address: str
    port: int
    user: str
    key: Path
    known_hosts: Path

    def options(self) -> list[str]:
        """SSH options; the host key is that of the module's output and no other."""
        return ["-i", str(self.key), "-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=yes",
                "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-F", "none"]  # fmt: skip

    def ssh(self, *command: str, user: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command there."""
        target = f"{user or self.user}@{self.address}"
        done = subprocess.run(
            ["ssh", *self.options(), "-p", str(self.port), target, *command],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done


@dataclass(frozen=True)
class Stack:
    """A root configuration with one machine, and tofu to run on it."""

    folder: Path
    hosts: Path
    key: Path
    name: str

    def tofu(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run tofu; the exit code is the caller's to judge."""
        environment = {**os.environ, "SLUIS_HOSTS_FOLDER": str(self.hosts), "TF_IN_AUTOMATION": "1"}
        if mirror := os.environ.get("SLUIS_TOFU_CLI_CONFIG"):
            environment["TF_CLI_CONFIG_FILE"] = mirror
        return subprocess.run(
            [needed("SLUIS_TOFU"), *arguments, "-no-color"],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip

    def plan(self) -> tuple[int, str]:
        """Exit code (0: nothing to do, 2: something) and text of a plan."""
        done = self.tofu("plan", "-input=false", "-detailed-exitcode")
        return done.returncode, done.stdout + done.stderr

    def apply(self) -> Host:
        """Make it so."""
        done = self.tofu("apply", "-input=false", "-auto-approve")
        assert done.returncode == 0, done.stdout + done.stderr
        return self.host()

    def destroy(self) -> None:
        """Take it away."""
        done = self.tofu("destroy", "-input=false", "-auto-approve")
        assert done.returncode == 0, done.stdout + done.stderr

    def output(self) -> dict[str, Any]:
        """The module's outputs."""
        return json.loads(self.tofu("output", "-json", "machine").stdout)

    def host(self) -> Host:
        """The machine as the outputs describe it."""
        (found,) = self.output()["hosts"]
        known = self.folder / "known_hosts"
        place = found["address"] if found["port"] == 22 else f"[{found['address']}]:{found['port']}"
        known.write_text("".join(f"{place} {key}\n" for key in found["host_keys"]))
        return Host(found["name"], found["address"], found["port"], found["user"], self.key, known)

    def record(self) -> dict[str, Any]:
        """What the module's program keeps about the machine."""
        return json.loads((self.hosts / self.name / "host.json").read_text())


@contextmanager
def stack(folder: Path, name: str = "web1", *, hosts: Path | None = None, **inputs: object) -> Iterator[Stack]:
    """A root configuration in a folder; whatever it made is gone afterwards."""
    needed("SLUIS_TOFU")
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(key)], check=True)
    call = {
        "source": str(MODULE),
        "name": name,
        "authorized_key": key.with_suffix(".pub").read_text().strip(),
        **inputs,
    }
    root = {"module": {"machine": call}, "output": {"machine": {"value": "${module.machine}"}}}
    (folder / "main.tf.json").write_text(json.dumps(root))
    made = Stack(folder, hosts or folder / "hosts", key, name)
    started = made.tofu("init", "-input=false")
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        yield made
    finally:
        made.destroy()


@contextmanager
def machine(folder: Path, name: str = "web1") -> Iterator[Host]:
    """A living machine in namespaces."""
    need_root()
    needed("SLUIS_HOST_IMAGE")
    with stack(folder, name, kind="namespaces") as made:
        yield made.apply()


def runs(record: dict[str, Any]) -> bool:
    """Whether a recorded process still runs; one that has ended and waits to be reaped does not."""
    try:
        fields = Path(f"/proc/{record['pid']}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return False
    return fields[0] != "Z" and record["started"].endswith(f"/{fields[19]}")


def traces(link: str, hosts: Path) -> list[str]:
    """What is left of a machine on this host: files, processes, mounts, links, rules."""
    processes = [
        path.read_bytes().decode(errors="replace") for path in Path("/proc").glob("[0-9]*/mounts") if _readable(path)
    ]
    found = [str(path) for path in hosts.glob("*")] if hosts.exists() else []
    found += [line for text in set(processes) for line in text.splitlines() if str(hosts) in line]
    for command in (["ip", "-brief", "link"], ["iptables", "-S"], ["iptables", "-t", "nat", "-S"]):
        if shutil.which(command[0]):
            shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found += [line for line in shown.splitlines() if link in line]
    return found


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
