"""A compliance check beside the engine: what is due, what a report says, who may decide what on a finding."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers_kit import Lease, MemoryTasks, job, rules
from workers.core.compliance import Acceptance, CheckRecord, ConfiguredRole, Finding, Scan, ScanKind, Severity
from workers.core.job import Done, Failed, Refused, Stuck
from workers.core.records import HostAddress, RequestRecord, StackId, StackRecord
from workers.core.values import now
from workers.handlers.compliance import ASKED, compliance_workers
from workers.handlers.configured import remember
from workers.handlers.findings import finding_workers
from workers.handlers.ports import CompletedTask
from workers.handlers.report import as_sarif, read_report

WEB1 = StackId(environment="local", name="web1")
SOON = (now().date() + timedelta(days=30)).isoformat()


def found(kind: ScanKind = ScanKind.DRIFT, place: str = "module.stack.a", **more) -> Finding:
    values = {"rule": "drift.update", "severity": Severity.MEDIUM, "title": "It differs", **more}
    return Finding(stack="local/web1", kind=kind, place=place, **values)


async def checked(ground, *findings: Finding, failed: str = "") -> CheckRecord:
    """A check of one stack, in which drift found this and the hosts were not to be scanned."""
    checks = ground.context.checks
    check = await checks.begin(CheckRecord(id="200", environment="local", stacks=("web1",), created=now()))
    for kind in ScanKind:
        listed = tuple(f for f in findings if f.kind is kind)
        why = failed if kind is ScanKind.HOSTS else ""
        scan = Scan(check="200", stack="local/web1", kind=kind, findings=listed, failed=why, ended=now())
        await checks.save_scan(scan)
    return check


def worker(ground, kind: str):
    return next(w.handler for w in (*compliance_workers(ground), *finding_workers(ground)) if w.type == kind)


async def said(ground, kind: str, key: int = 1, **variables):
    """What a job writes."""
    outcome = await worker(ground, kind)(job(kind, key, **variables), Lease())
    assert isinstance(outcome, Done), outcome
    return next(iter(outcome.variables.values()))


async def decide(ground, finding: Finding, person: str, key: int = 1, **given):
    """What follows when a person completes the task on a finding."""
    ground.tasks.tasks.append(CompletedTask(key, person, now()))
    return await said(ground, "finding.decide", key, check="200", fingerprint=finding.fingerprint, **given)


@pytest.fixture
def ground(tmp_path):
    return rules(tmp_path)


def stack(name: str, **more) -> StackRecord:
    values = {"module": "box", "module_digest": "0" * 64, "last_apply": "1-1", "state": "applied", "updated": now()}
    return StackRecord(id=StackId(environment="local", name=name), **(values | more))


async def test_a_check_begins_with_the_stacks_that_exist(ground):
    """Neither what was only planned nor what is gone is looked at; the id is that of the process instance."""
    for record in (
        stack("web1"), stack("gone", state="destroyed"), stack("planned", state="planned", last_apply=""),
        stack("half", state="half-made"),
    ):  # fmt: skip
        await ground.context.stacks.save(record)
    begun = await said(ground, "compliance.begin", environment="local")
    assert begun["id"] == "200"
    assert [s["stack"] for s in begun["stacks"]] == ["half", "web1"]
    again = await said(ground, "compliance.begin", environment="local")
    assert again == begun


async def test_a_check_of_an_unknown_environment_is_refused(ground):
    """The message names it."""
    outcome = await worker(ground, "compliance.begin")(job("compliance.begin", environment="lokal"), Lease())
    assert isinstance(outcome, Refused)
    assert (outcome.code, "lokal" in outcome.message) == ("REQUEST_INVALID", True)


async def test_an_environment_is_due_as_often_as_its_file_says(ground):
    """Never without a number of days; with one, when the last check is that long ago."""
    assert await said(ground, "compliance.due") == []
    file = ground.context.project / "environments" / "local.yaml"
    file.write_text(file.read_text() + "compliance: {every_days: 7}\n")
    assert await said(ground, "compliance.due") == ["local"]
    for days, due in ((1, []), (6.9, ["local"])):
        created = now() - timedelta(days=days)
        check = CheckRecord(id="1", environment="local", stacks=(), created=created)
        await ground.context.store.write("checks/1/check.json", check.model_dump_json().encode())
        assert await said(ground, "compliance.due") == due


async def test_a_scan_that_never_ended_is_not_clean(ground):
    """It counts as failed, in summary, Markdown and SARIF."""
    check = await ground.context.checks.begin(
        CheckRecord(id="200", environment="local", stacks=("web1",), created=now())
    )
    answer = await said(ground, "compliance.report", check="200")
    assert (answer["open"], answer["failed"]) == (0, 4)
    assert "4 of 4 scans failed" in answer["summary"]
    assert "did not come to an end" in (await ground.context.checks.report("200", "md")).decode()
    sarif = as_sarif(await read_report(ground.context.checks, check, now().date()))
    assert [run["invocations"][0]["executionSuccessful"] for run in sarif["runs"]] == [False] * 4


async def test_the_report_has_three_forms_and_asks_about_what_matters(ground):
    """The worst first; what is below the environment's threshold is reported and not asked about."""
    low, high = found(place="b", severity=Severity.LOW), found(place="c", severity=Severity.HIGH)
    await checked(ground, low, found(), high, failed="No answer.")
    answer = await said(ground, "compliance.report", check="200")
    assert [f["severity"] for f in answer["decide"]] == ["high", "medium"]
    assert [f["people"] for f in answer["decide"]] == [2, 1]
    assert (answer["open"], answer["failed"], answer["drifted"]) == (3, 1, 1)
    assert answer["summary"] == "1 high, 1 medium, 1 low; 1 of 4 scans failed in 1 stacks"
    document = json.loads(await ground.context.checks.report("200", "json"))
    assert [f["state"] for f in document["findings"]] == ["open"] * 3
    sarif = json.loads(await ground.context.checks.report("200", "sarif"))
    results = [r for run in sarif["runs"] for r in run["results"]]
    assert [r["level"] for r in results] == ["error", "warning", "note"]
    assert {r["partialFingerprints"]["sluis/v1"] for r in results} == {f.fingerprint for f in (low, found(), high)}


async def test_a_report_fits_into_a_process_variable(ground):
    """However much is found, people are asked about a bounded number, and the result stays small."""
    many = [found(place=f"{n}" * 300, title="t" * 300, detail="d" * 2000, help="h" * 500) for n in range(200)]
    await checked(ground, *many)
    answer = await said(ground, "compliance.report", check="200")
    assert (len(answer["decide"]), answer["open"]) == (ASKED, 200)
    assert len(json.dumps(answer)) < 90_000


async def test_an_acceptance_is_remembered_and_not_asked_about_until_it_expires(ground):
    """Who, until when and why stand in the store, the report and the audit trail."""
    finding = found()
    await checked(ground, finding)
    given = {"decision": "accept", "until": SOON, "reason": "The vendor repairs it in May."}
    decided = await decide(ground, finding, "act", **given)
    assert (decided["state"], decided["note"]) == ("accepted", f"until {SOON}")
    kept = await ground.context.checks.acceptance("local", finding.fingerprint)
    assert (kept.people, kept.until.isoformat(), kept.reason) == (("act",), SOON, given["reason"])
    answer = await said(ground, "compliance.report", check="200")
    assert (answer["decide"], answer["open"]) == ([], 0)
    assert "accepted until" in answer["markdown"]
    [entry] = await ground.context.audit.entries("local/web1")
    assert (entry.actor, entry.action, entry.details["reason"]) == ("act", "finding-accepted", given["reason"])
    check = await ground.context.checks.find("200")
    later = await read_report(ground.context.checks, check, date.fromisoformat(SOON) + timedelta(days=1))
    assert [j.state for j in later.findings] == ["open"]
    suppressed = as_sarif(await read_report(ground.context.checks, check, now().date()))["runs"][0]["results"][0]
    assert suppressed["suppressions"][0]["status"] == "accepted"


async def test_a_finding_that_got_worse_is_asked_about_again(ground):
    """An acceptance speaks for the severity that people saw."""
    finding = found()
    accepted = Acceptance(
        finding=finding, people=("act",), until=date.fromisoformat(SOON), reason="x", check="1", created=now()
    )
    today = now().date()
    assert accepted.covers(finding, today)
    assert accepted.covers(finding.model_copy(update={"severity": Severity.LOW}), today)
    assert not accepted.covers(finding.model_copy(update={"severity": Severity.CRITICAL}), today)


async def test_a_severe_finding_takes_two_people(ground):
    """The first one's acceptance leads back to the task, also a second time; another person completes it."""
    finding = found(severity=Severity.HIGH)
    await checked(ground, finding)
    given = {"decision": "accept", "until": SOON, "reason": "Known."}
    first = await decide(ground, finding, "act", 1, **given)
    assert first["state"] == "more"
    assert "One more person" in first["note"]
    assert (await decide(ground, finding, "act", 2, **given))["state"] == "more"
    assert await ground.context.checks.acceptance("local", finding.fingerprint) is None
    earlier = (now().date() + timedelta(days=10)).isoformat()
    second = await decide(ground, finding, "zoe", 3, **(given | {"until": earlier}))
    assert second["state"] == "accepted"
    kept = await ground.context.checks.acceptance("local", finding.fingerprint)
    assert (kept.people, kept.until.isoformat()) == (("act", "zoe"), earlier)


@pytest.mark.parametrize(
    ("person", "given", "words"),
    [
        ("", {"decision": "ignore"}, "without an assignee"),
        ("service", {"decision": "ignore"}, "service identity"),
        ("eve", {"decision": "ignore"}, "does not belong"),
        ("act", {}, "without a decision"),
        ("act", {"decision": "accept", "until": SOON}, "needs a reason"),
        ("act", {"decision": "accept", "reason": "x"}, "needs a date"),
        ("act", {"decision": "accept", "reason": "x", "until": "soon"}, "needs a date"),
        ("act", {"decision": "accept", "reason": "x", "until": "2020-01-01"}, "is over"),
        ("act", {"decision": "accept", "reason": "x", "until": "2090-01-01"}, "365 days at most"),
    ],
)
async def test_what_does_not_count_leads_back_to_the_task(ground, person, given, words):
    """The note says why; nothing is accepted."""
    await checked(ground, found())
    decided = await decide(ground, found(), person, **given)
    assert decided["state"] == "more"
    assert words in decided["note"]
    assert await ground.context.checks.acceptances("local") == ()


async def test_a_job_that_comes_again_records_nothing_twice(ground):
    """The same delivery gives the same answer, without another task to read."""
    finding = found()
    await checked(ground, finding)
    first = await decide(ground, finding, "act", decision="ignore")
    again = await said(ground, "finding.decide", check="200", fingerprint=finding.fingerprint, decision="ignore")
    assert again == first == {"state": "ignored", "note": "", "remedy": None}
    assert len(await ground.context.checks.decisions("200", finding.fingerprint)) == 1
    answer = await said(ground, "compliance.report", check="200")
    assert (answer["decide"], answer["open"]) == ([], 1)


async def test_a_task_that_the_engine_does_not_show_yet_is_waited_for(ground, monkeypatch):
    """The job fails with a retry and records nothing."""
    monkeypatch.setattr("workers.handlers.shown._VISIBLE_WITHIN", timedelta(0))
    finding = found()
    await checked(ground, finding)
    outcome = await worker(ground, "finding.decide")(
        job("finding.decide", check="200", fingerprint=finding.fingerprint, decision="ignore"), Lease()
    )
    assert isinstance(outcome, Failed)
    assert await ground.context.checks.decisions("200", finding.fingerprint) == ()


async def test_a_finding_that_nobody_has_seen_cannot_be_decided_on(ground):
    """A fingerprint that the check does not have needs a person, not an acceptance."""
    await checked(ground, found())
    outcome = await worker(ground, "finding.decide")(
        job("finding.decide", check="200", fingerprint="f" * 16, decision="accept"), Lease()
    )
    assert isinstance(outcome, Stuck)


async def test_a_remedy_names_the_stack_as_it_was_made(ground):
    """Module, inputs and roles of the record; for a role only that role; for an audit nothing."""
    host = HostAddress(name="web1", address="127.0.0.1")
    await ground.context.stacks.save(stack("web1", inputs={"name": "web1"}, hosts=(host,)))
    await remember(ground.context, "hello", {"hello_text": "hi"}, ("stack:local/web1", "db1"), "3-1")
    drift = found()
    role = found(ScanKind.HOSTS, "web1: hello : x", rule="ansible.hello", role="hello")
    audit = found(ScanKind.HOSTS, "web1", rule="cis_audit.ssh_root_login")
    await checked(ground, drift, role, audit)
    whole = (await decide(ground, drift, "act", 1, decision="remediate"))["remedy"]
    assert (whole["module"], whole["inputs"], whole["hosts"]) == ("box", {"name": "web1"}, ["stack:local/web1"])
    assert whole["configure"] == [{"role": "hello", "inputs": {"hello_text": "hi"}}]
    assert (await decide(ground, role, "act", 2, decision="remediate"))["remedy"]["module"] is None
    assert (await decide(ground, audit, "act", 3, decision="remediate"))["state"] == "more"


async def test_a_role_is_remembered_without_its_secrets(ground):
    """A reference is kept, a sensitive literal is not, and the last run counts."""
    spec = ground.context.project / "ansible/roles/hello/meta/argument_specs.yml"
    spec.write_text(spec.read_text().replace("        type: str\n", "        type: str\n        no_log: true\n"))
    for text, kept in (("hunter22", "(sensitive)"), ("secret://env/TEXT", "secret://env/TEXT")):
        await remember(ground.context, "hello", {"hello_text": text}, ("stack:local/web1",), "3-1")
        [role] = await ground.context.configured.roles(WEB1)
        assert role.inputs == {"hello_text": kept}
    await ground.context.configured.forget(WEB1)
    assert await ground.context.configured.roles(WEB1) == ()


async def test_the_end_of_time_leaves_a_finding_open(ground):
    """Nobody decided: that is in the trail, and the next check asks again."""
    finding = found()
    await checked(ground, finding)
    decided = await said(ground, "finding.decide", check="200", fingerprint=finding.fingerprint, decision="expired")
    assert decided["state"] == "ignored"
    [entry] = await ground.context.audit.entries("local/web1")
    assert (entry.actor, entry.action) == ("nobody", "finding-left-open")


async def test_who_asked_for_a_check_is_kept(ground):
    """The requester of the outermost process stands in the check's record."""
    ground = replace(ground, tasks=MemoryTasks(root=100))
    await ground.context.requests.save(
        RequestRecord(process_instance=100, process="ComplianceCheck", requester="demo", evidence="x", created=now())
    )
    await said(ground, "compliance.begin", environment="local")
    assert (await ground.context.checks.find("200")).requester == "demo"


@given(title=st.text(max_size=50), detail=st.text(max_size=50), severity=st.sampled_from(Severity))
def test_a_fingerprint_goes_by_what_and_where_alone(title, detail, severity):
    """Other words and another severity leave it as it is; another place or rule does not."""
    one = found()
    same = one.model_copy(update={"title": title, "detail": detail, "severity": severity})
    assert same.fingerprint == one.fingerprint
    for change in ({"place": "elsewhere"}, {"rule": "drift.create"}, {"kind": ScanKind.POLICY}, {"stack": "local/x"}):
        assert one.model_copy(update=change).fingerprint != one.fingerprint


def test_a_configured_role_is_ordered_by_its_last_run():
    """The record has what a check and a remedy need."""
    role = ConfiguredRole(role="hello", inputs={"a": 1}, run="1-1", ended=now())
    assert ConfiguredRole.model_validate_json(role.model_dump_json()) == role
