"""Requests that are made at once leave in one piece (docs/adr/0022-requests-leave-together.md has the measurements).

gRPC writes every call to its connection by itself, and has no setting for it. To the gateway each small piece is an
event of its own. The official Java client gathers what is to be written.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import Final

_OPTION: Final = getattr(socket, "TCP_CORK", None)
"""Linux only: what does not fill a segment is held back until the option is off again, or for 200 ms (man 7 tcp)."""
_OPEN_FILES: Final = Path("/proc/self/fd")
_SEVERAL: Final = 2
_KNOWN_SECONDS: Final = 10.0
"""After so long the connections are looked up again: gRPC connects anew without telling."""


class Cork:
    """Holds the connections to a gateway back while several requests are written to them.

    A request that is alone is never held back. Where the connections are not found (not on Linux, through a proxy),
    nothing is.

    Args:
        address: host:port of the gateway.
    """

    def __init__(self, address: str) -> None:
        self._port = address.rpartition(":")[2]
        self._requests = 0
        self._held = 0
        self._connections: list[socket.socket] = []
        self._known: asyncio.TimerHandle | None = None

    def request(self) -> None:
        """Tell of a request that is being made; gRPC writes it in the event loop's next iteration."""
        self._requests += 1
        loop = asyncio.get_running_loop()
        if self._requests == 1:
            loop.call_soon(self._next_iteration)
        elif self._requests == _SEVERAL:
            self._look_up()
            self._held += 1
            self._hold(1)
            loop.call_soon(loop.call_soon, self._written)

    def close(self) -> None:
        """Let go of the connections, which stay open."""
        if self._known is not None:
            self._known.cancel()
            self._known = None
        self._hold(0)
        for connection in self._connections:
            connection.close()
        self._connections = []

    def _next_iteration(self) -> None:
        self._requests = 0

    def _written(self) -> None:
        """Let out what one iteration wrote, also where the next one writes more already."""
        self._hold(0)
        self._held -= 1
        if self._held:
            self._hold(1)

    def _hold(self, on: int) -> None:
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, _OPTION or 0, on)

    def _look_up(self) -> None:
        if self._known is None and _OPTION is not None:
            self._connections = _connections(self._port)
            self._known = asyncio.get_running_loop().call_later(_KNOWN_SECONDS, self.close)


def _connections(port: str) -> list[socket.socket]:
    """Duplicates of our own sockets that are connected to a port, of whatever host: gRPC tells neither of them."""
    found = []
    for file in list(_OPEN_FILES.glob("*")):
        with contextlib.suppress(OSError):  # closed meanwhile, or no socket
            one = _duplicate(int(file.name))
            if _peer_port(one) == port:
                found.append(one)
            else:
                one.close()
    return found


def _duplicate(descriptor: int) -> socket.socket:
    ours = os.dup(descriptor)
    try:
        return socket.socket(fileno=ours)
    except OSError:
        os.close(ours)
        raise


def _peer_port(one: socket.socket) -> str:
    """Empty for what is no connection over IP."""
    try:
        peer = one.getpeername()
    except OSError:
        return ""
    return str(peer[1]) if isinstance(peer, tuple) else ""
