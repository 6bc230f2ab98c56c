"""A stack of a small module, planned and applied by the real handlers and the real tool, to be looked at."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docs_reading import PROJECT
from handlers_kit import Lease, context, job
from workers.core.job import Done, Outcome
from workers.core.records import Policy
from workers.core.values import now
from workers.execution.terraform import TerraformTool
from workers.handlers.context import Context
from workers.handlers.terraform import terraform_workers
from workers.setup.tofu import Tofu

NOTE = PROJECT / "docs" / "tutorial" / "note" / "terraform" / "modules" / "note"
SECRET = 'variable "pin" {\n  type      = string\n  default   = ""\n  sensitive = true\n}\n'
KEPT = 'resource "terraform_data" "pin" {\n  input = var.pin\n}\n'


@dataclass
class Desk:
    """The handlers of the module ``note`` over a store of their own.

    Attributes:
        context: what they work with.
        folder: where the notes are written.
    """

    context: Context
    folder: Path
    key: int = 0

    async def do(self, verb: str, **variables: Any) -> Outcome:
        """The outcome of a job on the stack local/one."""
        self.key += 1
        kind = f"terraform.note.{verb}"
        worker = next(w for w in terraform_workers(self.context, "note") if w.type == kind)
        return await worker.handler(
            job(kind, self.key, environment="local", stack="one", module="note", **variables), Lease()
        )

    async def apply(self, **inputs: Any) -> None:
        """Plan and apply the stack, with a policy that asks nobody."""
        planned = await self.do("plan", inputs={"path": str(self.folder / "note.txt"), **inputs})
        assert isinstance(planned, Done), planned
        change = planned.variables["plan"]["change"]  # type: ignore[index,call-overload]
        policy = Policy(change=change, approvals=0, group="approvers", created=now())  # type: ignore[arg-type]
        await self.context.changes.set_policy(policy)
        applied = await self.do("apply", change=change)
        assert isinstance(applied, Done), applied

    async def drift(self, **variables: Any) -> dict[str, Any]:
        """What a drift job gives."""
        outcome = await self.do("drift", **variables)
        assert isinstance(outcome, Done), outcome
        return outcome.variables["drift"]  # type: ignore[return-value]


async def desk(folder: Path, tofu: Tofu, edit: Callable[[Path], None] | None = None) -> Desk:
    """The handlers, with a copy of the module."""
    tool = await TerraformTool.probe(tofu.path, tofu.cli_config)
    found = replace(context(folder), terraform=lambda: tool)
    module = found.project / "terraform" / "modules" / "note"
    shutil.copytree(NOTE, module)
    (module / "secret.tf").write_text(SECRET + KEPT)
    if edit:
        edit(module)
    (folder / "notes").mkdir()
    return Desk(found, folder / "notes")
