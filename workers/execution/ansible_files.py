"""The files that one ansible-playbook run is made of, inputs as data that Ansible never evaluates."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from workers.core.errors import InputError
from workers.core.records import HostAddress
from workers.core.values import JsonValue
from workers.execution.errors import StalePlanError
from workers.execution.ssh import SshAccess, is_local, write_ssh_files
from workers.execution.texts import text_problems
from workers.execution.workspace import write_folder
from workers.runs.artifacts import referred_digest
from workers.runs.folder import read_folder

CALLBACK: Final = Path(__file__).parent / "callback"
# The system's own by path first: a version manager's shim on PATH may name a version that it does not run.
_INTERPRETERS: Final = (
    *(f"/usr/bin/python3.{minor}" for minor in range(14, 7, -1)),
    *("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3", "python3"),
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class RolePlay:
    """One role on some hosts.

    Attributes:
        role: its name.
        role_path: its folder; roles that it depends on stand beside it.
        inputs: its variables, secrets resolved.
        hosts: where it runs; a host with the address ``local`` is this machine.
        access: how the hosts are reached.
        check: only say what would change.
        digest: the content digest that the role must have; empty where any will do.
        artifacts: contents that inputs refer to, by digest; the role gets the path of a file in place of a reference.
    """

    role: str
    role_path: Path
    inputs: Mapping[str, JsonValue]
    hosts: tuple[HostAddress, ...]
    access: SshAccess
    check: bool = False
    digest: str = ""
    artifacts: Mapping[str, bytes] = field(default_factory=dict)


def write_play(play: RolePlay, folder: Path) -> None:
    """Write all that ansible-playbook reads into the private ``folder``.

    Raises:
        InputError: an input or host that cannot be handed over.
        StalePlanError: the role's files are not those of ``play.digest``.
    """
    check_inputs(play)
    options = _inventory(play, folder)
    _copy_role(play, folder / "roles" / play.role)
    files = {
        "ansible.cfg": _configuration(play, folder),
        "inventory.yml": _yaml({"all": {"hosts": options}}),
        "inputs.yml": unsafe_yaml({name: _at_hand(value, play, folder) for name, value in play.inputs.items()}),
        "play.yml": _yaml([_the_play(play)]),
    }
    write_folder(folder, {name: text.encode() for name, text in files.items()})
    write_folder(folder, {f"artifacts/{digest}": content for digest, content in play.artifacts.items()})
    for name in ("tmp", "cp"):
        (folder / name).mkdir(mode=0o700)


def _at_hand(value: JsonValue, play: RolePlay, folder: Path) -> JsonValue:
    """The value with the paths of artefacts in place of references to them."""
    if isinstance(value, dict):
        return {name: _at_hand(inner, play, folder) for name, inner in value.items()}
    if isinstance(value, list):
        return [_at_hand(inner, play, folder) for inner in value]
    digest = referred_digest(value)
    return str(folder / "artifacts" / digest) if digest in play.artifacts else value


def check_inputs(play: RolePlay) -> None:
    """Refuse what cannot reach the role as it is.

    Raises:
        InputError: naming each input.
    """
    problems = [f"{name!r} is no name of an Ansible variable" for name in play.inputs if not _VARIABLE.fullmatch(name)]
    problems += [problem for name, value in play.inputs.items() for problem in text_problems(name, value)]
    if problems:
        raise InputError(f"role {play.role}", tuple(problems))


def unsafe_yaml(value: Mapping[str, JsonValue]) -> str:
    """``value`` as YAML in which every string is text for Ansible, whatever is in it.

    The document as a whole is tagged ``!unsafe``, which Ansible applies to all strings below. A tag on each string
    would not do: Ansible then resolves the string's type anew, and ``"yes"`` becomes a boolean
    (``AnsibleConstructor._resolve_and_construct_object`` of ansible-core 2.19).
    """
    return "--- !unsafe\n" + yaml.dump(
        dict(value), Dumper=_QuotingDumper, allow_unicode=False, sort_keys=False, width=2**31
    )


class _QuotingDumper(yaml.SafeDumper):
    """Every string in double quotes, nothing by reference. PyYAML takes such things by class."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_QuotingDumper.add_representer(str, _quoted)


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False)


def _inventory(play: RolePlay, folder: Path) -> dict[str, dict[str, Any]]:
    files = write_ssh_files(folder, play.hosts, play.access)
    inventory: dict[str, dict[str, Any]] = {}
    for host in play.hosts:
        if is_local(host):
            # Interpreter discovery may pick a version manager's shim that does not run.
            settings: dict[str, Any] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        else:
            settings = {
                "ansible_host": host.address,
                "ansible_port": host.port,
                "ansible_interpreter_python_fallback": list(_INTERPRETERS),
                "ansible_user": host.user or play.access.user,
                "ansible_ssh_common_args": shlex.join(files.options(host)),
            }
        inventory[host.name] = settings if play.access.escalate else {**settings, "ansible_become": False}
    return inventory


def _copy_role(play: RolePlay, folder: Path) -> None:
    # What runs is this copy, so a file that changes meanwhile changes nothing.
    content = read_folder(play.role_path)
    if play.digest and content.digest != play.digest:
        raise StalePlanError(f"Role {play.role} is not the one that was approved: its files have changed.", 1)
    write_folder(folder, content.files, content.executables)


def _the_play(play: RolePlay) -> dict[str, Any]:
    return {"name": f"Role {play.role}", "hosts": "all", "gather_facts": True, "roles": [{"role": play.role}]}


def _configuration(play: RolePlay, folder: Path) -> str:
    return f"""[defaults]
roles_path = {folder / "roles"}:{play.role_path.resolve().parent}
callback_plugins = {CALLBACK}
stdout_callback = sluis_events
local_tmp = {folder / "tmp"}
interpreter_python = auto_silent
gathering = smart
fact_caching = memory
host_key_checking = True
retry_files_enabled = False
deprecation_warnings = False
localhost_warning = False
nocows = True
forks = 10
timeout = {play.access.connect_timeout}

[ssh_connection]
pipelining = True
ssh_args = -C -o ControlMaster=auto -o ControlPersist=30s
control_path_dir = {folder / "cp"}

[connection]
pipelining = True
"""
