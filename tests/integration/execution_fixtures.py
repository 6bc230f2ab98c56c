"""A real tofu or terraform, modules and roles to run, and a list that events end up in."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from workers.catalogue.reading import read_contract
from workers.core.contract import Contract, Kind
from workers.core.environment import Environment
from workers.core.events import Event
from workers.core.records import HostAddress, Operation, StackId
from workers.core.redaction import Redactor
from workers.core.settings import Settings
from workers.core.values import JsonValue
from workers.execution.ansible import RolePlay
from workers.execution.process import Control
from workers.execution.ssh import SshAccess
from workers.execution.stack_root import RootSpec, StackRoot, write_root
from workers.execution.terraform import Call, Planned, TerraformTool
from workers.setup.tofu import cached_tofu

FIXTURES = Path(__file__).parent.parent / "fixtures" / "execution"
LOCAL = HostAddress(name="here", address="local")


def program(name: str = "") -> Path:
    """The tofu or terraform to test with; skips where there is none, and fails in CI."""
    wanted = name or os.environ.get("SLUIS_TOFU", "") or shutil.which("tofu") or str(cached_tofu(Settings()))
    found = shutil.which(wanted) or (None if name else shutil.which("terraform"))
    if found:
        return Path(found)
    reason = f"needs {wanted} (on PATH, or named by SLUIS_TOFU)"
    if os.environ.get("CI") and not name:
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Events:
    """Takes events and answers what happened."""

    events: list[Event] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: str = ""

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        under_way = event.state in ("started", "running")
        if self.wanted and under_way and (self.wanted in event.subject or self.wanted in event.text):
            self.started.set()

    def states(self, subject: str) -> list[str]:
        """The states that the subject went through."""
        return [e.state for e in self.events if e.subject == subject and e.state]

    @property
    def text(self) -> str:
        """Everything that was said."""
        return "\n".join(e.model_dump_json() for e in self.events)


@dataclass(frozen=True)
class Stack:
    """A stack to plan and apply in a test."""

    tool: TerraformTool
    folder: Path
    contract: Contract

    def spec(self, inputs: Mapping[str, JsonValue]) -> RootSpec:
        """The specification with these inputs."""
        environment = Environment(name="test")
        return RootSpec(
            StackId(environment="test", name="one"), self.contract, environment, inputs, "1-1", self.folder / "state"
        )

    def root(self, inputs: Mapping[str, JsonValue], name: str = "root") -> StackRoot:
        """A fresh root with these inputs."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return write_root(self.spec(inputs), folder)

    async def plan(
        self, inputs: Mapping[str, JsonValue], operation: Operation = Operation.APPLY, call: Call | None = None
    ) -> tuple[StackRoot, Planned]:
        """A plan on a fresh root."""
        root = self.root(inputs)
        return root, await self.tool.plan(root, operation=operation, call=call or Call())


async def stack(folder: Path, module: str, name: str = "") -> Stack:
    """A stack of a fixture module, with the tool of that name."""
    contract = read_contract(Kind.MODULE, FIXTURES / "modules" / module)
    if not isinstance(contract, Contract):
        contract = Contract(Kind.MODULE, module, FIXTURES / "modules" / module, "0" * 64)
    return Stack(await TerraformTool.probe(program(name)), folder, contract)


def call(events: Events, *secrets: str, **control: object) -> Call:
    """A call that tells ``events``."""
    return Call(control=Control(**control), sink=events, redactor=Redactor(secrets))  # type: ignore[arg-type]


def play(
    role: str,
    inputs: Mapping[str, JsonValue],
    *hosts: HostAddress,
    check: bool = False,
    access: SshAccess | None = None,
) -> RolePlay:
    """A play of a fixture role, on this machine unless hosts are given."""
    return RolePlay(role, FIXTURES / "roles" / role, inputs, hosts or (LOCAL,), access or SshAccess(), check=check)


def seconds(number: float) -> timedelta:
    """A short way to say it."""
    return timedelta(seconds=number)
