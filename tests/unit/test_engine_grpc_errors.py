"""gRPC status codes in words for people."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest
from pyzeebe.proto import gateway_pb2 as pb

from workers.core.errors import EngineError, EngineUnavailableError, SettingError
from workers.core.settings import Settings
from workers.engine.channel import open_channel
from workers.engine.errors import EngineBusyError, JobGoneError, PayloadTooLargeError
from workers.engine.grpc import ZeebeGateway
from workers.engine.grpc_errors import translate


def failure(code: grpc.StatusCode, details: str = "") -> EngineError:
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details)
    return translate(error, "127.0.0.1:26500", "complete job 42")


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, "no such job", JobGoneError),
        (grpc.StatusCode.UNAVAILABLE, "connection refused", EngineUnavailableError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", EngineUnavailableError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "please try again later", EngineBusyError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "message larger than max", PayloadTooLargeError),
        (grpc.StatusCode.INVALID_ARGUMENT, "rejected: EXCEEDED_BATCH_RECORD_SIZE", PayloadTooLargeError),
        (grpc.StatusCode.UNAUTHENTICATED, "", EngineError),
        (grpc.StatusCode.FAILED_PRECONDITION, "job is not activated", EngineError),
    ],
)
def test_each_status_has_its_kind_and_names_address_and_subject(
    code: grpc.StatusCode, details: str, kind: type[EngineError]
) -> None:
    """The kind decides what the loop does; the message says what was asked and of whom."""
    error = failure(code, details)
    assert type(error) is kind
    assert "127.0.0.1:26500" in str(error)
    assert "complete job 42" in str(error)


def test_an_engine_that_is_not_there_says_what_to_do() -> None:
    """The hint names the setting and the command."""
    text = str(failure(grpc.StatusCode.UNAVAILABLE))
    assert "SLUIS_GRPC_ADDRESS" in text
    assert "sluis up" in text


async def test_a_closed_port_is_an_unavailable_engine(unused_tcp_port: int) -> None:
    """Nobody listening is told within the time given, as EngineUnavailableError."""
    async with ZeebeGateway.from_settings(Settings(grpc_address=f"127.0.0.1:{unused_tcp_port}")) as gateway:
        with pytest.raises(EngineUnavailableError, match=str(unused_tcp_port)):
            await gateway.topology(within=2)


class Slow:
    """A gateway that gives up waiting for its broker, once or more."""

    def __init__(self, times: int) -> None:
        self.left = times

    async def DeployResource(self, request: Any, timeout: float) -> Any:  # noqa: ASYNC109, N802 - the stub's
        self.left -= 1
        if self.left >= 0:
            details = "Time out between gateway and broker"
            empty = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, empty, empty, details)
        return pb.DeployResourceResponse(key=7)


async def test_a_deployment_that_took_too_long_is_asked_for_again() -> None:
    """The same content keeps its version, so nothing is lost by asking again; but not for ever."""
    async with ZeebeGateway.from_settings(Settings(grpc_address="127.0.0.1:1")) as gateway:
        gateway._stub = Slow(times=2)
        assert (await gateway.deploy({"a.bpmn": b"<a/>"})).processes == ()
        gateway._stub = Slow(times=100)
        with pytest.raises(EngineUnavailableError, match="Time out between gateway and broker"):
            await gateway.deploy({"a.bpmn": b"<a/>"})


async def test_a_token_is_not_sent_in_clear() -> None:
    """OAuth without TLS is refused with the names of both settings."""
    with pytest.raises(SettingError, match="SLUIS_GRPC_TLS"):
        open_channel(Settings(oauth_token_url="https://login.example.org/token", oauth_client_id="x"))
