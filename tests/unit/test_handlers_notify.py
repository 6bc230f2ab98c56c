"""`notify.send`: once per event and channel, with retries, and never at the cost of the process."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

import handlers_kit as kit
from people_kit import notice
from workers.core.environment import Environment
from workers.core.errors import SettingError, ToolError
from workers.core.job import Done
from workers.core.notices import Notices
from workers.handlers.notify import Telling, notify_workers
from workers.service.notices import recipients
from workers.service.status import untold

SNS = {"topic_arn": "arn:aws:sns:eu-west-1:123456789012:people"}


@dataclass
class Channel:
    """A channel that fails as often as it is told to."""

    name: str = "mail"
    failures: int = 0
    error: Exception = field(default_factory=lambda: ToolError("The server is busy."))
    got: list = field(default_factory=list)
    tries: int = 0

    async def send(self, notice) -> None:
        self.tries += 1
        if self.tries <= self.failures:
            raise self.error
        self.got.append(notice)


async def test_each_channel_is_told_once(tmp_path):
    """The same event again reaches no channel that took it before."""
    channel = Channel()
    telling = Telling(kit.context(tmp_path), ())
    assert await telling.tell("7", notice(), (channel,)) == {"mail": "sent"}
    assert await telling.tell("7", notice(), (channel,)) == {"mail": "sent before"}
    assert len(channel.got) == 1


async def test_trouble_that_passes_is_sat_out(tmp_path):
    """A channel that fails twice is tried a third time, and the notice arrives once."""
    channel = Channel(failures=2)
    assert await Telling(kit.context(tmp_path), (0, 0)).tell("7", notice(), (channel,)) == {"mail": "sent"}
    assert (channel.tries, len(channel.got)) == (3, 1)


async def test_a_wrong_setting_is_not_tried_again(tmp_path):
    """What a setting causes does not get better by waiting."""
    channel = Channel(failures=9, error=SettingError("no such topic"))
    await Telling(kit.context(tmp_path), (0, 0)).tell("7", notice(), (channel,))
    assert channel.tries == 1


async def test_a_failed_channel_fails_neither_the_process_nor_the_others(tmp_path):
    """The job is done, the other channel told, and the failure is in result, audit trail and status."""
    rules = kit.rules(tmp_path)
    bad, good = Channel("mail", 9, SettingError("no way in")), Channel("sns")
    [worker] = notify_workers(rules, lambda environment, about: (bad, good))
    job = kit.job("notify.send", event="failed", subject="It failed", environment="local", group="approvers")
    outcome = await worker.handler(job, kit.Lease())
    assert outcome == Done({"notice": {"channels": {"mail": "failed: no way in", "sns": "sent"}}})
    [entry] = await rules.context.audit.entries("local/notices")
    assert (entry.action, entry.details["channel"], entry.details["reason"]) == (
        "not-told",
        "mail",
        "failed: no way in",
    )
    [line] = untold(await rules.context.runs.all())
    assert "no way in" in line


async def test_an_environment_that_is_not_there_is_no_reason_to_be_silent(tmp_path):
    """A notice about a request for an unknown environment goes out over the channels that need none."""
    seen = []
    [worker] = notify_workers(kit.rules(tmp_path), lambda environment, about: seen.append(environment) or ())
    job = kit.job("notify.send", event="request-invalid", subject="Refused", environment="nowhere")
    assert isinstance(await worker.handler(job, kit.Lease()), Done)
    assert seen == [None]


def test_preferences_choose_channels_by_event_and_group():
    """Each entry that fits adds its channels; what none fits goes nowhere but into the log."""
    wanted = Notices.model_validate(
        {
            "sns": SNS,
            "tell": [
                {"events": ["failed", "drift-found"], "over": ["sns"]},
                {"group": "approvers", "over": ["tasklist"]},
            ],
        }
    )
    groups = {"approvers": ("act",)}
    assert wanted.over(notice(event="failed"), groups) == ("sns",)
    assert wanted.over(notice(event="failed", group="approvers"), groups) == ("tasklist", "sns")
    assert wanted.over(notice(assignee="act"), groups) == ("tasklist",)
    assert wanted.over(notice(assignee="eve"), groups) == ()
    assert Notices.model_validate({"sns": SNS}).over(notice(), groups) == ("tasklist", "sns")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"tell": [{"over": ["mail"]}]}, "mail is not set up"),
        ({"tell": [{"group": "nobody", "over": []}]}, "'nobody' is not among people.groups"),
        ({"tell": [{"events": ["aplied"], "over": []}]}, "approval-wanted"),
        ({"contacts": {"a": {"slack": "U1"}, "b": {"slack": "U1"}}}, "a and b have the same Slack user"),
        ({"mail": {"host": "m", "sender": "a@b", "user": "x"}}, "user and password"),
        ({"mail": {"host": "m", "sender": "a@b", "user": "x", "password": "hunter2"}}, "pattern"),
    ],
)
def test_a_preference_that_cannot_work_is_refused(section, words):
    """A channel, group, event, person or password that is not right is named when the file is read."""
    with pytest.raises(ValidationError, match=words):
        Environment.model_validate({"name": "local", "notices": section})


def test_mail_goes_to_the_addressee_or_the_group():
    """A notice for a group is mailed to its members, one for a person to them, and both to the fixed addresses."""
    environment = Environment.model_validate(
        {
            "name": "local",
            "people": {"groups": {"approvers": ["act", "demo"]}},
            "notices": {
                "mail": {"host": "m", "sender": "s@x.org", "to": ["ops@x.org"]},
                "contacts": {"act": {"mail": "act@x.org"}, "eve": {"mail": "eve@x.org"}},
            },
        }
    )
    assert recipients(environment, notice(group="approvers")) == ("ops@x.org", "act@x.org")
    assert recipients(environment, notice(assignee="eve")) == ("ops@x.org", "eve@x.org")
