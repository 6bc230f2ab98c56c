"""Who listens on a port that the engine wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psutil

from workers.core.errors import BusyError
from workers.engine.embedded.layout import is_free

if TYPE_CHECKING:
    from workers.engine.embedded.layout import EnginePorts

_COMMAND_WIDTH = 120


def check_free(ports: EnginePorts) -> None:
    """Make sure that every port can be listened on.

    Raises:
        BusyError: naming each taken port, what it is for, and the program that holds it.
    """
    taken = [(port, purpose, setting) for port, purpose, setting in _purposes(ports) if not is_free(port)]
    if not taken:
        return
    problems = [f"Port {port} ({purpose}) is in use by {owner(port)}." for port, purpose, _ in taken]
    settings = sorted({setting for _, _, setting in taken if setting})
    change = f", or choose other ports with {', '.join(settings)}" if settings else ""
    raise BusyError(" ".join(problems), f"Stop that program{change}.")


def owner(port: int) -> str:
    """The program that listens on a port, in words: name, process id and command line.

    Needs no privilege for our own programs; those of other users may stay unnamed.
    """
    for pid in _listeners(port):
        try:
            process = psutil.Process(pid)
            command = " ".join(process.cmdline()) or process.name()
            return f"{process.name()} (process {pid}: {_shorten(command)})"
        except psutil.Error:
            return f"process {pid}"
    return "a program of another user"


def _purposes(ports: EnginePorts) -> tuple[tuple[int, str, str], ...]:
    return (
        (ports.grpc, "Zeebe gateway", "SLUIS_GRPC_ADDRESS"),
        (ports.rest, "REST, Operate and Tasklist", "SLUIS_REST_ADDRESS"),
        (ports.monitoring, "engine health", "SLUIS_MONITORING_PORT"),
        (ports.search, "OpenSearch", "SLUIS_SEARCH_PORT"),
        (ports.command, "broker command API", ""),
        (ports.internal, "broker internal API", ""),
        (ports.transport, "OpenSearch transport", ""),
    )


def _listeners(port: int) -> list[int]:
    try:
        connections: list[tuple[int | None, Any]] = [(c.pid, c) for c in psutil.net_connections(kind="tcp")]
    except psutil.AccessDenied:  # macOS shows other processes' sockets to root only
        connections = [*_own_connections()]
    return [
        pid
        for pid, connection in connections
        if pid and connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
    ]


def _own_connections() -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    for process in psutil.process_iter():
        try:
            found.extend((process.pid, connection) for connection in process.net_connections(kind="tcp"))
        except psutil.Error:
            continue
    return found


def _shorten(command: str) -> str:
    return command if len(command) <= _COMMAND_WIDTH else f"{command[:_COMMAND_WIDTH]}…"
