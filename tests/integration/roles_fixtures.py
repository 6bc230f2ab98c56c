"""Playing roles on a machine with plain ansible-playbook, without the orchestrator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local_host_fixtures import PROJECT, Host


@dataclass(frozen=True)
class Run:
    """What one ansible-playbook said."""

    code: int
    text: str

    @property
    def changed(self) -> int:
        """How many tasks changed something, by the recap."""
        return sum(int(number) for number in re.findall(r"changed=(\d+)", self.text))


def play(host: Host, *roles: str, user: str = "root", variables: str = "{}", check: bool = False) -> Run:
    """Run roles on a machine with a YAML text of variables."""
    folder = host.key.parent
    (folder / "vars.yml").write_text(variables)
    (folder / "play.yml").write_text(f"- hosts: all\n  gather_facts: false\n  roles: [{', '.join(roles)}]\n")
    options = " ".join(host.options())
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"), "-i", f"{host.address},", "-u", user,
        f"--ssh-common-args={options}", "-e", f"@{folder / 'vars.yml'}",
        "-e", "ansible_python_interpreter=/usr/bin/python3", str(folder / "play.yml"), *(["--check"] if check else []),
    ]  # fmt: skip
    environment = {**os.environ, "ANSIBLE_ROLES_PATH": str(PROJECT / "ansible" / "roles"), "ANSIBLE_PIPELINING": "1",
                   "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(folder / "ansible")}  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    return Run(done.returncode, done.stdout + done.stderr)
