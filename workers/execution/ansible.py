"""Run one Ansible role on hosts and say, task by task, what came of it."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from workers.core.errors import ToolError
from workers.core.events import Event, EventKind, EventSink
from workers.core.redaction import Redactor
from workers.core.values import JsonValue, now
from workers.execution.ansible_files import RolePlay, write_play
from workers.execution.ansible_result import ChangedTask, HostCounts, RoleResult, TaskFailure
from workers.execution.errors import ToolInterruptedError
from workers.execution.instance_connect import key_let_in
from workers.execution.kept import read
from workers.execution.process import Control, ToolResult, run_tool, tool_environment
from workers.execution.workspace import private_folder

__all__ = ["ChangedTask", "HostCounts", "RolePlay", "RoleResult", "TaskFailure", "run_role"]

MARK: Final = "\x1esluis "
"""How the callback plugin begins its lines; it is loaded by Ansible and shares no code with us."""
_LINE_CHARACTERS: Final = 1024 * 1024
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")
_HOSTS_FAILED: Final = frozenset({2, 4, 6})
"""ansible-playbook's exit statuses for failed (2) and unreachable (4) hosts."""


async def run_role(
    play: RolePlay,
    *,
    sink: EventSink,
    control: Control | None = None,
    env: Mapping[str, str] | None = None,
    redactor: Redactor | None = None,
    kept: Path | None = None,
) -> RoleResult:
    """Run a role, or with ``play.check`` find out what it would change.

    Args:
        play: the role, its inputs and the hosts.
        sink: takes progress per task and host, secrets removed.
        control: how it may be stopped.
        env: environment variables on top of the allow-list.
        redactor: knows the secret values of this run.
        kept: the folder where its output stays under a name, see `workers.execution.kept`.

    Returns:
        How it went on each host, failed hosts included; see ``RoleResult.raise_for_status``.

    Raises:
        InputError: an input or host that cannot be handed over.
        StalePlanError: the role's files are not those of ``play.digest``.
        ToolError: Ansible could not run the play at all, e.g. because the role does not parse.
        ToolInterruptedError: it was stopped.
    """
    listener = _Listener(sink, redactor or Redactor())
    with private_folder() as folder:
        write_play(play, folder)
        try:
            async with key_let_in(play.hosts, play.access, sink):
                result = await _run(play, folder, listener, control or Control(), env or {}, kept)
        finally:
            await _close_connections(folder)
    return listener.result(play, result)


async def _run(
    play: RolePlay, folder: Path, listener: _Listener, control: Control, env: Mapping[str, str], kept: Path | None
) -> ToolResult:
    files = ("-i", str(folder / "inventory.yml"), "-e", f"@{folder / 'inputs.yml'}", str(folder / "play.yml"))
    mode = ("--check", "--diff") if play.check else ("--diff",)
    own = {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return await run_tool(
        [sys.executable, "-m", "ansible", "playbook", *mode, *files],
        cwd=folder,
        env=tool_environment({**env, **own}),
        on_line=listener.line,
        on_error_line=listener.error_line,
        control=control,
        max_line=_LINE_CHARACTERS,
        kept=kept,
        name="ansible-playbook --check" if play.check else "ansible-playbook",
    )


def take_over(play: RolePlay, kept: Path, *, sink: EventSink, redactor: Redactor) -> RoleResult | None:
    """The result of a role whose play outlived its worker, from what it wrote; None where that shows no end.

    Ansible writes the recap last.

    Raises:
        ToolError: Ansible could not run the play at all.
    """
    listener = _Listener(sink, redactor)
    read(kept, listener.line, listener.error_line, _LINE_CHARACTERS)
    if not listener.hosts:
        return None
    bad = any(counts.failed or counts.unreachable for counts in listener.hosts.values())
    status = min(_HOSTS_FAILED) if bad else 0
    ended = ToolResult(status, interrupted=False, timed_out=False, killed=False, seconds=0, tail=())
    return listener.result(play, ended)


async def _close_connections(folder: Path) -> None:
    """End ssh's shared connections, which would otherwise outlive the play by half a minute."""
    control = Control(timeout=timedelta(seconds=5), grace=timedelta(seconds=1))
    for socket in (folder / "cp").glob("*"):
        with contextlib.suppress(ToolError, OSError):
            argv = ["ssh", "-F", "/dev/null", "-o", f"ControlPath={socket}", "-O", "exit", "--", "any"]
            await run_tool(argv, cwd=folder, env=tool_environment(), on_line=_drop, control=control)


@dataclass
class _Listener:
    """Turns the callback plugin's lines into events and keeps what the result needs."""

    sink: EventSink
    redactor: Redactor
    hosts: dict[str, HostCounts] = field(default_factory=dict)
    changed: list[ChangedTask] = field(default_factory=list)
    failures: list[TaskFailure] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    outputs: dict[str, dict[str, JsonValue]] = field(default_factory=dict)

    def line(self, line: str) -> None:
        if not line.startswith(MARK):
            self._emit(EventKind.OUTPUT, _ANSI.sub("", line).strip())
            return
        entry = self.redactor.json(json.loads(line.removeprefix(MARK)))
        if isinstance(entry, dict):
            {"stats": self._recap, "output": self._output}.get(str(entry.get("event")), self._task)(entry)

    def error_line(self, line: str) -> None:
        text = self.redactor.text(_ANSI.sub("", line).strip())
        if text:
            self.errors.append(text)
            kind = (
                EventKind.WARNING
                if text.startswith("[WARNING]")
                else EventKind.ERROR
                if text.startswith("[ERROR]")
                else EventKind.OUTPUT
            )
            self._emit(kind, text)

    def _recap(self, entry: Mapping[str, Any]) -> None:
        for host, counts in entry["hosts"].items():
            self.hosts[host] = HostCounts(
                counts["ok"], counts["changed"], counts["failures"], counts["unreachable"], counts["skipped"]
            )
            self._emit(EventKind.STATUS, f"{host}: {self.hosts[host]}")

    def _output(self, entry: Mapping[str, Any]) -> None:
        self.outputs.setdefault(entry["host"], {})[entry["name"]] = entry["value"]

    def _task(self, entry: Mapping[str, Any]) -> None:
        host, task, state = entry["host"], entry["task"], entry["state"]
        message = entry.get("message", "")
        if state == "changed":
            self.changed.append(ChangedTask(host, task, entry.get("diff", "")))
        if state in ("failed", "unreachable") and not entry.get("ignored"):
            self.failures.append(TaskFailure(host, task, message, unreachable=state == "unreachable"))
        text = ": ".join(part for part in (host, task, f"{state} {message}".strip()) if part)
        kind = EventKind.ERROR if state in ("failed", "unreachable") and not entry.get("ignored") else EventKind.TASK
        self._emit(kind, text, f"{host}: {task}", state, entry.get("diff", ""))
        for warning in entry.get("warnings", []):
            self._emit(EventKind.WARNING, f"{host}: {task}: {warning}", f"{host}: {task}")

    def _emit(self, kind: EventKind, text: str, subject: str = "", state: str = "", diff: str = "") -> None:
        if text:
            event = Event(
                time=now(), kind=kind, text=text, subject=subject, state=state, data={"diff": diff} if diff else {}
            )
            self.sink(self.redactor.event(event))

    def _complaint(self) -> list[str]:
        """From the first error on, without the traceback that may follow it."""
        first = next((n for n, line in enumerate(self.errors) if line.startswith("[ERROR]")), 0)
        last = next((n for n, line in enumerate(self.errors) if n > first and line.startswith("Traceback")), None)
        return self.errors[first:last]

    def result(self, play: RolePlay, ended: ToolResult) -> RoleResult:
        """What came of it, or why there is nothing to say about hosts."""
        doing = f"role {play.role}"
        if ended.interrupted or ended.exit_status < 0:
            how = "was killed" if ended.killed or ended.exit_status < 0 else "was stopped"
            why = ": its time was up" if ended.timed_out else ""
            killed = ended.killed or ended.exit_status < 0
            raise ToolInterruptedError(
                f"{doing} {how}{why}.", ended.exit_status, killed=killed, timed_out=ended.timed_out
            )
        if ended.exit_status and not (ended.exit_status in _HOSTS_FAILED and self.hosts):
            words = " ".join(self._complaint())[:1500] or f"ansible-playbook ended with {ended.exit_status}"
            raise ToolError(f"{doing}: {words}", ended.exit_status)
        return RoleResult(
            play.role,
            self.hosts,
            tuple(self.changed),
            tuple(self.failures),
            ended.exit_status,
            ended.seconds,
            play.check,
            self.outputs,
        )


def _drop(_line: str) -> None:
    """What ssh says at its end is of no interest."""
