"""``expiry.plan``, ``expiry.set`` and ``expiry.check``: until when a stack is to be there.

The date is kept in the stack's record. The first date and an earlier one count at once; a later one is a change that
people approve. A process waits for the date, with the engine's timers; of several that wait for one stack the last one
that began looks after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from workers.approvals.eyes import verdict
from workers.core.errors import InputError, NotFoundError
from workers.core.job import BpmnErrorCode, Done, Job, JobWorker, Outcome
from workers.core.moments import moment_text, read_duration, read_moment
from workers.core.records import Change, StackId, StackRecord
from workers.core.values import JsonValue, now
from workers.handlers.attempt import Attempt, Recorded, parse, refused
from workers.handlers.context import Context
from workers.handlers.stack import StackRequest, stack_subject

_GONE = ("planned", "destroyed")


class DateRequest(StackRequest):
    """Variables of ``expiry.plan``."""

    expires: str


class SetRequest(StackRequest):
    """Variables of ``expiry.set``."""

    change: str


class LookRequest(StackRequest):
    """Variables of ``expiry.check``."""

    remind_before: str = Field("P7D", alias="remindBefore")
    begin: bool = False


def expiry_workers(context: Context) -> tuple[JobWorker, ...]:
    """The job workers of this module."""
    planning = Recorded(context, PlanExpiry(context), BpmnErrorCode.REQUEST_INVALID, stack_subject)
    setting = Recorded(context, SetExpiry(context), BpmnErrorCode.REQUEST_INVALID, stack_subject)
    looking = Recorded(context, CheckExpiry(context), BpmnErrorCode.REQUEST_INVALID, stack_subject)
    return (
        JobWorker("expiry.plan", planning),
        JobWorker("expiry.set", setting),
        JobWorker("expiry.check", looking),
    )


@dataclass(frozen=True)
class PlanExpiry:
    """Holds a date against the one that is written down, and keeps the change to decide on."""

    context: Context

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Make the change, and say whether it lies within what was agreed."""
        request = parse(DateRequest, attempt.job, "end date")
        record = await _there(self.context, request.id)
        expires = _moment(request.expires)
        later = is_later(expires, record)
        if later and expires <= now():
            raise InputError("end date", (f"expires: {moment_text(expires)} is over",))
        change = Change(
            environment=request.environment,
            stack=str(request.id),
            process_instance=attempt.job.process_instance,
            check=str(attempt.job.key),
            expires=expires,
        )
        await self.context.changes.save(change)
        before, wanted = moment_text(record.expires), moment_text(expires)
        return Done(
            {
                "plan": {
                    "change": change.digest,
                    "within": not later,
                    "expires": wanted,
                    "before": before,
                    "summary": f"to end at {wanted} instead of {before}" if before else f"to end at {wanted}",
                    "markdown": _markdown(request.id, before, wanted),
                    "run": attempt.run.id,
                }
            }
        )


@dataclass(frozen=True)
class SetExpiry:
    """Writes an end date into a stack's record; a later one only with its approval."""

    context: Context

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Check that the change holds and is approved where it must be, and write the date down."""
        request = parse(SetRequest, attempt.job, "end date")
        record = await _there(self.context, request.id)
        change = await self.context.changes.find(request.change)
        why_not = await self._refusal(attempt.job, request.id, record, change)
        if why_not or change is None or change.expires is None:
            return refused(BpmnErrorCode.PLAN_STALE, why_not, attempt.run.id)
        changed, wanted = record.expires != change.expires, moment_text(change.expires)
        if changed:
            await self.context.stacks.save(record.model_copy(update={"expires": change.expires, "updated": now()}))
            await self.context.audit.add(
                str(request.id), self.context.runs.worker, "end-date-set", change=change.digest, expires=wanted,
                before=moment_text(record.expires), run=attempt.run.id,
            )  # fmt: skip
        summary = f"ends at {wanted}"
        return Done({"expiry": {"changed": changed, "change": change.digest, "expires": wanted, "summary": summary}})

    async def _refusal(self, job: Job, stack: StackId, record: StackRecord, change: Change | None) -> str:
        """Why the date may not be written down; empty where it may."""
        if change is None or change.expires is None or change.stack != str(stack):
            return f"The store holds no such change of the end of {stack}."
        if change.process_instance != job.process_instance:
            return "The change was made for another process instance."
        if not is_later(change.expires, record):
            return ""
        policy = await self.context.changes.policy(change.digest)
        if policy is None or policy.denied:
            return f"{stack} ends at {moment_text(record.expires)}; nobody has agreed to a later date."
        found = verdict(policy, await self.context.changes.approvals(change.digest))
        return "" if found.state == "approved" else "The later date is not approved."


@dataclass(frozen=True)
class CheckExpiry:
    """Says what is due for a stack with an end date."""

    context: Context

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Look the stack up; where the waiting begins, note which process waits."""
        request = parse(LookRequest, attempt.job, "end date")
        environment = self.context.environment(request.environment)
        before = _duration(request.remind_before)
        record = await self.context.stacks.find(request.id)
        instance = attempt.job.process_instance
        if record is not None and request.begin:
            record = record.model_copy(update={"expiry_watch": instance, "updated": now()})
            await self.context.stacks.save(record)
        due = what_is_due(record, instance, before, now())
        expires = record.expires if record else None
        answer: JsonValue = {
            "due": due,
            "expires": moment_text(expires),
            "remindAt": moment_text(expires - before) if expires else None,
            "approvers": environment.people.approvers,
        }
        return Done({"expiry": answer})


def is_later(expires: datetime, record: StackRecord) -> bool:
    """Whether a date lies after the one that is written down; no stack ends later than never."""
    return record.expires is not None and expires > record.expires


def what_is_due(record: StackRecord | None, instance: int, before: timedelta, moment: datetime) -> str:
    """What the waiting process does next: ``wait``, ``reminder``, ``end``, or ``nothing`` any more.

    Args:
        record: the stack, where it is known.
        instance: the process that asks.
        before: how long before the end people are reminded.
        moment: the present.
    """
    if record is None or record.state in _GONE or record.expires is None or record.expiry_watch != instance:
        return "nothing"
    if moment >= record.expires:
        return "end"
    return "reminder" if moment >= record.expires - before else "wait"


async def _there(context: Context, stack: StackId) -> StackRecord:
    record = await context.stacks.get(stack)
    if record.state in _GONE:
        raise NotFoundError(f"Stack {stack} is {record.state}: there is nothing that could end.")
    return record


def _moment(text: str) -> datetime:
    try:
        return read_moment(text)
    except ValueError as error:
        raise InputError("end date", (f"expires: {error}",)) from error


def _duration(text: str) -> timedelta:
    try:
        return read_duration(text)
    except ValueError as error:
        raise InputError("end date", (f"remindBefore: {error}",)) from error


def _markdown(stack: StackId, before: str | None, wanted: str | None) -> str:
    return f"| Stack | Ends now | Would end |\n|---|---|---|\n| `{stack}` | {before or 'never'} | **{wanted}** |\n"
