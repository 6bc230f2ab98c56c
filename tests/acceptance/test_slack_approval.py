# ruff: noqa: ASYNC110 - what others do is polled: nobody pushes it
"""A review of a real process, decided in Slack over the endpoint of the worker that serves it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest

import slack_kit
from served import Served
from slack_kit import FakeSlack, button, fake_slack, signed, submission
from workers.people.slack_blocks import REJECT

pytestmark = [pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]

SECONDS = 180
NOTICES = """
notices:
  slack:
    token: secret://file/slack-token
    signing_secret: secret://file/slack-signing
    conversation: C1
    address: {address}
  contacts:
    act: {{slack: U1ACT}}
    demo: {{slack: U2DEMO}}
"""


@pytest.fixture
def slack(project: Served) -> Iterator[FakeSlack]:
    """A Slack that the project's environment posts to, for the time of the test."""
    path = project.folder / "environments" / "local.yaml"
    before = path.read_text()
    secrets = project.folder / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "slack-token").write_text(slack_kit.TOKEN)
    (secrets / "slack-signing").write_text(slack_kit.SECRET)
    with fake_slack() as found:
        path.write_text(before + NOTICES.format(address=found.address))
        yield found
        path.write_text(before)


async def click(project: Served, payload: dict) -> None:
    """Send what Slack would send to the worker's own web service."""
    address = json.loads((project.data / "web.json").read_bytes())["address"]
    body, headers = signed(payload)
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.post(f"{address}/slack/local", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def calls(slack: FakeSlack, method: str) -> list[dict]:
    """What was called of one method, once there is something."""
    async with asyncio.timeout(SECONDS):
        while not (found := slack.of(method)):
            await asyncio.sleep(0.3)
    return found


async def test_a_rejection_in_slack_ends_the_process(project: Served, slack: FakeSlack):
    """A review is posted, a person's rejection in Slack is the recorded evidence, and the message shows it."""
    await asyncio.to_thread(project.start, "slack1")
    [asked, *_] = await calls(slack, "chat.postMessage")
    change = asked["blocks"][1]["elements"][0]["value"]
    await click(project, button(REJECT, change))
    [opened] = await calls(slack, "views.open")
    await click(project, submission(opened["view"], "too big"))
    [update] = await calls(slack, "chat.update")
    assert update["blocks"][1]["text"]["text"] == "Rejected by act: too big"
    trail = (await asyncio.to_thread(project.data_of, "stack", "show", "local/slack1"))["audit"]
    [rejected] = [entry for entry in trail if entry["action"] == "rejected"]
    assert rejected["actor"] == "act"
    details = rejected["details"]
    assert (details["evidence"], details["channel"], details["identity"]) == ("sluis", "slack", "T1/U1ACT")
    assert details["counts"] is True
