"""What came of a role: counts per host, changed tasks with their diffs, failures."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from workers.core.errors import ToolError
from workers.core.values import JsonValue
from workers.execution.errors import HostUnreachableError, RoleFailedError
from workers.execution.markdown import Block, Section, escape, fit

MARKDOWN_BYTES: Final = 8000
_DIFF_CHARACTERS: Final = 1500
_MESSAGE_CHARACTERS: Final = 600
_BACKTICKS: Final = re.compile(r"`+")


@dataclass(frozen=True)
class HostCounts:
    """Ansible's recap of one host. As in Ansible, ``ok`` counts the changed ones too."""

    ok: int = 0
    changed: int = 0
    failed: int = 0
    unreachable: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        parts = [f"{self.ok} ok", f"{self.changed} changed"]
        parts += [
            f"{n} {word}"
            for n, word in ((self.failed, "failed"), (self.unreachable, "unreachable"), (self.skipped, "skipped"))
            if n
        ]
        return ", ".join(parts)


@dataclass(frozen=True)
class ChangedTask:
    """A task that changed something, or in check mode would."""

    host: str
    task: str
    diff: str = ""


@dataclass(frozen=True)
class TaskFailure:
    """A task that failed, or found the host unreachable."""

    host: str
    task: str
    message: str
    unreachable: bool = False


@dataclass(frozen=True)
class RoleResult:
    """How a role went on each host. Nothing in it is secret.

    Attributes:
        failures: tasks that failed, those included that the role rescued.
        exit_status: of ansible-playbook.
        check: nothing was changed, only predicted.
        outputs: what the role gave back with ``set_stats``, by host and name; under ``all`` what is of no host.
    """

    role: str
    hosts: dict[str, HostCounts]
    changed_tasks: tuple[ChangedTask, ...]
    failures: tuple[TaskFailure, ...]
    exit_status: int
    seconds: float
    check: bool = False
    outputs: dict[str, dict[str, JsonValue]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """Tasks that changed something, over all hosts."""
        return sum(counts.changed for counts in self.hosts.values())

    @property
    def ok(self) -> int:
        """Tasks that went well, over all hosts."""
        return sum(counts.ok for counts in self.hosts.values())

    @property
    def has_changes(self) -> bool:
        """Whether any task changed something."""
        return self.changed > 0

    @property
    def summary(self) -> str:
        """One line."""
        where = f"on {len(self.hosts)} host{'' if len(self.hosts) == 1 else 's'}"
        return f"{self.changed} to change {where}" if self.check else f"{self.changed} changed, {self.ok} ok {where}"

    @property
    def markdown(self) -> str:
        """At most 8 kB for approvers: which task changes what on which host."""
        hosts = dict.fromkeys(task.host for task in self.changed_tasks)
        sections = [
            Section(f"### {escape(host)}", tuple(_block(t) for t in self.changed_tasks if t.host == host))
            for host in hosts
        ]
        return fit(f"**{escape(self.role)}: {self.summary}**", sections, MARKDOWN_BYTES)

    def raise_for_status(self) -> None:
        """Nothing, where the role went well on all hosts.

        Raises:
            HostUnreachableError: a host could not be reached.
            RoleFailedError: a task failed on a host.
        """
        unreachable = tuple(host for host, counts in self.hosts.items() if counts.unreachable)
        failed = tuple(host for host, counts in self.hosts.items() if counts.failed)
        if failed:
            raise RoleFailedError(f"Role {self.role} failed: {self._told(failed)}", failed, self.exit_status)
        if unreachable:
            raise HostUnreachableError(f"Role {self.role}: {self._told(unreachable)}", unreachable, self.exit_status)
        if self.exit_status:
            raise ToolError(f"Role {self.role} ended with exit status {self.exit_status}.", self.exit_status)

    def _told(self, hosts: tuple[str, ...]) -> str:
        # The last failure of a host is the one that ended its play; earlier ones may have been rescued.
        last = {failure.host: failure for failure in self.failures if failure.host in hosts}
        return "; ".join(f"{f.host}: {f.task}: {f.message[:_MESSAGE_CHARACTERS]}" for f in last.values())


def _block(task: ChangedTask) -> Block:
    return Block(f"- {escape(task.task)}", (_fenced(task.diff),) if task.diff else ())


def _fenced(diff: str) -> str:
    text = (
        diff
        if len(diff) <= _DIFF_CHARACTERS
        else f"{diff[:_DIFF_CHARACTERS]}\n… ({len(diff) - _DIFF_CHARACTERS} more characters)"
    )
    lines = ["".join(map(_visible, line)) for line in text.split("\n")]
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0))
    return "\n".join(f"  {line}" for line in (f"{fence}diff", *lines, fence))


def _visible(character: str) -> str:
    hidden = character != "\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return f"\\u{{{ord(character):x}}}" if hidden else character
