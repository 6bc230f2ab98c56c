"""What is asked, what it takes, who agreed: the handlers around an approval."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from handlers_kit import Lease, change_with_policy, job, rules
from workers.core.errors import NotShownYetError
from workers.core.job import BpmnErrorCode, Done, Failed, HandedBack, Refused, Stuck
from workers.core.records import (
    Change,
    Decision,
    Evidence,
    Policy,
    RequestRecord,
    StackId,
    StackRecord,
    Statement,
)
from workers.core.values import now
from workers.handlers.approval import VerifyApproval
from workers.handlers.decisions import CheckPolicy, CheckRequest
from workers.handlers.ports import CompletedTask


@pytest.fixture
def kit(tmp_path):
    return rules(tmp_path)


async def asked_by(kit, person):
    await kit.context.requests.save(
        RequestRecord(process_instance=100, process="P", requester=person, evidence="test", created=now())
    )


async def decide(kit, change, who, decision="approved", key=1, task=None, reason=""):
    kit.tasks.tasks.append(CompletedTask(task or key + 50, who, now()))
    verify = VerifyApproval(kit)
    return await verify(job("approval.verify", key, change=change.digest, decision=decision, reason=reason), Lease())


async def request(kit, **variables):
    return await CheckRequest(kit.context)(job("request.check", **variables), Lease())


async def test_a_good_request_comes_back_with_what_the_process_needs(kit):
    """The module and its inputs come from the environment, the stack's name from the request."""
    outcome = await request(
        kit, environment="local", name="web1", configure=[{"role": "hello", "inputs": {"hello_text": "hi"}}]
    )
    assert isinstance(outcome, Done)
    answer = outcome.variables["request"]
    assert (answer["stack"], answer["module"], answer["hosts"]) == ("local/web1", "box", ["stack:local/web1"])
    assert answer["inputs"] == {"name": "web1"}
    assert answer["approvers"] == "approvers"


async def test_the_environments_constants_for_a_role_are_filled_in(kit):
    """What the request says itself counts before them; roles that it does not name get none."""
    path = kit.context.project / "environments" / "local.yaml"
    constants = "  request: {name: name}\n  roles: {hello: {hello_text: always}, other: {x: 1}}\n"
    path.write_text(path.read_text().replace("  request: {name: name}\n", constants))
    given = [{"role": "hello"}, {"role": "hello", "inputs": {"hello_text": "mine"}}]
    outcome = await request(kit, environment="local", name="web1", configure=given)
    assert isinstance(outcome, Done)
    filled = [step["inputs"]["hello_text"] for step in outcome.variables["request"]["configure"]]
    assert filled == ["always", "mine"]


@pytest.mark.parametrize(("state", "new"), [(None, True), ("planned", True), ("applied", False), ("destroyed", True)])
async def test_a_request_says_whether_its_stack_is_new(kit, state, new):
    """A stack that was applied, wholly or in part, is not."""
    if state:
        stack = StackId(environment="local", name="web1")
        record = StackRecord(id=stack, module="box", module_digest="a" * 64, state=state, updated=now())
        await kit.context.stacks.save(record)
    outcome = await request(kit, environment="local", name="web1")
    assert isinstance(outcome, Done)
    assert outcome.variables["request"]["isNew"] is new


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"environment": "lokal", "name": "web1"}, "Did you mean 'local'?"),
        ({"environment": "local", "name": "Web 1"}, "name"),
        ({"environment": "local"}, "name: Field required"),
        ({"environment": "local", "name": "web1", "inputs": {"sizze": 2}}, "size"),
        ({"environment": "local", "name": "web1", "inputs": {"size": "big"}}, "size"),
        ({"environment": "local", "name": "web1", "configure": [{"role": "nosuch"}]}, "nosuch"),
        ({"environment": "local", "name": "web1", "configure": [{"role": "hello"}]}, "hello_text"),
        ({"environment": "../x", "name": "web1"}, "environment"),
    ],
)
async def test_a_bad_request_is_refused_in_words(kit, variables, words):
    """Nothing starts; the message names what is wrong, and suggests what was meant."""
    outcome = await request(kit, **variables)
    assert isinstance(outcome, Refused)
    assert outcome.code is BpmnErrorCode.REQUEST_INVALID
    assert words in outcome.variables["failure"]["message"]


async def test_the_policy_is_asked_once_per_change_and_kept(kit):
    """A second look gives the recorded answer, so that a table deployed meanwhile changes nothing."""
    await asked_by(kit, "demo")
    change = Change(environment="local", hosts=("db1",), process_instance=200)
    await kit.context.changes.save(change)
    check = CheckPolicy(kit)
    first = await check(job("policy.check", change=change.digest), Lease())
    kit.table.output["approvals"] = 0
    second = await check(job("policy.check", 2, change=change.digest), Lease())
    assert first == second
    assert first.variables["policy"]["approvals"] == 1
    assert kit.table.asked == [kit.table.asked[0]]
    assert kit.table.asked[0]["kind"] == "ansible"


async def test_an_unknown_requester_costs_one_approver_more(kit):
    """Nobody recorded who started the process, so two people have to agree."""
    change = Change(environment="local", hosts=("db1",), process_instance=200)
    await kit.context.changes.save(change)
    outcome = await CheckPolicy(kit)(job("policy.check", change=change.digest), Lease())
    assert outcome.variables["policy"]["approvals"] == 2


async def test_a_search_that_is_behind_is_asked_again_until_it_has_caught_up(kit, monkeypatch):
    """Who asked is not shown yet: the job is given back with the retries it had, and nothing is decided before."""

    async def behind(process_instance):
        raise NotShownYetError("The search knows no process instance 200.")

    monkeypatch.setattr(kit.tasks, "root_of", behind)
    change = Change(environment="local", hosts=("db1",), process_instance=200)
    await kit.context.changes.save(change)
    outcome = await CheckPolicy(kit)(job("policy.check", change=change.digest), Lease())
    assert isinstance(outcome, HandedBack)
    assert "knows no process instance" in outcome.message
    assert await kit.context.changes.policy(change.digest) is None
    assert kit.table.asked == []


async def test_a_decision_that_is_not_shown_yet_is_looked_for_again_much_later(kit, monkeypatch):
    """The last retry is spent long after the first; with no retry left, a person sees that no task was completed."""
    monkeypatch.setattr("workers.handlers.shown._VISIBLE_WITHIN", timedelta())
    change = await change_with_policy(kit.context)
    asked = job("approval.verify", change=change.digest, decision="approved")
    first, last = [await VerifyApproval(kit)(replace(asked, retries=retries), Lease()) for retries in (3, 1)]
    assert isinstance(first, Failed)
    assert first.backoff >= timedelta(seconds=10)
    assert last.backoff >= timedelta(minutes=5)
    assert await kit.context.changes.approvals(change.digest) == ()


@pytest.mark.parametrize("retries", [3, 1])
async def test_a_decision_whose_task_is_still_shown_as_open_uses_up_no_retry(kit, monkeypatch, retries):
    """The search is behind: the job comes back soon, with the retries it had, also after the last look but one."""
    monkeypatch.setattr("workers.handlers.shown._VISIBLE_WITHIN", timedelta())
    change = await change_with_policy(kit.context)
    kit.tasks.open.append(80)
    asked = job("approval.verify", change=change.digest, decision="approved")
    outcome = await VerifyApproval(kit)(replace(asked, retries=retries), Lease())
    assert isinstance(outcome, HandedBack)
    assert outcome.delay <= timedelta(seconds=30)
    assert await kit.context.changes.approvals(change.digest) == ()


async def test_an_open_task_of_an_earlier_change_says_nothing_of_a_later_one(kit, monkeypatch):
    """A review older than the policy's answer is not the one that is waited for: the retries end."""
    monkeypatch.setattr("workers.handlers.shown._VISIBLE_WITHIN", timedelta())
    change = Change(environment="local", hosts=("db1",), process_instance=200)
    await kit.context.changes.save(change)
    await CheckPolicy(kit)(job("policy.check", 70, change=change.digest), Lease())
    kit.tasks.open.append(51)
    asked = job("approval.verify", 90, change=change.digest, decision="approved")
    assert isinstance(await VerifyApproval(kit)(asked, Lease()), Failed)


async def test_a_denied_change_is_a_bpmn_error(kit):
    """The model is told POLICY_DENIED with the table's reason."""
    kit.table.output.update(denied=True, reason="frozen until Monday")
    change = Change(environment="local", process_instance=200)
    await kit.context.changes.save(change)
    outcome = await CheckPolicy(kit)(job("policy.check", change=change.digest), Lease())
    assert outcome.code is BpmnErrorCode.POLICY_DENIED
    assert "frozen until Monday" in outcome.message


async def test_a_change_that_is_not_in_the_store_needs_a_person(kit):
    """A made-up digest in a variable leads to an incident and not to an approval."""
    assert isinstance(await CheckPolicy(kit)(job("policy.check", change="f" * 64), Lease()), Stuck)


async def test_another_person_of_the_group_approves(kit):
    """The plain case: the requester asked, somebody else of the group agreed."""
    await asked_by(kit, "demo")
    outcome = await decide(kit, await change_with_policy(kit.context), "act")
    assert outcome.variables["approval"] == {"state": "approved", "approvers": ["act"], "missing": 0, "note": ""}


@pytest.mark.parametrize("who", ["demo", "eve", "", "service"])
async def test_a_decision_that_does_not_count_leads_back_to_the_task(kit, who):
    """Requester, stranger, nobody and the service itself approve nothing; the next person reads why."""
    await asked_by(kit, "demo")
    outcome = await decide(kit, await change_with_policy(kit.context), who)
    approval = outcome.variables["approval"]
    assert approval["state"] == "more"
    assert approval["note"]


async def test_completing_the_task_without_a_decision_decides_nothing(kit):
    """An API call that completes the task with no variables counts as nothing."""
    await asked_by(kit, "demo")
    outcome = await decide(kit, await change_with_policy(kit.context), "act", decision=None)
    assert outcome.variables["approval"]["state"] == "more"


async def test_the_review_of_an_earlier_plan_is_no_decision_on_a_later_one(kit):
    """Planned anew in the same process, a change waits for its own review, also where the engine shows it late."""
    await asked_by(kit, "demo")
    change = Change(environment="local", hosts=("db1",), process_instance=200)
    await kit.context.changes.save(change)
    await CheckPolicy(kit)(job("policy.check", 70, change=change.digest), Lease())
    earlier, own = CompletedTask(51, "act", now()), CompletedTask(80, "demo", now())
    shown = iter([(earlier,), (earlier,), (earlier, own)])

    async def completed_tasks(process_instance, element):
        return next(shown)

    kit.tasks.completed_tasks = completed_tasks
    asked = job("approval.verify", 90, change=change.digest, decision="approved")
    approval = (await VerifyApproval(kit)(asked, Lease())).variables["approval"]
    assert approval["state"] == "more"
    assert "'demo' asked for this change" in approval["note"]


async def test_two_approvers_are_two_people(kit):
    """The same person twice stays one approver; a second person completes it."""
    await asked_by(kit, "demo")
    change = await change_with_policy(kit.context, approvals=2)
    states = [
        (await decide(kit, change, who, key=key)).variables["approval"]["state"]
        for key, who in enumerate(("act", "act", "zoe"), start=1)
    ]
    assert states == ["more", "more", "approved"]


async def test_a_rejection_ends_as_a_bpmn_error_with_its_reason(kit):
    """The model catches CHANGE_REJECTED and people read who said why."""
    await asked_by(kit, "demo")
    change = await change_with_policy(kit.context)
    outcome = await decide(kit, change, "act", decision="rejected", reason="too big")
    assert outcome.code is BpmnErrorCode.CHANGE_REJECTED
    assert outcome.variables["failure"]["message"] == "act rejected the change: too big"


async def test_the_same_job_delivered_again_counts_once(kit):
    """A second delivery reads what the first recorded and does not take another task for its own."""
    await asked_by(kit, "demo")
    change = await change_with_policy(kit.context)
    first = await decide(kit, change, "act", key=1)
    again = await VerifyApproval(kit)(job("approval.verify", 1, change=change.digest, decision="approved"), Lease())
    assert first == again
    assert len(await kit.context.changes.approvals(change.digest)) == 1


async def test_an_approval_of_another_instance_is_not_looked_at(kit):
    """Naming somebody else's change in the variables leads to an incident."""
    change = Change(environment="local", process_instance=999)
    await kit.context.changes.save(change)
    outcome = await decide(kit, change, "act")
    assert isinstance(outcome, Stuck)


async def say(kit, change, who, decision, task, groups=()):
    said = Statement(
        change=change.digest, user_task=task, person=who, decision=decision, groups=groups, channel="slack",
        identity="U1", created=now(),
    )  # fmt: skip
    await kit.context.changes.add_statement(said)


async def test_what_a_person_said_to_us_counts_when_the_service_completed_the_task(kit):
    """Person, decision and evidence come from our own record; what stands in the variables is not looked at."""
    await asked_by(kit, "demo")
    change = await change_with_policy(kit.context)
    await say(kit, change, "act", Decision.APPROVED, task=51)
    outcome = await decide(kit, change, "service", decision="rejected", key=1)
    assert outcome.variables["approval"]["approvers"] == ["act"]
    [approval] = await kit.context.changes.approvals(change.digest)
    assert (approval.evidence, approval.channel) == (Evidence.SLUIS, "slack")
    [entry] = await kit.context.audit.entries("local/web1")
    assert (entry.actor, entry.details["evidence"], entry.details["identity"]) == ("act", "sluis", "U1")


async def test_a_statement_is_for_its_own_task_only(kit):
    """The service completes another task than the one that was decided on: nobody approved."""
    await asked_by(kit, "demo")
    change = await change_with_policy(kit.context)
    await say(kit, change, "act", Decision.APPROVED, task=99)
    outcome = await decide(kit, change, "service", key=1)
    assert outcome.variables["approval"]["state"] == "more"


@pytest.mark.parametrize("who", ["demo", "eve", "service"])
async def test_a_statement_in_the_store_does_not_overrule_four_eyes(kit, who):
    """A record for the requester, a stranger or the service, however it came there, approves nothing."""
    await asked_by(kit, "demo")
    change = await change_with_policy(kit.context)
    await say(kit, change, who, Decision.APPROVED, task=51)
    assert (await decide(kit, change, "service", key=1)).variables["approval"]["state"] == "more"


async def test_the_engine_is_believed_where_a_person_completed_the_task(kit):
    """Somebody decided in Tasklist before we could: their decision counts, ours is not taken for it."""
    await asked_by(kit, "demo")
    change = await change_with_policy(kit.context)
    await say(kit, change, "zoe", Decision.APPROVED, task=51)
    outcome = await decide(kit, change, "act", decision="rejected", key=1, reason="no")
    assert outcome.code is BpmnErrorCode.CHANGE_REJECTED
    assert outcome.variables["failure"]["message"].startswith("act rejected")


async def test_every_decision_is_in_the_audit_trail(kit):
    """Also those that do not count, with the reason."""
    await asked_by(kit, "demo")
    change = await change_with_policy(kit.context)
    await decide(kit, change, "demo", key=1)
    await decide(kit, change, "act", key=2)
    entries = await kit.context.audit.entries("local/web1")
    assert [(e.actor, e.details["counts"]) for e in entries] == [("demo", False), ("act", True)]


async def timed(kit, **moments):
    """A change whose policy names these moments."""
    change = Change(environment="local", stack="local/web1", hosts=("db1",), process_instance=200)
    await kit.context.changes.save(change)
    answer = Policy(change=change.digest, approvals=1, group="approvers", created=now(), **moments)
    await kit.context.changes.set_policy(answer)
    return change


async def test_the_policy_names_its_moments_from_the_environment_file(kit):
    """The model gets reminder, escalation and end as the environment sets them, counted from the policy's answer."""
    path = kit.context.project / "environments/local.yaml"
    given = {"escalate_to": "managers", "escalate_after_minutes": 90, "reject_after_minutes": 120}
    more = "".join(f"  {name}: {value}\n" for name, value in (given | {"remind_after_minutes": 5}).items())
    text = path.read_text().replace("  approvers: approvers\n", f"  approvers: approvers\n{more}")
    path.write_text(text.replace("  groups:\n", "  groups:\n    managers: [max]\n"))
    change = Change(environment="local", hosts=("db1",), process_instance=200)
    await kit.context.changes.save(change)
    outcome = await CheckPolicy(kit)(job("policy.check", change=change.digest), Lease())
    shown, kept = outcome.variables["policy"], await kit.context.changes.policy(change.digest)
    assert (shown["remindAfter"], shown["escalateTo"]) == ("PT5M", "managers")
    moments = [datetime.fromisoformat(shown[name]) - kept.created for name in ("escalateAt", "rejectAt")]
    assert moments == [timedelta(minutes=90), timedelta(minutes=120)]


@pytest.mark.parametrize(("minutes", "state"), [(-1, "approved"), (5, "more")])
async def test_the_escalation_group_counts_from_its_moment_on(kit, minutes, state):
    """Whatever variables or candidate groups say, the moment in the store decides whether its approval counts."""
    path = kit.context.project / "environments/local.yaml"
    path.write_text(path.read_text().replace("  groups:\n", "  groups:\n    managers: [max]\n"))
    await asked_by(kit, "demo")
    change = await timed(kit, escalate_to="managers", escalate_at=now() + timedelta(minutes=minutes))
    assert (await decide(kit, change, "max")).variables["approval"]["state"] == state


async def test_a_change_that_ran_out_of_time_is_rejected_for_good(kit):
    """The end of time is recorded once, with nobody as its author, and an approval that comes later changes nothing."""
    await asked_by(kit, "demo")
    change = await timed(kit, reject_at=now())
    verify = VerifyApproval(kit)
    outcome = await verify(job("approval.verify", change=change.digest, decision="expired"), Lease())
    assert outcome.code is BpmnErrorCode.CHANGE_REJECTED
    assert outcome.variables["failure"]["message"] == "Nobody decided in time."
    assert (await decide(kit, change, "act", key=2)).code is BpmnErrorCode.CHANGE_REJECTED
    entries = await kit.context.audit.entries("local/web1")
    assert [(e.actor, e.action) for e in entries] == [("nobody", "expired"), ("act", "approved")]


async def test_expired_before_its_time_is_no_decision(kit):
    """Completing the task with 'expired', while there is time, neither rejects nor approves."""
    await asked_by(kit, "demo")
    change = await timed(kit, reject_at=now() + timedelta(hours=1))
    outcome = await decide(kit, change, "act", decision="expired")
    assert outcome.variables["approval"]["state"] == "more"
