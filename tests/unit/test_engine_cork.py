"""Requests that are made at once leave together, and one that is alone leaves at once."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from pyzeebe.proto import gateway_pb2 as pb

from workers.core.settings import Settings
from workers.engine import cork
from workers.engine.cork import Cork
from workers.engine.grpc import ZeebeGateway

pytestmark = pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="TCP_CORK is an option of Linux")


@pytest.fixture
async def gateway() -> AsyncIterator[ZeebeGateway]:
    """A gateway that confirms every completion."""

    async def complete(request: Any, context: Any) -> Any:
        return pb.CompleteJobResponse()

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(
        complete, pb.CompleteJobRequest.FromString, pb.CompleteJobResponse.SerializeToString
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("gateway_protocol.Gateway", {"CompleteJob": method})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with ZeebeGateway.from_settings(Settings(grpc_address=f"127.0.0.1:{port}")) as one:
        await one.complete(1, {})
        yield one
    await server.stop(None)


def option(gateway: ZeebeGateway, name: int, size: int = 4) -> bytes:
    """An option of the gateway's connection."""
    connections = cork._connections(port(gateway))
    value = connections[0].getsockopt(socket.IPPROTO_TCP, name, size)
    for connection in connections:
        connection.close()
    return value


def connected(gateway: ZeebeGateway) -> bool:
    connections = cork._connections(port(gateway))
    for connection in connections:
        connection.close()
    return bool(connections)


def port(gateway: ZeebeGateway) -> str:
    return gateway.address.rpartition(":")[2]


def sent(gateway: ZeebeGateway) -> int:
    """How many segments with data have left for the gateway (``tcpi_data_segs_out`` of Linux)."""
    return int(struct.unpack_from("I", option(gateway, socket.TCP_INFO, 192), 156)[0])


def held_back(gateway: ZeebeGateway) -> bool:
    return any(option(gateway, socket.TCP_CORK))


async def test_requests_of_one_moment_leave_in_a_few_segments(gateway: ZeebeGateway) -> None:
    """Sixty completions that are asked for at once are all confirmed, and do not leave one by one."""
    before = sent(gateway)
    await asyncio.gather(*(gateway.complete(key, {}) for key in range(60)))
    assert sent(gateway) - before < 15
    assert not held_back(gateway)


async def test_a_request_that_is_alone_is_not_held_back(gateway: ZeebeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after another they leave each for itself, and nobody looks for the connection."""
    monkeypatch.setattr(cork, "_connections", lambda _: pytest.fail("looked for the connection"))
    for key in range(5):
        await gateway.complete(key, {})


class Line:
    """A connection that keeps what is set."""

    def __init__(self) -> None:
        self.values: list[int] = []

    def setsockopt(self, level: int, option: int, value: int) -> None:
        assert (level, option) == (socket.IPPROTO_TCP, socket.TCP_CORK)
        self.values.append(value)

    def close(self) -> None:
        self.values.append(-1)


async def test_requests_of_every_moment_are_let_out_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that never pause keep no earlier ones back: the line is let out for each moment, and in the end."""
    line, one = Line(), Cork("gateway:26500")
    monkeypatch.setattr(cork, "_connections", lambda _: [line])
    for _ in range(10):
        one.request()
        one.request()
        await asyncio.sleep(0)
    assert line.values.count(0) >= 8
    await asyncio.sleep(0.01)
    assert line.values[-1] == 0
    one.close()
    assert line.values[-1] == -1


async def test_a_gateway_that_is_closed_keeps_no_connection(gateway: ZeebeGateway) -> None:
    """We hold a duplicate of gRPC's connection for a while, but not longer than the gateway."""
    await asyncio.gather(*(gateway.complete(key, {}) for key in range(3)))
    assert connected(gateway)
    await gateway.close()
    async with asyncio.timeout(20):
        while connected(gateway):  # noqa: ASYNC110 - gRPC closes in a thread of its own
            await asyncio.sleep(0.01)


async def test_what_is_no_connection_to_the_gateway_is_left_alone(tmp_path: Path) -> None:
    """Files, pipes, sockets of other kinds and connections to other ports are not touched, nor kept."""
    with (tmp_path / "file").open("w"), socket.socketpair()[0], socket.socket(socket.AF_INET6, socket.SOCK_DGRAM):
        before = len(list(cork._OPEN_FILES.iterdir()))
        assert cork._connections("1") == []
        assert len(list(cork._OPEN_FILES.iterdir())) == before


async def test_an_address_without_a_port_is_no_fault() -> None:
    """Then nothing is held back."""
    one = Cork("gateway.example")
    one.request()
    one.request()
    await asyncio.sleep(0.01)
    one.close()
