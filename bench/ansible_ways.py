# ruff: noqa: T201 - a script that measures and prints
"""Measure three ways to run a role with events: ansible-playbook alone, ansible-runner, and ours (ADR 6).

Usage: ``python -m bench.ansible_ways [--rounds 7] [--out bench-ansible.json]``. One play on a local connection, facts
and two tasks, in turns. ansible-runner is no dependency of ours, so it is installed for the measurement. Asserts
nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.report import PROJECT
from workers.core.events import Event
from workers.core.records import HostAddress
from workers.execution.ansible import run_role
from workers.execution.ansible_files import RolePlay, write_play
from workers.execution.ssh import SshAccess

RUNNER: Final = "ansible-runner==2.4.3"
_ROLE: Final = PROJECT / "tests" / "fixtures" / "execution" / "roles" / "writes"
Way = Callable[[RolePlay, Path], int]


def plain(play: RolePlay, folder: Path) -> int:
    """ansible-playbook with its output thrown away; no events."""
    write_play(play, folder)
    subprocess.run(
        [_playbook(), *_files(folder)], check=True, cwd=folder, env=_environment(folder), stdout=subprocess.DEVNULL
    )
    return 0


def runner(play: RolePlay, folder: Path) -> int:
    """ansible-runner, its events taken as they come; how many."""
    import ansible_runner  # type: ignore[import-not-found]  # noqa: PLC0415 - there only once it was installed

    write_play(play, folder)
    events: list[Any] = []
    done = ansible_runner.run(
        private_data_dir=str(folder), playbook=str(folder / "play.yml"), inventory=str(folder / "inventory.yml"),
        cmdline=f"--diff -e @{folder / 'inputs.yml'}", envvars=_environment(folder), quiet=True,
        event_handler=events.append,
    )  # fmt: skip
    if done.status != "successful":
        raise RuntimeError(f"ansible-runner ended as {done.status}.")
    return len(events)


def ours(play: RolePlay, _folder: Path) -> int:
    """The way of the workers; how many events."""
    events: list[Event] = []
    asyncio.run(run_role(play, sink=events.append)).raise_for_status()
    return len(events)


WAYS: Final[dict[str, Way]] = {"ansible-playbook": plain, "ansible-runner": runner, "ours": ours}


def measure(rounds: int) -> dict[str, Any]:
    """Seconds of CPU and of the clock for each way, in turns; a first round does not count."""
    found: dict[str, dict[str, list[float]]] = {name: {"cpu": [], "clock": [], "events": []} for name in WAYS}
    for number in range(rounds + 1):
        for name, way in WAYS.items():
            with tempfile.TemporaryDirectory() as target, tempfile.TemporaryDirectory() as folder:
                inputs = {"writes_folder": target, "writes_text": f"{name} {number}", "writes_nested": {}}
                play = RolePlay("writes", _ROLE, inputs, (HostAddress(name="here", address="local"),), SshAccess())
                cpu, clock = _cpu(), time.perf_counter()
                events = way(play, Path(folder))
                one = {"cpu": _cpu() - cpu, "clock": time.perf_counter() - clock, "events": events}
            for kind, value in one.items() if number else ():
                found[name][kind].append(round(value, 3))
    return {name: _summary(figures) for name, figures in found.items()}


def _summary(figures: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "cpu": round(median(figures["cpu"]), 2),
        "clock": round(median(figures["clock"]), 2),
        "clock_best": round(min(figures["clock"]), 2),
        "events": int(median(figures["events"])),
        "rounds": figures,
    }


def _cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _playbook() -> str:
    return str(Path(sys.executable).with_name("ansible-playbook"))


def _files(folder: Path) -> list[str]:
    return ["--diff", "-i", f"{folder}/inventory.yml", "-e", f"@{folder}/inputs.yml", f"{folder}/play.yml"]


def _environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # The configuration names our callback plugin as the one for standard output; the other two take Ansible's own.
    own = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "default", "LC_ALL": "C.UTF-8"}
    return {**os.environ, **own, "PATH": path}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.ansible_ways", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as packages:
        wanted = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", packages, RUNNER]
        subprocess.run([*wanted, "pexpect", "ptyprocess", "python-daemon", "lockfile"], check=True)
        sys.path.append(packages)
        ways = measure(options.rounds)
    for name, found in ways.items():
        print(f"{name:17} {found['cpu']:5.2f} s CPU  {found['clock']:5.2f} s  {found['events']:3} events")
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 1)}
    if options.out:
        options.out.write_text(json.dumps({**machine, "rounds": options.rounds, "ways": ways}, indent=1) + "\n")


if __name__ == "__main__":
    main()
