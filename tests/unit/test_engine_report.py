"""Reports: every outcome in the engine's terms, sent until the engine has answered."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from engine_memory_gateway import MemoryGateway, Recorder, make_job
from workers.core.errors import EngineError, EngineUnavailableError
from workers.core.job import Abandoned, BpmnErrorCode, Denied, Done, Failed, HandedBack, Outcome, Refused, Stuck
from workers.engine.errors import EngineBusyError, PayloadTooLargeError
from workers.engine.link import EngineLink
from workers.engine.report import RESULT_LIMIT, Reporter


async def report(gateway: MemoryGateway, outcome: Outcome, retries: int = 3) -> Recorder:
    """Report the outcome of job 1 and return what was told."""
    seen = Recorder()
    job = make_job(1, retries=retries)
    gateway.active[1] = job
    await Reporter(gateway, EngineLink(gateway, seen), seen).report(job, outcome, time.monotonic())
    return seen


async def test_done_completes_with_its_variables() -> None:
    """Done becomes a completion."""
    gateway = MemoryGateway()
    await report(gateway, Done({"plan": {"digest": "x"}}))
    assert gateway.completed == {1: {"plan": {"digest": "x"}}}


async def test_denied_denies() -> None:
    """What a task listener refuses is denied with its reason."""
    gateway = MemoryGateway()
    await report(gateway, Denied("You asked for it."))
    assert gateway.denied == [(1, "You asked for it.")]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Failed("later", timedelta(seconds=9)), (1, 2, "later", timedelta(seconds=9))),
        (HandedBack("busy", timedelta(seconds=4)), (1, 3, "busy", timedelta(seconds=4))),
        (Stuck("ask a person"), (1, 0, "ask a person", timedelta())),
    ],
)
async def test_what_did_not_work_fails_the_job_with_the_right_retries(
    outcome: Outcome, expected: tuple[int, int, str, timedelta]
) -> None:
    """Failed costs a retry, HandedBack costs none, Stuck leaves none."""
    gateway = MemoryGateway()
    await report(gateway, outcome)
    assert gateway.failed == [expected]


async def test_retries_never_become_negative() -> None:
    """A job without retries that fails stays at zero."""
    gateway = MemoryGateway()
    await report(gateway, Failed("no"), retries=0)
    assert gateway.failed[0][1] == 0


async def test_refused_throws_the_bpmn_error_with_its_variables() -> None:
    """Refused becomes a BPMN error with code, message and variables."""
    gateway = MemoryGateway()
    await report(gateway, Refused(BpmnErrorCode.PLAN_STALE, "too old", {"failure": {"code": "PLAN_STALE"}}))
    assert gateway.thrown == [(1, "PLAN_STALE", "too old", {"failure": {"code": "PLAN_STALE"}})]


async def test_abandoned_reports_nothing() -> None:
    """The engine hears nothing of an abandoned job."""
    gateway = MemoryGateway()
    seen = await report(gateway, Abandoned("instance cancelled"))
    assert (gateway.completed, gateway.failed, gateway.thrown) == ({}, [], [])
    assert seen.count("job.abandoned") == 1


async def test_a_completion_is_sent_until_the_engine_has_answered() -> None:
    """Backpressure and silence do not lose a result: it arrives once, with one lost and the retries told."""
    gateway = MemoryGateway()
    gateway.trouble["complete"].extend([EngineBusyError("busy"), EngineUnavailableError("away")] * 2)
    seen = await asyncio.wait_for(report(gateway, Done({"a": 1})), 10)
    assert gateway.completed == {1: {"a": 1}}
    assert seen.count("report.retried") == 4
    assert seen.count("engine.lost") == 1


async def test_a_job_that_is_gone_ends_the_report() -> None:
    """NOT_FOUND is an answer."""
    gateway, seen = MemoryGateway(), Recorder()
    await Reporter(gateway, EngineLink(gateway, seen), seen).report(make_job(7), Done(), time.monotonic())
    assert seen.count("job.gone") == 1


@pytest.mark.parametrize(
    "outcome", [Done({"x": "a" * RESULT_LIMIT}), Refused(BpmnErrorCode.APPLY_FAILED, "no", {"x": "a" * RESULT_LIMIT})]
)
async def test_a_result_that_is_too_large_becomes_an_incident_before_it_is_sent(outcome: Outcome) -> None:
    """Above 100 kB nothing but the reason is sent, with no retries: the work must not run again by itself."""
    gateway = MemoryGateway()
    await report(gateway, outcome)
    (_, retries, message, _) = gateway.failed[0]
    assert retries == 0
    assert str(RESULT_LIMIT) in message
    assert (gateway.completed, gateway.thrown) == ({}, [])


async def test_a_result_of_exactly_the_limit_is_sent() -> None:
    """The limit itself is allowed."""
    gateway = MemoryGateway()
    await report(gateway, Done({"x": "a" * (RESULT_LIMIT - len('{"x":""}'))}))
    assert 1 in gateway.completed


async def test_a_result_that_is_no_json_becomes_an_incident() -> None:
    """A bug of a handler is named and does not stop the loop."""
    gateway = MemoryGateway()
    await report(gateway, Done({"x": object()}))  # type: ignore[dict-item]
    assert gateway.failed[0][1] == 0
    assert "not JSON" in gateway.failed[0][2]


@pytest.mark.parametrize(
    "error", [PayloadTooLargeError("too large"), EngineError("variables are wrong"), ValueError("x")]
)
async def test_a_rejected_result_becomes_an_incident_with_the_engines_words(error: Exception) -> None:
    """What the engine rejects is not sent again and again: the job fails with the reason and no retries."""
    gateway = MemoryGateway()
    gateway.trouble["complete"].append(error)
    seen = await report(gateway, Done({"a": 1}))
    assert gateway.failed[0][1] == 0
    assert str(error) in gateway.failed[0][2]
    assert seen.count("report.rejected") == 1


async def test_a_rejected_incident_ends_the_report() -> None:
    """When even the failure is rejected, that is told and nothing loops."""
    gateway = MemoryGateway()
    gateway.trouble["fail"].append(EngineError("no"))
    seen = await asyncio.wait_for(report(gateway, Stuck("x")), 2)
    assert seen.count("report.rejected") == 1


async def test_long_messages_are_cut() -> None:
    """A message of a megabyte does not reach the engine whole."""
    gateway = MemoryGateway()
    await report(gateway, Failed("x" * 1_000_000))
    assert len(gateway.failed[0][2]) == 4_000
