"""Deciding in Slack: real signatures, over HTTP, with a server that speaks Slack's Web API on the other side."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import httpx
import pytest

import handlers_kit
import service_kit
import slack_kit
from slack_kit import SECRET, button, fake_slack, signed, submission
from workers.core.errors import SettingError, ToolError
from workers.core.job import Done
from workers.core.notice import Notice
from workers.core.notices import SlackChannel
from workers.core.records import Approval, Change, Decision, Evidence, Policy, RequestRecord
from workers.core.values import now
from workers.engine.errors import JobGoneError
from workers.engine.rest import UserTask
from workers.people.slack import SlackApi
from workers.people.slack_blocks import APPROVE, REJECT
from workers.service.notices import EnvironmentChannels
from workers.service.reviews import ReviewWatch
from workers.service.slack import EngineSlackDesk
from workers.web.app import build_app
from workers.web.slack import slack_routes

ENVIRONMENT = """
people: {{approvers: approvers, groups: {{approvers: [act, demo]}}}}
notices:
  slack:
    token: secret://env/SLACK_TOKEN
    signing_secret: secret://env/SLACK_SECRET
    conversation: C1
    address: {address}
  contacts:
    act: {{slack: U1ACT}}
    demo: {{slack: U2DEMO}}
    eve: {{slack: U3EVE}}
"""


@dataclass
class MemoryRest:
    """The engine's user tasks, kept in memory; what is done to them is remembered in order."""

    tasks: list[UserTask] = field(default_factory=list)
    done: list[tuple] = field(default_factory=list)
    address: str = "http://camunda"

    async def user_tasks(self, process_instance=None, state=None, element=None, limit=100):
        return tuple(self.tasks)

    async def root_of(self, key):
        return SimpleNamespace(key=100)

    async def assign(self, key, assignee):
        self.done.append(("assign", key, assignee))

    async def complete(self, key, variables):
        if not any(task.key == key for task in self.tasks):
            raise JobGoneError("gone")
        self.tasks = [task for task in self.tasks if task.key != key]
        self.done.append(("complete", key, variables["decision"]))


@dataclass
class Scene:
    """An installation with one review that waits."""

    assembly: object
    rest: MemoryRest
    slack: slack_kit.FakeSlack
    change: str

    async def click(self, payload: dict, environment: str = "local", **how) -> int:
        """The status that a signed request gets."""
        body, headers = signed(payload, **how)
        return await self.send(body, headers, environment)

    async def send(self, body: bytes, headers: dict, environment: str = "local") -> int:
        """The status that a request gets."""
        app = build_app([slack_routes(EngineSlackDesk(self.assembly, self.rest))])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sluis") as client:
            return (await client.post(f"/slack/{environment}", content=body, headers=headers)).status_code

    async def look(self) -> None:
        """One look of the watch, as a worker takes it every few seconds."""
        channels = EnvironmentChannels(self.assembly, SimpleNamespace())
        await ReviewWatch(self.assembly, self.rest, channels).look()

    async def statement(self):
        return await self.assembly.context.changes.statement(self.change, 77)

    @property
    def whispers(self) -> list[str]:
        return [call["text"] for call in self.slack.of("chat.postEphemeral")]


@pytest.fixture
async def scene(tmp_path, monkeypatch):
    monkeypatch.setenv("SLACK_TOKEN", slack_kit.TOKEN)
    monkeypatch.setenv("SLACK_SECRET", SECRET)
    with fake_slack() as slack:
        folder = service_kit.project(tmp_path)
        for name in ("local", "other"):
            (folder / "environments" / f"{name}.yaml").write_text(ENVIRONMENT.format(address=slack.address))
        assembly = service_kit.parts(folder)
        yield Scene(assembly, MemoryRest([review()]), slack, await waiting_change(assembly.context))


def review() -> UserTask:
    return UserTask(
        key=77, element="Task_ReviewChange", element_instance=5, process_instance=200, process="TerraformChange",
        state="CREATED", created=now(),
    )  # fmt: skip


async def waiting_change(context) -> str:
    """A change of local/web1 that demo asked for, planned by a run, with a policy that wants one approval."""
    change = Change(environment="local", stack="local/web1", process_instance=200)
    await context.changes.save(change)
    facts = {"environment": "local"}
    policy = Policy(change=change.digest, approvals=1, group="approvers", facts=facts, created=now())
    await context.changes.set_policy(policy)
    await context.requests.save(
        RequestRecord.model_validate(
            {"process_instance": 100, "requester": "demo", "process": "P", "evidence": "x", "created": now()}
        )
    )
    begun = await context.runs.begin(handlers_kit.job("terraform.box.plan"), "local/web1", {})
    plan = {"change": change.digest, "summary": "<2 to add> & 1 to remove"}
    await context.runs.finish(await context.runs.start(begun.run), Done({"plan": plan}))
    begun.lock.free()
    return change.digest


async def decide_in_tasklist(scene: Scene, decision: Decision, approver: str = "act") -> None:
    """What approval.verify writes after somebody completed the task in Tasklist."""
    scene.rest.tasks = []
    approval = Approval(
        change=scene.change, decision=decision, approver=approver, reason="too big", evidence=Evidence.ENGINE,
        user_task=77, verified_by=9, counts=True, created=now(),
    )  # fmt: skip
    await scene.assembly.context.changes.add_approval(approval)


async def test_a_review_that_opens_is_posted_once_with_buttons(scene):
    """Two looks, as of two workers, post one message with the counts, escaped, and the buttons for the change."""
    await scene.look()
    await scene.look()
    [message] = scene.slack.of("chat.postMessage")
    assert message["channel"] == "C1"
    assert "&lt;2 to add&gt; &amp; 1 to remove" in message["blocks"][0]["text"]["text"]
    buttons = message["blocks"][1]["elements"]
    assert [b["text"]["text"] for b in buttons] == ["Approve", "Reject…", "View"]
    assert {b["value"] for b in buttons} == {scene.change}


async def test_an_approval_is_written_down_before_the_task_is_completed(scene):
    """A signed click of a known person leaves a statement with their name, and then the service completes the task."""
    seen = []
    complete = scene.rest.complete

    async def completing(key, variables):
        seen.append(await scene.statement())
        await complete(key, variables)

    scene.rest.complete = completing
    assert await scene.click(button(APPROVE, scene.change)) == 200
    [said] = seen
    assert (said.person, said.channel, said.identity) == ("act", "slack", "T1/U1ACT")
    assert said.decision is Decision.APPROVED
    assert scene.rest.done == [("assign", 77, "view"), ("complete", 77, "approved")]
    assert scene.whispers == ["You have approved it as act."]


async def test_a_rejection_asks_for_its_reason(scene):
    """The button opens a form and decides nothing; the form's reason is what is written down."""
    assert await scene.click(button(REJECT, scene.change)) == 200
    assert await scene.statement() is None
    [opened] = scene.slack.of("views.open")
    assert opened["trigger_id"] == "trigger-1"
    assert await scene.click(submission(opened["view"], "too big")) == 200
    said = await scene.statement()
    assert (said.decision, said.reason) == (Decision.REJECTED, "too big")
    assert scene.rest.done[-1] == ("complete", 77, "rejected")


@pytest.mark.parametrize(
    "forgery",
    [{"secret": "another secret"}, {"age": 301}, {"age": -330}],  # the test itself takes seconds
    ids=["forged", "old", "from the future"],
)
async def test_what_is_not_signed_now_by_slack_is_refused(scene, forgery):
    """A wrong signature, or a right one over a time that is not now, does nothing."""
    assert await scene.click(button(APPROVE, scene.change), **forgery) == 401
    assert await scene.statement() is None


@pytest.mark.parametrize("broken", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
async def test_a_request_without_its_headers_is_refused(scene, broken):
    """Both headers are needed, and a time that is no number is no time."""
    body, headers = signed(button(APPROVE, scene.change))
    assert await scene.send(body, {k: v for k, v in headers.items() if k != broken}) == 401
    assert await scene.send(body, {**headers, broken: "no"}) == 401
    assert await scene.statement() is None


async def test_a_changed_body_is_refused(scene):
    """A signature is for one body only."""
    body, headers = signed(button(APPROVE, scene.change))
    assert await scene.send(body.replace(b"U1ACT", b"U2DEMO"), headers) == 401


async def test_a_replayed_request_is_refused(scene):
    """The same signed request again, while its time is still good, is not taken again."""
    body, headers = signed(button(REJECT, scene.change))
    assert [await scene.send(body, headers) for _ in range(2)] == [200, 409]
    assert len(scene.slack.of("views.open")) == 1


@pytest.mark.parametrize(
    ("user", "words"),
    [("U9NOBODY", "nobody that we know"), ("U3EVE", "does not belong"), ("U2DEMO", "somebody else has to approve")],
)
async def test_who_may_not_approve_is_told_why(scene, user, words):
    """A stranger, somebody outside the group, and the requester get a reason, and the task stays open."""
    assert await scene.click(button(APPROVE, scene.change, user)) == 200
    assert words in scene.whispers[0]
    assert await scene.statement() is None
    assert scene.rest.done == []


async def test_an_app_decides_for_its_own_environment_only(scene):
    """A click that another environment's app signed does not reach this environment's change."""
    assert await scene.click(button(APPROVE, scene.change), environment="other") == 200
    assert "has no such change" in scene.whispers[0]
    assert scene.rest.done == []
    assert await scene.click(button(APPROVE, scene.change), environment="nowhere") == 401


async def test_a_double_click_decides_once(scene):
    """Two clicks complete the task once; the second is told that nothing waits any more."""
    for salt in ("1", "2"):
        assert await scene.click(button(APPROVE, scene.change), salt=salt) == 200
    assert [act for act, *_ in scene.rest.done] == ["assign", "complete"]
    assert "does not wait" in scene.whispers[1]


@pytest.mark.parametrize(
    ("decision", "words"),
    [(Decision.APPROVED, "Approved by act."), (Decision.REJECTED, "Rejected by act: too big")],
)
async def test_a_decision_in_tasklist_shows_in_slack(scene, decision, words):
    """The message loses its buttons and says who decided; a click that comes late is told so."""
    await scene.look()
    await decide_in_tasklist(scene, decision)
    await scene.look()
    await scene.look()
    [update] = scene.slack.of("chat.update")
    assert update["ts"] == "1700000000.000001"
    assert [b["type"] for b in update["blocks"]] == ["section", "section"]
    assert update["blocks"][1]["text"]["text"] == words
    assert await scene.click(button(APPROVE, scene.change)) == 200
    assert "does not wait" in scene.whispers[0]


async def test_who_asked_is_told_once_that_the_change_was_approved(scene):
    """An approval, wherever it was given, is told by one message, also where the worker was restarted meanwhile."""
    await scene.look()
    await decide_in_tasklist(scene, Decision.APPROVED)
    await scene.look()
    await scene.look()
    [asked, told] = scene.slack.of("chat.postMessage")
    assert asked["text"] == "Approval wanted: local/web1"
    assert told["text"] == "Approved: local/web1"
    assert "Approved by act." in told["blocks"][0]["text"]["text"]
    assert len(told["blocks"]) == 1
    assert await scene.assembly.store.keys("notices/reviews") == ()


async def test_a_refusal_of_slack_is_told_apart(scene):
    """What Slack refuses for good is a setting to mend; what it puts off may be tried again; no token is shown."""
    app = SlackChannel(
        token="secret://env/A", signing_secret="secret://env/B", conversation="C1", address=scene.slack.address
    )
    with pytest.raises(SettingError, match="invalid_auth") as caught:
        await SlackApi(app, lambda: "xoxb-wrong").post("text", [])
    assert "xoxb" not in str(caught.value)
    scene.slack.failing["/chat.postMessage"] = "ratelimited"
    with pytest.raises(ToolError, match="ratelimited"):
        await SlackApi(app, lambda: slack_kit.TOKEN).post("text", [])


async def test_other_notices_have_no_buttons(scene):
    """A notice that is about no waiting change is posted as text only."""
    environment = scene.assembly.context.environment("local")
    notice = Notice(event="applied", subject="Ready", message="It is.", environment="local")
    channels = EnvironmentChannels(scene.assembly, SimpleNamespace())(environment, notice)
    await next(c for c in channels if c.name == "slack").send(notice)
    [message] = scene.slack.of("chat.postMessage")
    assert [b["type"] for b in message["blocks"]] == ["section"]
