"""The engine over gRPC: deploy, start, work on jobs, decide.

Built on pyzeebe's channels, credentials and generated stubs; its worker is not used (ENGINE.md says why). Every
method raises ``EngineError`` or one of its kinds: ``EngineUnavailableError`` where nobody answers, ``JobGoneError``
for an unknown key, ``EngineBusyError`` for backpressure that lasted, ``PayloadTooLargeError``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

import grpc.aio
from pyzeebe.proto import gateway_pb2 as pb
from pyzeebe.proto.gateway_pb2_grpc import GatewayStub

from workers.core.errors import EngineError, EngineUnavailableError
from workers.core.job import Job
from workers.core.settings import Settings
from workers.core.values import JsonValue
from workers.engine.channel import open_channel
from workers.engine.errors import EngineBusyError
from workers.engine.grpc_errors import translate
from workers.engine.grpc_read import read_decision, read_deployment, read_job, read_topology
from workers.engine.listeners import denial
from workers.engine.results import Decision, Deployment, Topology

_CALL_SECONDS: Final = 20.0
_ANSWER_MARGIN_SECONDS: Final = 15.0
"""How much longer than its own time limit we wait for the gateway: an activation cut short would lose its jobs."""
_DEPLOY_ATTEMPTS: Final = 4
_BUSY_ATTEMPTS: Final = 60
_BUSY_PAUSE_SECONDS: Final = 0.05

Variables = Mapping[str, JsonValue]


class ZeebeGateway:
    """The gateway at one address. Make it inside a running event loop; close it, or use it with ``async with``."""

    def __init__(self, channel: grpc.aio.Channel, address: str) -> None:
        self._channel = channel
        self._stub: Any = GatewayStub(channel)
        self.address = address

    @classmethod
    def from_settings(cls, settings: Settings) -> ZeebeGateway:
        """The gateway that the settings point at."""
        return cls(open_channel(settings), settings.grpc_address)

    async def close(self) -> None:
        """Close the channel; calls in flight are cancelled."""
        await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def topology(self, within: float = 5.0) -> Topology:
        """Brokers, partitions and versions.

        Args:
            within: seconds until the engine counts as not there.
        """
        return read_topology(await self._call("Topology", pb.TopologyRequest(), "topology", within))

    async def ready(self) -> bool:
        """Whether every partition has a leader: the engine takes work."""
        return (await self.topology()).ready

    async def deploy(self, resources: Mapping[str, bytes]) -> Deployment:
        """Deploy processes (.bpmn), decisions (.dmn) and forms (.form) in one transaction.

        A slow machine may need longer for it than its gateway waits (15 s). Then we ask again: what was deployed
        meanwhile keeps its version.

        Args:
            resources: content by file name.
        """
        request = pb.DeployResourceRequest(
            resources=[pb.Resource(name=name, content=content) for name, content in resources.items()]
        )
        subject = f"deploy {len(resources)} resources"
        for _ in range(_DEPLOY_ATTEMPTS - 1):
            with contextlib.suppress(EngineUnavailableError):
                return read_deployment(await self._call("DeployResource", request, subject, 60))
        return read_deployment(await self._call("DeployResource", request, subject, 60))

    async def create_instance(self, process_id: str, variables: Variables, version: int = -1) -> int:
        """Start a process and return the instance's key. ``version`` -1 is the newest."""
        request = pb.CreateProcessInstanceRequest(bpmnProcessId=process_id, version=version, variables=_json(variables))
        answer = await self._call("CreateProcessInstance", request, f"start process {process_id}")
        return int(answer.processInstanceKey)

    async def cancel_instance(self, key: int) -> None:
        """Cancel a process instance and everything it called."""
        request = pb.CancelProcessInstanceRequest(processInstanceKey=key)
        await self._call("CancelProcessInstance", request, f"cancel process instance {key}")

    async def activate(
        self,
        job_type: str,
        worker: str,
        max_jobs: int,
        timeout: timedelta,  # noqa: ASYNC109 - the engine's time limit, not ours
        request_timeout: timedelta,
    ) -> list[Job]:
        """Take up to ``max_jobs`` jobs of one type.

        Args:
            job_type: the job type.
            worker: the name that the engine records for the activation.
            max_jobs: how many at most.
            timeout: how long the jobs are ours until they are renewed.
            request_timeout: how long the engine may hold the request while there is no job (long polling);
                zero or less: answer at once. Measured on 8.6: short limits end 0.2-0.5 s late.

        Jobs that arrived before an error are returned, never lost: the error shows itself at the next call.
        """
        hold = _milliseconds(request_timeout)
        request = pb.ActivateJobsRequest(
            type=job_type,
            worker=worker,
            timeout=_milliseconds(timeout),
            maxJobsToActivate=max_jobs,
            requestTimeout=hold if hold > 0 else -1,
        )
        jobs: list[Job] = []
        deadline = max(hold, 0) / 1000 + _ANSWER_MARGIN_SECONDS
        try:
            async for answer in self._stub.ActivateJobs(request, timeout=deadline):
                jobs.extend(read_job(job) for job in answer.jobs)
        except grpc.aio.AioRpcError as error:
            if not jobs:
                raise translate(error, self.address, f"activate jobs of type {job_type}") from error
        return jobs

    async def stream(
        self,
        job_type: str,
        worker: str,
        timeout: timedelta,  # noqa: ASYNC109 - the engine's time limit, not ours
    ) -> AsyncGenerator[Job]:
        """Jobs of one type as the engine pushes them, each active for ``timeout``; for as long as the connection holds.

        The engine pushes what becomes available while the stream is open. What was there before, and what it could
        not push, is for those who poll.
        """
        request = pb.StreamActivatedJobsRequest(type=job_type, worker=worker, timeout=_milliseconds(timeout))
        call = self._stub.StreamActivatedJobs(request)
        try:
            async for job in call:
                yield read_job(job)
        except grpc.aio.AioRpcError as error:
            raise translate(error, self.address, f"stream jobs of type {job_type}") from error
        finally:
            call.cancel()  # who stops reading must not be pushed to

    async def complete(self, job_key: int, variables: Variables) -> None:
        """Complete a job with what it gives to the process."""
        request = pb.CompleteJobRequest(jobKey=job_key, variables=_json(variables))
        await self._call("CompleteJob", request, f"complete job {job_key}")

    async def deny(self, job_key: int, reason: str) -> None:
        """Complete a task listener's job by denying what was to happen with its user task. Engines from 8.8."""
        await self._call("CompleteJob", denial(job_key, reason), f"deny by job {job_key}")

    async def fail(
        self, job_key: int, retries: int, message: str, backoff: timedelta, variables: Variables | None = None
    ) -> None:
        """Fail a job; at zero retries the engine raises an incident with the message."""
        request = pb.FailJobRequest(
            jobKey=job_key,
            retries=retries,
            errorMessage=message,
            retryBackOff=_milliseconds(backoff),
            variables=_json(variables or {}),
        )
        await self._call("FailJob", request, f"fail job {job_key}")

    async def throw_error(self, job_key: int, code: str, message: str, variables: Variables) -> None:
        """Throw a BPMN error; where no boundary event catches it the engine raises an incident."""
        request = pb.ThrowErrorRequest(jobKey=job_key, errorCode=code, errorMessage=message, variables=_json(variables))
        await self._call("ThrowError", request, f"throw {code} for job {job_key}")

    async def extend(self, job_key: int, timeout: timedelta) -> None:  # noqa: ASYNC109 - the engine's time limit, not ours
        """Renew our hold on a job: it stays ours for ``timeout`` from now."""
        request = pb.UpdateJobTimeoutRequest(jobKey=job_key, timeout=_milliseconds(timeout))
        await self._call("UpdateJobTimeout", request, f"renew job {job_key}")

    async def update_retries(self, job_key: int, retries: int) -> None:
        """Set the retries of a job; needed before an incident of a job without retries is resolved."""
        request = pb.UpdateJobRetriesRequest(jobKey=job_key, retries=retries)
        await self._call("UpdateJobRetries", request, f"set retries of job {job_key}")

    async def evaluate_decision(self, decision_id: str, variables: Variables) -> Decision:
        """Evaluate the newest version of a decision.

        Raises:
            EngineError: the table could not be evaluated; the message says which decision and why.
        """
        request = pb.EvaluateDecisionRequest(decisionId=decision_id, variables=_json(variables))
        answer = await self._call("EvaluateDecision", request, f"evaluate decision {decision_id}")
        if answer.failedDecisionId:
            raise EngineError(f"decision {answer.failedDecisionId} could not be evaluated: {answer.failureMessage}")
        return read_decision(answer)

    async def publish_message(
        self,
        name: str,
        correlation_key: str,
        variables: Variables,
        time_to_live: timedelta = timedelta(),
        message_id: str = "",
    ) -> int:
        """Publish a message and return its key. ``message_id`` deduplicates only while the message is buffered."""
        request = pb.PublishMessageRequest(
            name=name,
            correlationKey=correlation_key,
            timeToLive=_milliseconds(time_to_live),
            messageId=message_id,
            variables=_json(variables),
        )
        return int((await self._call("PublishMessage", request, f"publish message {name}")).key)

    async def resolve_incident(self, key: int) -> None:
        """Resolve an incident: what failed is tried again."""
        await self._call("ResolveIncident", pb.ResolveIncidentRequest(incidentKey=key), f"resolve incident {key}")

    async def set_variables(self, element_instance: int, variables: Variables, *, local: bool = False) -> None:
        """Set variables of an instance or of one element of it (``local``: only there)."""
        request = pb.SetVariablesRequest(elementInstanceKey=element_instance, variables=_json(variables), local=local)
        await self._call("SetVariables", request, f"set variables of {element_instance}")

    async def _call(self, method: str, request: Any, subject: str, seconds: float = _CALL_SECONDS) -> Any:
        """One call; backpressure is waited out with short jittered pauses (about five seconds in all)."""
        for attempt in range(_BUSY_ATTEMPTS):
            try:
                return await getattr(self._stub, method)(request, timeout=seconds)
            except grpc.aio.AioRpcError as error:
                translated = translate(error, self.address, subject)
                if not isinstance(translated, EngineBusyError) or attempt == _BUSY_ATTEMPTS - 1:
                    raise translated from error
            await asyncio.sleep(_BUSY_PAUSE_SECONDS * (0.5 + random.random()) * min(1 + attempt / 10, 3))  # noqa: S311
        raise AssertionError(method)  # the last attempt returns or raises


def _json(variables: Variables) -> str:
    return json.dumps(dict(variables), ensure_ascii=False)


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
