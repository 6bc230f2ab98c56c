"""Serving the application with uvicorn, inside the worker's own event loop and under the worker's own signals."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn
from starlette.types import ASGIApp

from workers.core.errors import BusyError

_GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the worker decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen(address: str, port: int, *, movable: bool) -> socket.socket:
    """A listening socket.

    Args:
        address: IP address or host name to listen on.
        port: the wanted port.
        movable: take a free port where the wanted one is busy.

    Raises:
        BusyError: the port cannot be had.
    """
    try:
        return _bound(address, port)
    except OSError as error:
        if movable:
            return _bound(address, 0)
        hint = "Set SLUIS_WEB_ADDRESS and SLUIS_WEB_PORT to what is free here; port 0 serves no pages."
        raise BusyError(f"The web service cannot listen on {address}:{port}: {error.strerror}.", hint) from error


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, sock: socket.socket) -> AsyncIterator[None]:
    """The application is served for the time of the block; open connections get a moment to end."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([sock]), name="web")
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        sock.close()


def _bound(address: str, port: int) -> socket.socket:
    family, kind, protocol, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(target)
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
