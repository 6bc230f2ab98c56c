"""Who is told of what, and over which channels: the section ``notices`` of an environment file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from workers.core.names import Name, SecretReference
from workers.core.notice import Notice, NoticeEvent
from workers.core.values import Record

ChannelName = Literal["mail", "slack", "sns", "tasklist"]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s,<>\"]+@[^@\s,<>\"]+$")]


class Contact(Record):
    """Where one person is reached."""

    mail: Address | None = Field(None, description="Their e-mail address.")
    slack: Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]+$")] | None = Field(
        None, description="Their Slack user id, e.g. U012AB3CD. What this user says in Slack, the person says."
    )


class MailChannel(Record):
    """An SMTP server to send through. The connection is encrypted before anything is said."""

    host: str = Field(description="Host name, which its certificate must carry.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(587, description="Port.")
    tls: Literal["starttls", "implicit"] = Field(
        "starttls", description="'implicit': TLS from the first byte, usually at port 465."
    )
    ca_file: str = Field("", description="Certificate authorities to trust in place of the machine's own.")
    user: str = Field("", description="User to sign in as; empty: without signing in.")
    password: SecretReference | None = Field(None, description="Their password.")
    sender: Address = Field(description="Address that mail comes from.")
    to: tuple[Address, ...] = Field((), description="Who gets every mail, beside the persons it is for.")

    @model_validator(mode="after")
    def _user_has_a_password(self) -> MailChannel:
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password are given together or not at all")
        return self


class SnsChannel(Record):
    """An SNS topic, written to with the worker's own AWS identity."""

    topic_arn: Annotated[str, StringConstraints(pattern=r"^arn:[\w-]+:sns:[a-z0-9-]+:\d{12}:[\w-]+(\.fifo)?$")] = Field(
        description="The topic."
    )
    endpoint: str = Field("", description="Another SNS endpoint; for tests and private endpoints.")


class SlackChannel(Record):
    """A Slack app that posts into one conversation and takes decisions there."""

    token: SecretReference = Field(description="The app's bot token (xoxb-…), with the scope chat:write.")
    signing_secret: SecretReference = Field(description="The app's signing secret; what it does not sign is refused.")
    conversation: str = Field(description="Id of the conversation to post into, e.g. C012AB3CD.")
    address: str = Field("https://slack.com/api/", description="Another address of Slack's Web API; for tests.")


class Preference(Record):
    """Which events, for which group, go over which channels."""

    events: tuple[NoticeEvent, ...] = Field((), description="Events; empty: all.")
    group: Name | Literal[""] = Field("", description="Only what is for this group or one of its members; empty: all.")
    over: tuple[ChannelName, ...] = Field(description="Channels; may be empty, for silence.")


class Notices(Record):
    """How people of the environment are told."""

    mail: MailChannel | None = Field(None, description="E-mail.")
    slack: SlackChannel | None = Field(None, description="Slack.")
    sns: SnsChannel | None = Field(None, description="Amazon SNS.")
    contacts: dict[str, Contact] = Field({}, description="Where people are reached, by their engine user names.")
    tell: tuple[Preference, ...] = Field(
        (),
        description="Who is told of what: each entry that fits adds its channels. Empty: everything over all channels.",
    )

    @property
    def channels(self) -> tuple[ChannelName, ...]:
        """The channels that are there."""
        own: Mapping[ChannelName, object] = {"mail": self.mail, "slack": self.slack, "sns": self.sns}
        return ("tasklist", *(name for name, channel in own.items() if channel))

    def over(self, notice: Notice, groups: Mapping[str, Collection[str]]) -> tuple[ChannelName, ...]:
        """The channels over which a notice goes.

        Args:
            notice: what is told.
            groups: members of each group.
        """
        fitting = [p for p in self.tell if _fits(p, notice, groups)]
        wanted = {name for p in fitting for name in p.over} if self.tell else {*self.channels}
        return tuple(name for name in self.channels if name in wanted)

    def mail_addresses(self, notice: Notice, members: Collection[str]) -> tuple[str, ...]:
        """Whom a notice is mailed to: everybody who gets all, its addressee, and the members of its group."""
        people = (notice.assignee, *members)
        theirs = (self.contacts[p].mail for p in people if p in self.contacts)
        always = self.mail.to if self.mail else ()
        return tuple(dict.fromkeys(a for a in (*always, *theirs) if a))

    def slack_person(self, user: str) -> str:
        """Who a Slack user is; empty where nobody is known by that id."""
        return next((name for name, contact in self.contacts.items() if contact.slack == user), "")

    @model_validator(mode="after")
    def _channels_exist(self) -> Notices:
        for number, preference in enumerate(self.tell):
            absent = sorted({*preference.over} - {*self.channels})
            if absent:
                raise ValueError(f"tell.{number}.over: {', '.join(absent)} is not set up under notices")
        return self

    @model_validator(mode="after")
    def _slack_users_are_one_person(self) -> Notices:
        seen: dict[str, str] = {}
        for name, contact in self.contacts.items():
            if contact.slack and seen.setdefault(contact.slack, name) != name:
                raise ValueError(f"contacts: {seen[contact.slack]} and {name} have the same Slack user {contact.slack}")
        return self


def _fits(preference: Preference, notice: Notice, groups: Mapping[str, Collection[str]]) -> bool:
    if preference.events and notice.event not in preference.events:
        return False
    if not preference.group or notice.group == preference.group:
        return True
    return not notice.group and notice.assignee in groups.get(preference.group, ())
