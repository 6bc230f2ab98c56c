"""Deciding in Slack: who a user is, what they may, and messages that show what was decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from workers.approvals.eyes import verdict
from workers.approvals.statements import Person
from workers.core.environment import Environment
from workers.core.errors import BusyError, DeniedError, NotFoundError, SettingError, SluisError
from workers.core.records import Decision
from workers.core.values import digest_bytes
from workers.engine.rest import OrchestrationRest
from workers.people.slack import Post, SlackApi
from workers.people.slack_blocks import decided
from workers.runs.records import encode, read_record
from workers.service.assembly import Assembly
from workers.service.decisions import OpenTask, decide_for, open_tasks
from workers.web.slack import Click

_POSTS: Final = "notices/slack-posts"
_DIGEST: Final = 64


@dataclass(frozen=True)
class Posts:
    """The messages in Slack about changes that wait."""

    assembly: Assembly

    async def keep(self, post: Post) -> None:
        """Remember a message."""
        await self.assembly.store.write(f"{_POSTS}/{post.change}", encode(post))

    async def refresh(self) -> None:
        """Show in each message what was decided, wherever that was, and forget those that are decided."""
        for key in await self.assembly.store.keys(_POSTS):
            try:
                await self._refresh(key)
            except SluisError as error:
                structlog.get_logger().warning("slack.not_updated", message=key, reason=str(error))

    async def _refresh(self, key: str) -> None:
        post = await read_record(self.assembly.store, Post, key)
        outcome = await self._outcome(post.change) if post else ""
        if post and outcome:
            api = api_of(self.assembly, self.assembly.context.environment(post.environment))
            await api.update(post, outcome, decided(post.text, outcome))
            await self.assembly.store.delete(key)

    async def _outcome(self, change: str) -> str:
        """Who decided what; empty while the change waits."""
        changes = self.assembly.context.changes
        policy, approvals = await changes.policy(change), await changes.approvals(change)
        found = verdict(policy, approvals) if policy else None
        if found is None or found.state == "more":
            return ""
        if found.state == "approved":
            return f"Approved by {', '.join(found.approvers)}."
        last = next(a for a in approvals if a.counts and a.decision in (Decision.REJECTED, Decision.EXPIRED))
        return f"Rejected by {last.approver or 'nobody'}: {found.note}"


def api_of(assembly: Assembly, environment: Environment) -> SlackApi:
    """Slack as the environment's app.

    Raises:
        SettingError: the environment has none.
    """
    app = environment.notices.slack
    if app is None:
        raise SettingError(f"Environment {environment.name} has no Slack app.", "Set notices.slack in its file.")
    return SlackApi(app, partial(assembly.context.secrets.value, app.token))


@dataclass(frozen=True)
class EngineSlackDesk:
    """See `workers.web.slack.SlackDesk`.

    Args:
        assembly: the parts.
        rest: the engine, signed in as the service.
    """

    assembly: Assembly
    rest: OrchestrationRest

    def signing_secret(self, environment: str) -> str:
        """See `SlackDesk.signing_secret`."""
        app = self.assembly.context.environment(environment).notices.slack
        if app is None:
            raise SettingError(f"Environment {environment} has no Slack app.")
        return self.assembly.context.secrets.value(app.signing_secret)

    async def first_time(self, signature: str) -> bool:
        """See `SlackDesk.first_time`."""
        return await self.assembly.store.create(f"notices/slack-seen/{digest_bytes(signature.encode())}", b"seen")

    async def ask_reason(self, click: Click) -> None:
        """See `SlackDesk.ask_reason`."""
        await self._api(click).ask_reason(click.trigger, click.change, click.conversation)

    async def decide(self, click: Click) -> None:
        """See `SlackDesk.decide`."""
        try:
            words = await self._decide(click)
        except SluisError as error:
            words = str(error)
            structlog.get_logger().warning("slack.not_decided", user=click.user, change=click.change, reason=words)
        await self._api(click).whisper(click.conversation, click.user, words)

    async def _decide(self, click: Click) -> str:
        environment = self.assembly.context.environment(click.environment)
        name = environment.notices.slack_person(click.user)
        if not name:
            raise DeniedError(
                f"Slack user {click.user} is nobody that we know in {environment.name}.",
                "Somebody has to add them to notices.contacts.",
            )
        task = await self._task(click)
        person = Person(name, "slack", f"{click.team}/{click.user}")
        await decide_for(self.assembly, self.rest, task, person, click.decision, click.reason)
        return f"You have {click.decision.value} it as {name}."

    async def _task(self, click: Click) -> OpenTask:
        """The open task about the change.

        Raises:
            NotFoundError: the app's environment has no such change.
            BusyError: it waits no more.
        """
        change = await self.assembly.context.changes.find(click.change) if len(click.change) == _DIGEST else None
        if change is None or change.environment != click.environment:
            raise NotFoundError(f"Environment {click.environment} has no such change.")
        tasks = await open_tasks(self.assembly, self.rest)
        task = next((t for t in tasks if t.change == click.change), None)
        if task is None:
            raise BusyError("This change does not wait for a decision any more.")
        return task

    def _api(self, click: Click) -> SlackApi:
        return api_of(self.assembly, self.assembly.context.environment(click.environment))
