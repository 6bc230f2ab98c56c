"""``notify.send``: tell people, once per event and channel. A channel that fails never fails the process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import BaseModel

from workers.core.environment import Environment
from workers.core.errors import SluisError
from workers.core.events import EventKind
from workers.core.job import BpmnErrorCode, Done, Job, JobWorker, Outcome
from workers.core.notice import Notice
from workers.core.values import JsonValue
from workers.handlers.attempt import Attempt, Recorded, parse
from workers.handlers.context import Context
from workers.handlers.ports import Channel, Channels
from workers.handlers.rules import Rules, requester_of
from workers.people.retry import patiently

_WAITS = (1.0, 4.0, 10.0)


class NoticeRequest(BaseModel):
    """Variables of ``notify.send``."""

    event: str
    subject: str
    message: str = ""
    environment: str = ""
    run: str = ""
    group: str = ""


def notify_workers(rules: Rules, channels: Channels) -> tuple[JobWorker, ...]:
    """The job workers of this module."""
    work = Sending(rules.context, rules, channels)
    handler = Recorded(rules.context, work, BpmnErrorCode.REQUEST_INVALID, _no_subject, locked=False)
    return (JobWorker("notify.send", handler),)


@dataclass(frozen=True)
class Sending:
    """Sends a notice over every channel that the environment's preferences name.

    Args:
        context: what handlers work with.
        rules: know who asked.
        channels: the ways to tell people.
        waits: seconds before each further try of a channel.
    """

    context: Context
    rules: Rules
    channels: Channels
    waits: tuple[float, ...] = _WAITS

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Send over each channel that has not been told of this event yet."""
        request = parse(NoticeRequest, attempt.job, "notify.send")
        assignee = "" if request.group else await self._addressee(attempt.job)
        notice = Notice(**request.model_dump(), assignee=assignee, link=self._page(request.run))
        telling = Telling(self.context, self.waits)
        mark = str(attempt.job.element_instance)
        sent = await telling.tell(mark, notice, self.channels(self._environment(attempt, notice), notice))
        for name, said in sent.items():
            if str(said).startswith("failed"):
                attempt.log.say(f"{name}: {said}", EventKind.WARNING)
        return Done({"notice": {"channels": sent}})

    def _page(self, run: str) -> str:
        pages = self.context.pages
        return f"{pages}/runs/{run}" if pages and run else ""

    def _environment(self, attempt: Attempt, notice: Notice) -> Environment | None:
        try:
            return self.context.environment(notice.environment) if notice.environment else None
        except SluisError as error:
            attempt.log.say(f"The environment's own channels are left out: {error}", EventKind.WARNING)
            return None

    async def _addressee(self, job: Job) -> str:
        try:
            return await requester_of(self.rules, job.process_instance) or ""
        except SluisError:
            return ""


@dataclass(frozen=True)
class Telling:
    """Sends notices, once per mark and channel.

    Args:
        context: holds the marks and the audit trail.
        waits: seconds before each further try of a channel.
    """

    context: Context
    waits: tuple[float, ...] = _WAITS

    async def tell(self, mark: str, notice: Notice, channels: tuple[Channel, ...]) -> dict[str, JsonValue]:
        """What became of each channel: ``sent``, ``sent before`` or ``failed: …``."""
        said = await asyncio.gather(*(self._send(mark, channel, notice) for channel in channels))
        return {channel.name: words for channel, words in zip(channels, said, strict=True)}

    async def _send(self, mark: str, channel: Channel, notice: Notice) -> str:
        key = f"notices/{mark}/{channel.name}"
        if not await self.context.store.create(key, notice.event.encode()):
            return "sent before"
        try:
            await patiently(lambda: channel.send(notice), self.waits)
        except Exception as error:  # noqa: BLE001 - whatever a channel does, the process goes on and the reason is kept
            await self.context.store.delete(key)
            words = f"failed: {error}"[:500]
            await self._keep_failure(channel.name, notice, words)
            return words
        return "sent"

    async def _keep_failure(self, channel: str, notice: Notice, words: str) -> None:
        run = await self.context.runs.find(notice.run) if notice.run else None
        subject = run.stack if run and len(run.stack.split()) == 1 else f"{notice.environment or 'sluis'}/notices"
        await self.context.audit.add(
            subject, self.context.runs.worker, "not-told", channel=channel, about=notice.event, reason=words
        )


def _no_subject(job: Job) -> tuple[str, ...]:  # noqa: ARG001 - a subject function's form
    return ()
