"""``notify.send``: tell people, once per event and channel. A channel that fails never fails the process."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from workers.core.errors import SluisError
from workers.core.events import EventKind
from workers.core.job import BpmnErrorCode, Done, Job, JobWorker, Outcome
from workers.core.notice import Notice
from workers.core.values import JsonValue
from workers.handlers.attempt import Attempt, Recorded, parse
from workers.handlers.context import Context
from workers.handlers.ports import Channel
from workers.handlers.rules import Rules, requester_of


class NoticeRequest(BaseModel):
    """Variables of ``notify.send``."""

    event: str
    subject: str
    message: str = ""
    environment: str = ""
    run: str = ""
    group: str = ""


def notify_workers(rules: Rules, channels: tuple[Channel, ...]) -> tuple[JobWorker, ...]:
    """The job workers of this module."""
    work = Sending(rules.context, rules, channels)
    handler = Recorded(rules.context, work, BpmnErrorCode.REQUEST_INVALID, _no_subject, locked=False)
    return (JobWorker("notify.send", handler),)


@dataclass(frozen=True)
class Sending:
    """Sends a notice over every channel."""

    context: Context
    rules: Rules
    channels: tuple[Channel, ...]

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Send over each channel that has not been told of this event yet."""
        request = parse(NoticeRequest, attempt.job, "notify.send")
        notice = Notice(**request.model_dump(), assignee="" if request.group else await self._addressee(attempt.job))
        sent = {channel.name: await self._send(attempt, channel, notice) for channel in self.channels}
        return Done({"notice": {"channels": sent}})

    async def _addressee(self, job: Job) -> str:
        try:
            return await requester_of(self.rules, job.process_instance) or ""
        except SluisError:
            return ""

    async def _send(self, attempt: Attempt, channel: Channel, notice: Notice) -> JsonValue:
        mark = f"notices/{attempt.job.element_instance}/{channel.name}"
        if not await self.context.store.create(mark, notice.event.encode()):
            return "sent before"
        try:
            await channel.send(notice)
        except Exception as error:  # noqa: BLE001 - whatever a channel does, the process goes on and the reason is kept
            await self.context.store.delete(mark)
            attempt.log.say(f"{channel.name}: {error}", EventKind.WARNING)
            return f"failed: {error}"[:500]
        return "sent"


def _no_subject(job: Job) -> tuple[str, ...]:  # noqa: ARG001 - a subject function's form
    return ()
