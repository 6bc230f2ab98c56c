"""``host.wait`` and ``http.probe``: is the machine there, and does it serve?"""

from __future__ import annotations

import asyncio
import html
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import httpx
from pydantic import Field, StringConstraints

from workers.core.events import EventKind
from workers.core.job import Abandoned, BpmnErrorCode, Done, JobWorker, Outcome
from workers.core.records import HostAddress
from workers.execution.errors import HostUnreachableError
from workers.execution.ssh import wait_for_ssh
from workers.handlers.attempt import Attempt, Recorded, refused
from workers.handlers.attempt import parse as parse_job
from workers.handlers.context import Context
from workers.handlers.roles import HostsRequest, host_names, host_subjects

_MAX_BODY = 1_000_000


class WaitRequest(HostsRequest):
    """Variables of ``host.wait``."""

    timeout_seconds: Annotated[int, Field(alias="timeoutSeconds", ge=1, le=3600)] = 120


class ProbeRequest(HostsRequest):
    """Variables of ``http.probe``. The address comes from the hosts, so that a process cannot probe elsewhere."""

    port: Annotated[int, Field(ge=1, le=65535)] = 80
    path: Annotated[str, StringConstraints(pattern=r"^/[^\s]*$", max_length=1000)] = "/"
    contains: str = ""
    timeout_seconds: Annotated[int, Field(alias="timeoutSeconds", ge=1, le=3600)] = 30


def host_workers(context: Context) -> tuple[JobWorker, ...]:
    """The job workers of this module."""
    wait = Recorded(context, Waiting(context), BpmnErrorCode.HOST_UNREACHABLE, host_subjects, locked=False)
    probe = Recorded(context, Probing(context), BpmnErrorCode.PROBE_FAILED, host_subjects, locked=False)
    return (
        JobWorker("host.wait", wait),
        JobWorker("http.probe", probe),
    )


@dataclass(frozen=True)
class Waiting:
    """Waits until every host lets us in over SSH."""

    context: Context

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Wait for all hosts at once."""
        request = parse_job(WaitRequest, attempt.job, "host.wait")
        environment = self.context.environment(request.environment)
        hosts = await self.context.hosts(environment, tuple(request.hosts))
        access = self.context.access(environment)
        timeout = timedelta(seconds=request.timeout_seconds)
        started = time.monotonic()
        waits = (
            wait_for_ssh(host, access, timeout=timeout, control=attempt.control(), sink=attempt.log) for host in hosts
        )
        try:
            await asyncio.gather(*waits)
        except HostUnreachableError as error:
            return refused(BpmnErrorCode.HOST_UNREACHABLE, error, attempt.run.id)
        milliseconds = round((time.monotonic() - started) * 1000)
        return Done({"reachable": {"hosts": host_names(hosts), "milliseconds": milliseconds}})


@dataclass(frozen=True)
class Answer:
    """How a host answered: in how many milliseconds, or what was wrong to the end."""

    url: str
    milliseconds: int
    problem: str = ""


@dataclass(frozen=True)
class Probing:
    """Asks every host for a page until it answers 200 with the expected text."""

    context: Context

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Probe all hosts, each until it answers or time is up."""
        request = parse_job(ProbeRequest, attempt.job, "http.probe")
        environment = self.context.environment(request.environment)
        hosts = await self.context.hosts(environment, tuple(request.hosts))
        answers = [await self._probe(attempt, request, host) for host in hosts]
        problem = next((a.problem for a in answers if a.problem), "" if answers else "There is no host to probe.")
        if attempt.stop.is_set():
            return Abandoned("The instance was cancelled.")
        if problem:
            return refused(BpmnErrorCode.PROBE_FAILED, problem, attempt.run.id)
        first = answers[0]
        return Done({"probe": {"status": 200, "milliseconds": first.milliseconds, "url": first.url}})

    async def _probe(self, attempt: Attempt, request: ProbeRequest, host: HostAddress) -> Answer:
        url = f"http://{_in_url(host.address)}:{request.port}{request.path}"
        deadline = time.monotonic() + request.timeout_seconds
        # A probe goes straight to the machine: a proxy that the worker uses for downloads has no business here.
        async with httpx.AsyncClient(trust_env=False, timeout=10, follow_redirects=False) as client:
            while True:
                started = time.monotonic()
                problem = await _ask(client, url, request.contains)
                if not problem:
                    return Answer(url, round((time.monotonic() - started) * 1000))
                if time.monotonic() > deadline or attempt.stop.is_set():
                    return Answer(url, 0, f"{url}: {problem}")
                attempt.log.say(f"{url}: {problem}; trying again", EventKind.OUTPUT)
                await asyncio.sleep(1)


async def _ask(client: httpx.AsyncClient, url: str, contains: str) -> str:
    """What is wrong with the answer; empty where nothing is."""
    try:
        response = await client.get(url)
    except httpx.HTTPError as error:
        return f"no answer ({str(error) or type(error).__name__})"
    if response.status_code != httpx.codes.OK:
        return f"answered {response.status_code} instead of 200"
    body = response.text[:_MAX_BODY]
    # A page shows a text like "a & b" as "a &amp; b": what a reader would see counts.
    if contains and contains not in body and contains not in html.unescape(body):
        return "answered 200, but without the expected text"
    return ""


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
