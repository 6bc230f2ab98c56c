"""The job workers for hosts: ``host.wait``, is the machine there, and ``http.probe``, does it serve?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from workers.core.job import BpmnErrorCode, Done, JobWorker, Outcome
from workers.execution.errors import HostUnreachableError
from workers.execution.instance_connect import key_let_in
from workers.execution.ssh import wait_for_ssh
from workers.handlers.attempt import Attempt, Recorded, refused
from workers.handlers.attempt import parse as parse_job
from workers.handlers.context import Context
from workers.handlers.probe import Probing
from workers.handlers.roles import HostsRequest, host_names, host_subjects


class WaitRequest(HostsRequest):
    """Variables of ``host.wait``."""

    timeout_seconds: Annotated[int, Field(alias="timeoutSeconds", ge=1, le=3600)] = 120


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
            async with key_let_in(hosts, access, attempt.log):
                await asyncio.gather(*waits)
        except HostUnreachableError as error:
            return refused(BpmnErrorCode.HOST_UNREACHABLE, error, attempt.run.id)
        milliseconds = round((time.monotonic() - started) * 1000)
        return Done({"reachable": {"hosts": host_names(hosts), "milliseconds": milliseconds}})
