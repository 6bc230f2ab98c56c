"""Notices in Slack, over its Web API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from workers.core.errors import SettingError, ToolError
from workers.core.notice import Notice
from workers.core.notices import SlackChannel
from workers.core.values import Record
from workers.people.slack_blocks import Blocks, message, reason_form
from workers.people.texts import Texts

_SECONDS: Final = 15
_MAY_PASS: Final = ("ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout")


class Post(Record):
    """A message about a change that waits, to be brought up to date when it is decided."""

    environment: str
    change: str
    conversation: str
    time: str
    text: str


@dataclass(frozen=True)
class SlackApi:
    """The calls of Slack's Web API that we make.

    Args:
        app: the app.
        token: resolves its token when it is needed.
    """

    app: SlackChannel
    token: Callable[[], str]

    async def post(self, text: str, blocks: Blocks) -> tuple[str, str]:
        """Post a message; returns its conversation and time, by which Slack knows it."""
        said = await self._call("chat.postMessage", channel=self.app.conversation, text=text, blocks=blocks)
        return str(said["channel"]), str(said["ts"])

    async def update(self, post: Post, text: str, blocks: Blocks) -> None:
        """Replace a message."""
        await self._call("chat.update", channel=post.conversation, ts=post.time, text=text, blocks=blocks)

    async def whisper(self, conversation: str, user: str, text: str) -> None:
        """Say something that only one user sees."""
        await self._call("chat.postEphemeral", channel=conversation, user=user, text=text)

    async def ask_reason(self, trigger: str, change: str, conversation: str) -> None:
        """Open the form for a reason; Slack allows that for three seconds after a click."""
        await self._call("views.open", trigger_id=trigger, view=reason_form(change, conversation))

    async def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the API.

        Raises:
            SettingError: Slack refuses the app, the conversation or what we said.
            ToolError: Slack did not answer, or asks to wait.
        """
        client = WebClient(token=self.token(), base_url=self.app.address, timeout=_SECONDS)
        try:
            answer = await asyncio.to_thread(client.api_call, method, json=arguments)
        except SlackApiError as error:
            code = str(error.response.get("error", "")) or "no reason"
            kind = ToolError if code in _MAY_PASS or error.response.status_code >= 429 else SettingError  # noqa: PLR2004
            raise kind(f"Slack refuses {method}: {code}.") from error
        except (SlackClientError, OSError, ValueError) as error:
            raise ToolError(f"Slack did not answer {method} ({type(error).__name__}).") from error
        return dict(answer.data) if isinstance(answer.data, dict) else {}


@dataclass(frozen=True)
class Slack:
    """Posts notices into one conversation.

    Args:
        api: Slack.
        texts: what the message says.
        posted: keeps what is to be brought up to date later.
    """

    api: SlackApi
    texts: Texts
    posted: Callable[[Post], Awaitable[None]]
    name: str = "slack"

    async def send(self, notice: Notice) -> None:
        """Post it; with buttons where it is about a change that waits."""
        text = self.texts.render(notice, "txt")
        conversation, time = await self.api.post(notice.subject, message(notice, text))
        if notice.change:
            await self.posted(
                Post(
                    environment=notice.environment, change=notice.change, conversation=conversation, time=time,
                    text=text,
                )
            )  # fmt: skip
