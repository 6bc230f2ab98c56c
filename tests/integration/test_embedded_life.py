"""The life of the embedded engine: a real Camunda that starts, works, is killed with its parent, and starts again.

One engine serves most tests of this file, in a program of its own, so that the last of them can kill that program.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from pyzeebe import ZeebeClient, create_insecure_channel

from workers.core.errors import BusyError, EngineError, SluisError
from workers.core.settings import Settings
from workers.engine.embedded import EmbeddedEngine, EnginePaths, EnginePorts, find_running, stop_running
from workers.setup import Quiet, ensure_engine

pytestmark = pytest.mark.engine

PARENT = """
import asyncio, json, sys
from pathlib import Path
from workers.engine.embedded import EmbeddedEngine, EnginePaths, EnginePorts

async def main(java_home, camunda, opensearch, data, ports):
    paths = EnginePaths(Path(java_home), Path(camunda), Path(opensearch))
    async with EmbeddedEngine(paths, Path(data), EnginePorts(**json.loads(ports))):
        print("ready", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
"""

PROCESS = b"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="http://example.org">
  <process id="LifeTest" isExecutable="true">
    <startEvent id="StartEvent_Asked"/>
    <sequenceFlow id="Flow_1" sourceRef="StartEvent_Asked" targetRef="EndEvent_Done"/>
    <endEvent id="EndEvent_Done"/>
  </process>
</definitions>
"""


@dataclass
class Started:
    """An engine in another program."""

    program: subprocess.Popen[str]
    data: Path
    ports: EnginePorts

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything under it."""
        running = find_running(self.data)
        assert running is not None
        supervisor = psutil.Process(running.pid)
        return [supervisor, *supervisor.children(recursive=True)]


@pytest.fixture(scope="module")
def paths() -> EnginePaths:
    """The programs of the engine, downloaded if need be."""
    try:
        parts = asyncio.run(ensure_engine(Settings(), Quiet()))
    except SluisError as error:
        if os.environ.get("CI"):
            pytest.fail(f"missing on CI: {error}")
        pytest.skip(f"missing: {error}")
    return EnginePaths(parts.java_home, parts.camunda, parts.opensearch)


@pytest.fixture(scope="module")
def started(paths: EnginePaths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """An engine that is ready."""
    data = tmp_path_factory.mktemp("life")
    ports = EnginePorts.free()
    arguments = [paths.java_home, paths.camunda, paths.opensearch, data, json.dumps(_plain(ports))]
    program = subprocess.Popen(
        [sys.executable, "-c", PARENT, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout
    assert program.stdout.readline() == "ready\n"
    yield Started(program, data, ports)
    program.kill()
    program.wait()
    program.stdout.close()
    asyncio.run(stop_running(data))


def _plain(ports: EnginePorts) -> dict[str, Any]:
    return {name: getattr(ports, name) for name in ports.__dataclass_fields__}


async def deploy_and_run(ports: EnginePorts, deploy: Path | None = None) -> None:
    """Run a process over gRPC to its end, deploying it before where it is given."""
    channel = create_insecure_channel(grpc_address=ports.grpc_address)
    try:
        client = ZeebeClient(channel)
        if deploy is not None:
            await client.deploy_resource(deploy)
        await client.run_process_with_result("LifeTest", timeout=30_000)
    finally:
        await channel.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The model of a process that ends at once."""
    path = tmp_path / "life.bpmn"
    path.write_bytes(PROCESS)
    return path


async def sign_in(client: httpx.AsyncClient) -> None:
    """Sign in as demo, as a browser does."""
    answer = await client.post("/api/login", params={"username": "demo", "password": "demo"})
    assert answer.is_success
    client.headers["X-CSRF-TOKEN"] = answer.headers["X-CSRF-TOKEN"]


async def test_its_state_file_tells_that_it_is_ready(started: Started) -> None:
    """When `start` returns, the engine is ready, and its state file says so with its ports and its starter."""
    running = find_running(started.data)
    assert running is not None
    assert running.ready
    assert running.starter == started.program.pid
    assert running.ports == started.ports


async def test_grpc_and_rest_answer(started: Started, model: Path) -> None:
    """As soon as the engine is ready a process can be deployed and run over gRPC, and people can sign in over REST."""
    await deploy_and_run(started.ports, model)
    async with httpx.AsyncClient(base_url=started.ports.rest_address, follow_redirects=True) as client:
        await sign_in(client)
        assert (await client.get("/v2/topology")).json()["brokers"]
        for page in ("/operate", "/tasklist"):
            assert "<html" in (await client.get(page)).text


def test_it_listens_on_loopback_only(started: Started) -> None:
    """Every TCP listener of every process of the engine is on loopback, on a port that was asked for."""
    listeners = {
        connection.laddr
        for process in started.processes()
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    addresses = {address.ip.removeprefix("::ffff:") for address in listeners}
    assert addresses == {"127.0.0.1"}
    assert {address.port for address in listeners} == set(_plain(started.ports).values())


async def test_tasklist_takes_a_task_that_was_made_on_a_whole_second(started: Started) -> None:
    """A time without milliseconds, as one task in a thousand has, does not block Tasklist's importer for ever."""
    document = f"{started.ports.search_address}/tasklist-list-view-8.6.0_/_doc/whole-second"
    async with httpx.AsyncClient(trust_env=False, params={"routing": "test"}) as client:
        answer = await client.put(document, json={"creationTime": "2026-11-23T21:48:26Z"})
        assert answer.is_success, answer.text
        await client.delete(document)


async def test_a_second_engine_on_the_same_data_is_refused(started: Started, paths: EnginePaths) -> None:
    """One data folder has one engine: the second is refused, and told of the first."""
    second = EmbeddedEngine(paths, started.data, EnginePorts.free())
    with pytest.raises(BusyError, match=f"process {started.program.pid}"):
        await second.start()
    assert find_running(started.data) is not None


async def test_a_port_in_use_stops_the_start_before_it_begins(paths: EnginePaths, tmp_path: Path) -> None:
    """A taken port is named with its owner, and neither a process nor engine data comes to be."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ports = replace(EnginePorts.free(), grpc=listener.getsockname()[1])
        with pytest.raises(BusyError, match=f"process {os.getpid()}"):
            await EmbeddedEngine(paths, tmp_path, ports).start()
    assert find_running(tmp_path) is None
    assert not (tmp_path / "engine" / "zeebe").exists()


async def test_an_engine_that_dies_says_why(paths: EnginePaths, tmp_path: Path) -> None:
    """An engine that ends while starting is an error with its last lines and the folder of its logs."""
    broken = replace(paths, camunda=tmp_path / "nothing")
    engine = EmbeddedEngine(broken, tmp_path, EnginePorts.free())
    with pytest.raises(EngineError) as failure:
        await engine.start()
    assert "camunda has ended (status 1)" in failure.value.message
    assert "ClassNotFoundException" in failure.value.message
    assert str(tmp_path / "engine" / "logs") in failure.value.hint
    assert find_running(tmp_path) is None


async def test_a_killed_parent_leaves_nothing_but_its_data(started: Started, paths: EnginePaths) -> None:
    """After SIGKILL of the parent all of the engine ends, and a new engine on its data knows its processes.

    On data Camunda is not started before OpenSearch has read its indices: it would end when it asks for one meanwhile,
    which a busy machine showed.
    """
    processes = started.processes()
    assert len(processes) == 3
    os.kill(started.program.pid, signal.SIGKILL)
    started.program.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, timeout=60)
    assert alive == []
    assert find_running(started.data) is None

    stages: list[str] = []
    ports = EnginePorts.free()
    async with EmbeddedEngine(paths, started.data, ports, stage=lambda name, _: stages.append(name)) as engine:
        await deploy_and_run(ports)
        running = find_running(started.data)
        assert running is not None
        under = psutil.Process(running.pid).children()
        search, camunda = sorted(process.create_time() for process in under)
        assert camunda - search > 1
        assert stages == ["opensearch", "camunda"]
    assert not any(process.is_running() for process in under)
    assert find_running(started.data) is None
    await engine.stop()  # a second time changes nothing
