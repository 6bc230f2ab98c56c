"""Telling people of reviews: that one waits for them, and that a change was approved."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from workers.approvals.eyes import verdict
from workers.core.environment import Environment
from workers.core.notice import Notice, NoticeEvent
from workers.core.values import Record, now
from workers.engine.rest import OrchestrationRest
from workers.handlers.notify import Telling
from workers.handlers.ports import Channels
from workers.runs.records import encode, read_record
from workers.service.assembly import Assembly
from workers.service.decisions import REVIEW_ELEMENT, OpenTask, described
from workers.service.slack import Posts

_REVIEWS: Final = "notices/reviews"
_LOOK_SECONDS: Final = 10.0
_FORGOTTEN: Final = timedelta(days=90)


class Review(Record):
    """A change of which people were told that it waits."""

    environment: str
    change: str
    stack: str
    run: str
    requester: str
    created: datetime


@dataclass
class ReviewWatch:
    """Tells approvers of reviews that were opened, and keeps messages about them up to date.

    Args:
        assembly: the parts.
        rest: the engine.
        channels: the ways to tell people.
    """

    assembly: Assembly
    rest: OrchestrationRest
    channels: Channels
    _seen: frozenset[int] = field(default=frozenset())

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may do better
                structlog.get_logger().warning("reviews.not_told", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Tell of reviews that are new, and show what was decided."""
        tasks = await self.rest.user_tasks(state="CREATED", element=REVIEW_ELEMENT, limit=1000)
        fresh = [task for task in tasks if task.key not in self._seen]
        async for task in described(self.assembly, self.rest, fresh):
            if task.change and task.policy:
                await self._tell(task)
        self._seen = frozenset(task.key for task in tasks)
        await Posts(self.assembly).refresh()
        await self._follow()

    async def _tell(self, task: OpenTask) -> None:
        environment = self.assembly.context.environment(str(task.policy.facts["environment"]) if task.policy else "")
        notice = wanted(task, environment.name, self.assembly.context.pages)
        review = Review(
            environment=environment.name, change=task.change, stack=task.stack, run=task.run, requester=task.requester,
            created=now(),
        )  # fmt: skip
        await self.assembly.store.create(f"{_REVIEWS}/{task.change}", encode(review))
        await self._send(f"review-{task.change}", environment, notice)

    async def _follow(self) -> None:
        """Tell of changes that were approved since they were asked for. Of rejections the models tell."""
        store, changes = self.assembly.store, self.assembly.context.changes
        for key in await store.keys(_REVIEWS):
            review = await read_record(store, Review, key)
            policy = await changes.policy(review.change) if review else None
            if review is None or policy is None:
                continue
            found = verdict(policy, await changes.approvals(review.change))
            if found.state == "approved":
                environment = self.assembly.context.environment(review.environment)
                notice = approved(review, ", ".join(found.approvers), self.assembly.context.pages)
                await self._send(f"approved-{review.change}", environment, notice)
            if found.state != "more" or now() - review.created > _FORGOTTEN:
                await store.delete(key)

    async def _send(self, mark: str, environment: Environment, notice: Notice) -> None:
        # The review itself is in Tasklist.
        channels = tuple(c for c in self.channels(environment, notice) if c.name != "tasklist")
        for name, said in (await Telling(self.assembly.context).tell(mark, notice, channels)).items():
            if str(said).startswith("failed"):
                structlog.get_logger().warning("reviews.not_told", channel=name, mark=mark, reason=said)


def wanted(task: OpenTask, environment: str, pages: str) -> Notice:
    """The notice that a decision is wanted; leads to the run's page where there are pages, else to Tasklist."""
    asked = f" Asked for by {task.requester}." if task.requester else ""
    return Notice(
        event=NoticeEvent.APPROVAL_WANTED,
        subject=f"Approval wanted: {task.stack or environment}",
        message=f"{task.summary}{asked}",
        environment=environment,
        run=task.run,
        group=task.policy.group if task.policy else "",
        change=task.change,
        link=f"{pages}/runs/{task.run}" if pages and task.run else task.tasklist,
    )


def approved(review: Review, approvers: str, pages: str) -> Notice:
    """The notice to the requester that their change was approved."""
    return Notice(
        event=NoticeEvent.APPROVED,
        subject=f"Approved: {review.stack or review.environment}",
        message=f"Approved by {approvers}. What was approved is made now.",
        environment=review.environment,
        run=review.run,
        assignee=review.requester,
        link=f"{pages}/runs/{review.run}" if pages and review.run else "",
    )
