"""Notices over an SNS topic."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any, Final

from workers.core import aws
from workers.core.errors import SettingError, ToolError
from workers.core.notice import Notice
from workers.core.notices import SnsChannel
from workers.core.values import digest_value
from workers.people.texts import Texts

_SUBJECT: Final = 100  # characters, SNS's own bound
_MESSAGE: Final = 200_000  # bytes, below SNS's own bound
_FOR_GOOD: Final = ("AuthorizationError", "NotFound", "InvalidParameter", "InvalidClientTokenId", "AccessDenied")


@dataclass(frozen=True)
class Sns:
    """Publishes each notice as a text; its event and environment are attributes, to be filtered by.

    Args:
        topic: where to.
        texts: what it says.
    """

    topic: SnsChannel
    texts: Texts
    name: str = "sns"

    async def send(self, notice: Notice) -> None:
        """Publish it.

        Raises:
            SettingError: AWS refuses us or the topic.
            ToolError: AWS did not take it; may help to try again.
        """
        await asyncio.to_thread(self._publish, notice)

    def _publish(self, notice: Notice) -> None:
        arn = self.topic.topic_arn
        ordered: dict[str, str] = {}
        if arn.endswith(".fifo"):
            ordered = {
                "MessageGroupId": notice.environment or "sluis",
                "MessageDeduplicationId": digest_value(asdict(notice)),
            }
        try:
            self._client().publish(
                TopicArn=arn,
                Subject=_ascii(notice.subject),
                Message=_cut(self.texts.render(notice, "txt")),
                MessageAttributes={
                    "event": {"DataType": "String", "StringValue": notice.event},
                    "environment": {"DataType": "String", "StringValue": notice.environment or "-"},
                },
                **ordered,
            )
        except aws.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            kind = SettingError if code in _FOR_GOOD else ToolError
            raise kind(f"SNS did not take the notice for {arn}: {code or error}") from error
        except aws.BotoCoreError as error:
            raise ToolError(f"SNS did not answer ({type(error).__name__}): {error}") from error

    def _client(self) -> Any:
        region = self.topic.topic_arn.split(":")[3]
        patience = {"connect_timeout": 10, "read_timeout": 20, "retries": {"max_attempts": 1}}
        return aws.client("sns", region_name=region, endpoint_url=self.topic.endpoint or None, config=patience)


def _ascii(subject: str) -> str:
    """The subject as SNS takes it: one line of printable ASCII that starts with a letter or digit."""
    line = " ".join(subject.split()).encode("ascii", "replace").decode().lstrip("?!-*. ")
    return line[:_SUBJECT] or "Sluis"


def _cut(text: str) -> str:
    return text.encode()[:_MESSAGE].decode(errors="ignore")
