"""Work on the real engine through TLS that asks for a client certificate, as in front of a cluster in a data centre."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from secure_kit import Certificates, in_front_of
from workers.core.job import Done, JobWorker, Pool
from workers.engine.grpc import ZeebeGateway
from workers.engine.loop import JobLoop
from workers.engine.rest import OrchestrationRest

pytestmark = [pytest.mark.engine, pytest.mark.conformance]

MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="D" targetNamespace="t">
  <bpmn:process id="OverTls" isExecutable="true">
    <bpmn:startEvent id="Start" />
    <bpmn:sequenceFlow id="Flow_1" sourceRef="Start" targetRef="Task" />
    <bpmn:serviceTask id="Task">
      <bpmn:extensionElements><zeebe:taskDefinition type="over.tls" /></bpmn:extensionElements>
    </bpmn:serviceTask>
  </bpmn:process>
</bpmn:definitions>"""


async def test_a_job_is_done_through_mtls(settings, tmp_path):
    """Deploying, starting, streaming and completing a job over gRPC and a search over REST go through mTLS."""
    certificates = Certificates(tmp_path)
    certificate, key = certificates.issue("sluis")
    grpc_port = int(settings.grpc_address.rpartition(":")[2])
    rest_port = urlsplit(settings.rest_address).port or 80
    done = asyncio.Event()

    async def work(job, lease):
        done.set()
        return Done({"through": "tls"})

    async with (
        in_front_of(grpc_port, certificates.server("h2", client=True)) as grpc,
        in_front_of(rest_port, certificates.server("http/1.1", client=True)) as rest,
    ):
        secure = settings.model_copy(
            update={
                "grpc_address": f"127.0.0.1:{grpc}",
                "rest_address": f"https://127.0.0.1:{rest}",
                "grpc_tls": True,
                "tls_ca": certificates.ca,
                "tls_certificate": certificate,
                "tls_key": key,
            }
        )
        async with ZeebeGateway.from_settings(secure) as gateway, OrchestrationRest.from_settings(secure) as api:
            await gateway.deploy({"OverTls.bpmn": MODEL.encode()})
            loop = JobLoop(gateway, [JobWorker("over.tls", work)], {Pool.LIGHT: 4}, "over-tls")
            running = asyncio.create_task(loop.run())
            await gateway.create_instance("OverTls", {})
            await asyncio.wait_for(done.wait(), 60)
            assert not await loop.drain(timedelta(seconds=30))
            await running
            assert isinstance(await api.user_tasks(state="CREATED", limit=1), tuple)
