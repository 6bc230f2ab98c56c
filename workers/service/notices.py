"""The channels of an installation, made as the environment file says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from workers.core.environment import Environment
from workers.core.notice import Notice
from workers.handlers.ports import Channel
from workers.people.log import LogChannel
from workers.people.mail import Mail
from workers.people.slack import Slack
from workers.people.sns import Sns
from workers.people.tasklist import ProcessStarter, TasklistChannel
from workers.people.texts import Texts
from workers.service.assembly import Assembly
from workers.service.slack import Posts, api_of


@dataclass(frozen=True)
class EnvironmentChannels:
    """See `workers.handlers.ports.Channels`. The log is always told.

    Args:
        assembly: the parts.
        starter: starts the process that shows a notice in Tasklist.
    """

    assembly: Assembly
    starter: ProcessStarter

    def __call__(self, environment: Environment | None, notice: Notice) -> tuple[Channel, ...]:
        """The log, and what the preferences of the environment name."""
        if environment is None:
            return (LogChannel(), TasklistChannel(self.starter, self.assembly.context.pages))
        wanted = environment.notices.over(notice, environment.people.groups)
        return (LogChannel(), *(self._channel(name, environment) for name in wanted))

    def _channel(self, name: str, environment: Environment) -> Channel:
        notices, texts = environment.notices, Texts(self.assembly.context.project / "notices")
        if name == "mail" and notices.mail:
            password = self._secret(notices.mail.password or "")
            return Mail(notices.mail, password, texts, partial(recipients, environment))
        if name == "sns" and notices.sns:
            return Sns(notices.sns, texts)
        if name == "slack" and notices.slack:
            return Slack(api_of(self.assembly, environment), texts, Posts(self.assembly).keep)
        return TasklistChannel(self.starter, self.assembly.context.pages)

    def _secret(self, reference: str) -> Callable[[], str]:
        return partial(self.assembly.context.secrets.value, reference)


def recipients(environment: Environment, notice: Notice) -> tuple[str, ...]:
    """The mail addresses that a notice goes to."""
    members = environment.people.members(notice.group) if notice.group else ()
    return environment.notices.mail_addresses(notice, members)
