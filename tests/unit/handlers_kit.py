"""What tests of handlers build on: a project folder, a store, and engine ports that answer from memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from workers.core.job import Job
from workers.core.records import Change, Policy
from workers.core.values import now
from workers.execution.secrets import local_secrets
from workers.handlers.context import Context
from workers.handlers.ports import CompletedTask, PolicyAnswer
from workers.handlers.rules import Rules
from workers.runs.runs import Runs
from workers.runs.store import DirectoryStore

ENVIRONMENT = """
description: For tests
people:
  approvers: approvers
  groups:
    approvers: [act, demo, zoe]
machine:
  module: box
  request: {name: name}
hosts:
  db1: {address: 127.0.0.1, port: 2222}
"""

MODULE = """
variable "name" {
  type        = string
  description = "Its name."
}

variable "size" {
  type    = number
  default = 1
}
"""

ROLE = """
argument_specs:
  main:
    short_description: Says hello.
    options:
      hello_text:
        type: str
        required: true
        description: What to say.
"""


@dataclass(frozen=True)
class SharedDirectory(DirectoryStore):
    """A directory that several machines are said to use."""

    shared: bool = field(default=True, init=False)


@dataclass
class Lease:
    """A lease that tests end by hand."""

    lost: asyncio.Event = field(default_factory=asyncio.Event)
    draining: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class MemoryTasks:
    """The engine's records, kept in memory."""

    tasks: list[CompletedTask] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    root: int = 100

    async def completed_tasks(self, process_instance: int, element: str) -> tuple[CompletedTask, ...]:
        return tuple(self.tasks)

    async def open_tasks(self, process_instance: int, element: str) -> tuple[int, ...]:
        return tuple(self.open)

    async def root_of(self, process_instance: int) -> int:
        return self.root


@dataclass
class MemoryTable:
    """A policy that answers the same for every change, and remembers what it was asked."""

    output: dict = field(default_factory=lambda: {"approvals": 1, "group": "", "denied": False, "reason": ""})
    asked: list[dict] = field(default_factory=list)

    async def evaluate(self, facts) -> PolicyAnswer:
        self.asked.append(dict(facts))
        return PolicyAnswer(self.output, "d" * 64)


def project(folder: Path) -> Path:
    """A project folder with one environment, one module and one role."""
    for path, content in {
        "environments/local.yaml": ENVIRONMENT,
        "terraform/modules/box/variables.tf": MODULE,
        "ansible/roles/hello/meta/argument_specs.yml": ROLE,
        "ansible/roles/hello/tasks/main.yml": "[]\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


def context(folder: Path) -> Context:
    """A context over a fresh project and store, without a terraform tool."""
    root = project(folder / "project")
    store = DirectoryStore(folder / "data" / "store")

    def no_tool():
        raise AssertionError("no tool may be run here")

    return Context(
        project=root,
        data=folder / "data",
        store=store,
        runs=Runs(store, folder / "data" / "locks", "tester"),
        terraform=no_tool,
        secrets=local_secrets(root),
        grace=timedelta(seconds=1),
    )


def rules(folder: Path) -> Rules:
    """Decision rules over memory ports."""
    return Rules(context(folder), MemoryTable(), MemoryTasks(), "service")


def job(type_: str, key: int = 1, **variables) -> Job:
    """A job of that type."""
    return Job(
        key=key,
        type=type_,
        process_instance=200,
        element_instance=key + 1000,
        element="Task",
        process="Block",
        process_version=1,
        retries=3,
        variables=variables,
    )


async def change_with_policy(ctx: Context, approvals: int = 1) -> Change:
    """A change in the store with what the policy said."""
    change = Change(environment="local", stack="local/web1", hosts=("db1",), process_instance=200)
    await ctx.changes.save(change)
    await ctx.changes.set_policy(Policy(change=change.digest, approvals=approvals, group="approvers", created=now()))
    return change
