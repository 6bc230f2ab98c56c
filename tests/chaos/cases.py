"""A case: one process instance with one change to a stack or host of its own, and where something breaks in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DONE, FAILED, CANCELLED = "EndEvent_Done", "EndEvent_Failed", "cancelled"
ANSIBLE = "AnsibleChange"
GATES = ("plan", "apply", "check", "run")


@dataclass
class Case:
    """One change, and where something is to break in it.

    Attributes:
        name: name of its stack or host.
        fault: what is done to it, for the table.
        at: a gate (``plan``, ``apply``, ``check``, ``run``), ``review``, or a point of the store (see ``points``).
        block: TerraformChange or AnsibleChange.
        effects: how often the change may have been made in the end.
        end: where the process has to end.
        stack: its stack where that is another case's too; else its own.
        taken_over: the tool ends although its worker is dead, and the next worker takes its result over.
        approvals: how often people may be asked; 0 for as often as it takes.
        lost: what must not have happened, filled in by ``judging.judge``.
    """

    name: str
    fault: str
    at: str
    block: str = "TerraformChange"
    effects: tuple[int, ...] = (1,)
    end: str = DONE
    stack: str = ""
    taken_over: bool = False
    approvals: int = 0
    instance: int = 0
    ended: str = ""
    lost: list[str] = field(default_factory=list)

    @property
    def is_terraform(self) -> bool:
        return self.block == "TerraformChange"

    @property
    def subject(self) -> str:
        """How the store names what it changes."""
        return f"chaos/{self.stack or self.name}" if self.is_terraform else f"chaos/host-{self.name}"

    @property
    def effect(self) -> str:
        """The pass that changes something."""
        return "apply" if self.is_terraform else "run"


def points(case: Case) -> dict[str, Any] | None:
    """Where in the store's writes the worker stands still for this case; None where it waits at a gate instead."""
    if case.at in ("", "review", *GATES):
        return None
    job, _, moment = case.at.partition(" ")
    kind = f"terraform.chaos_probe.{job}" if case.is_terraform else f"ansible.chaos_probe.{job}"
    run = f'"job_type": "{kind}".*"stack": "{case.subject}".*'
    found = {
        "not yet recorded": ("runs/.*/run.json", run + '"state": "created"', "before"),
        "recorded": ("runs/.*/run.json", run + '"state": "created"', "after"),
        "begun": ("runs/.*/run.json", run + '"state": "running"', "after"),
        "plan marked as used": (f"stacks/{case.subject}.json", '"state": "half-made"', "before"),
        "tool ended": (f"stacks/{case.subject}.json", '"state": "applied"', "before"),
        "result not yet kept": ("runs/.*/run.json", run + '"state": "finished"', "before"),
        "result kept": ("runs/.*/run.json", run + '"state": "finished"', "after"),
        "outcome sent": ("runs/.*/run.json", run + '"reported": true', "before"),
    }[moment]
    return dict(zip(("key", "content", "when"), found, strict=True)) | {"name": case.name}
