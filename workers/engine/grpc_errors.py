"""From gRPC status codes to errors that people can act on."""

from __future__ import annotations

from typing import Final

import grpc
import grpc.aio

from workers.core.errors import EngineError, EngineUnavailableError
from workers.engine.errors import EngineBusyError, JobGoneError, PayloadTooLargeError

_SETTINGS: Final = "Check SLUIS_GRPC_ADDRESS and SLUIS_GRPC_TLS, or start an engine with `sluis up`."
_CREDENTIALS: Final = "Check SLUIS_OAUTH_CLIENT_ID, SLUIS_OAUTH_CLIENT_SECRET and SLUIS_OAUTH_AUDIENCE."
_UNREACHABLE: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
)


def translate(error: grpc.aio.AioRpcError, address: str, subject: str) -> EngineError:
    """The error for a failed call.

    Args:
        error: what grpc raised.
        address: host:port of the gateway, named in the message.
        subject: what was asked for, e.g. ``complete job 42``.
    """
    code, details = error.code(), error.details() or error.code().name
    if code is grpc.StatusCode.NOT_FOUND:
        return JobGoneError(f"{subject}: the engine at {address} does not know it ({details})")
    if _is_too_large(details):
        return PayloadTooLargeError(f"{subject}: too large for the engine at {address} ({details})")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return EngineBusyError(f"{subject}: the engine at {address} is busy ({details})", "Try again in a moment.")
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return EngineError(f"{subject}: the engine at {address} does not let us in ({details})", _CREDENTIALS)
    if code in _UNREACHABLE:
        return EngineUnavailableError(f"No engine answers at {address} ({subject}: {details})", _SETTINGS)
    return EngineError(f"{subject}: the engine at {address} refused it ({code.name}: {details})")


def _is_too_large(details: str) -> bool:
    """The two ways in which 8.6 says it: a rejection of the record, and gRPC's own limit (measured)."""
    return any(text in details for text in ("EXCEEDED_BATCH_RECORD_SIZE", "larger than max", "exceeds maximum size"))
