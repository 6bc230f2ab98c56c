"""What the approval policy may decide by: facts that the worker takes from its own records, never from variables."""

from __future__ import annotations

from workers.core.environment import Environment
from workers.core.records import Change, Operation, Plan
from workers.core.values import JsonValue


def facts(change: Change, plan: Plan | None, environment: Environment, *, cleanup: bool) -> dict[str, JsonValue]:
    """The inputs of the decision table ``ChangePolicy``.

    Args:
        change: what is to be decided on.
        plan: its Terraform plan, where it has one.
        environment: where it is made.
        cleanup: it removes what a failed apply left in a stack that was empty before, as its approver was told.
    """
    counts = plan.counts if plan else None
    return {
        "kind": "expiry" if change.expires else "terraform" if plan else "ansible",
        "environment": environment.name,
        "stage": environment.stage.value,
        "operation": plan.operation.value if plan else Operation.APPLY.value,
        "creates": counts.create if counts else 0,
        "updates": counts.update if counts else 0,
        "replaces": counts.replace if counts else 0,
        "deletes": counts.delete if counts else 0,
        "roles": len(change.roles),
        "cleanup": cleanup,
    }


def is_cleanup(plan: Plan, failed: Plan | None, failed_run_state: str) -> bool:
    """Whether ``plan`` only removes what the failed apply of ``failed`` made in a stack that was empty before."""
    if failed is None or plan.operation is not Operation.DESTROY or failed.operation is not Operation.APPLY:
        return False
    only_deletes = plan.counts.total == plan.counts.delete
    return (
        failed.cleans_up
        and failed.empty_before
        and failed.stack == plan.stack
        and failed_run_state == "failed"
        and only_deletes
    )
