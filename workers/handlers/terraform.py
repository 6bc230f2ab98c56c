"""The job workers of a Terraform module."""

from __future__ import annotations

from workers.core.job import BpmnErrorCode, JobWorker, Pool
from workers.handlers.apply import Applying
from workers.handlers.attempt import Recorded
from workers.handlers.context import Context
from workers.handlers.drift import Drifting
from workers.handlers.plan import Planning
from workers.handlers.stack import stack_subject


def terraform_workers(context: Context, module: str) -> tuple[JobWorker, ...]:
    """The job workers of one module."""
    applying = Applying(context, module)
    plan = Recorded(context, Planning(context, module), BpmnErrorCode.PLAN_FAILED, stack_subject)
    apply = Recorded(
        context,
        applying,
        BpmnErrorCode.APPLY_FAILED,
        stack_subject,
        repeatable=False,
        take_over=applying.take_over,
    )
    drift = Recorded(context, Drifting(context, module), BpmnErrorCode.PLAN_FAILED, stack_subject)
    return (
        JobWorker(f"terraform.{module}.plan", plan, Pool.TERRAFORM),
        JobWorker(f"terraform.{module}.apply", apply, Pool.TERRAFORM),
        JobWorker(f"terraform.{module}.drift", drift, Pool.TERRAFORM),
    )
