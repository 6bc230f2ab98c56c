"""Where the embedded engine's programs, ports and files are."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from workers.core.errors import SettingError

if TYPE_CHECKING:
    from pathlib import Path

    from workers.core.settings import Settings

LOOPBACK = "127.0.0.1"
# The runner that starts OpenSearch looks for a port up to 9299, and adds one to the base that it is given.
SEARCH_PORTS = range(9201, 9300)
_LOOPBACK_NAMES = (LOOPBACK, "localhost")


@dataclass(frozen=True, slots=True)
class EnginePaths:
    """The programs that the engine is made of.

    Attributes:
        java_home: a Java 21 runtime.
        camunda: the unpacked Camunda distribution, with ``config/`` and ``lib/``.
        opensearch: a folder with the jars of OpenSearch and its locale data.
    """

    java_home: Path
    camunda: Path
    opensearch: Path

    @property
    def java(self) -> Path:
        """The ``java`` program."""
        return self.java_home / "bin" / "java"


@dataclass(frozen=True, slots=True)
class EnginePorts:
    """The ports that the engine listens on, all on loopback.

    Attributes:
        grpc: the Zeebe gateway.
        rest: the REST API, Operate and Tasklist.
        monitoring: health and metrics.
        search: OpenSearch's HTTP.
        command: the broker's command API; nobody but the gateway inside speaks to it.
        internal: the broker's membership and replication.
        transport: OpenSearch's own transport.
    """

    grpc: int = 26500
    rest: int = 8080
    monitoring: int = 9600
    search: int = 9201
    command: int = 26501
    internal: int = 26502
    transport: int = 9300

    @classmethod
    def from_settings(cls, settings: Settings) -> EnginePorts:
        """The ports that the settings ask for; the three inner ones keep their defaults, or move where those are taken.

        Raises:
            SettingError: an address that is not on loopback or has no port; a search port that OpenSearch cannot use.
        """
        if settings.search_port not in SEARCH_PORTS:
            raise SettingError(
                f"SLUIS_SEARCH_PORT is {settings.search_port}, but the embedded engine's OpenSearch can only listen on "
                f"{SEARCH_PORTS.start} to {SEARCH_PORTS.stop - 1}."
            )
        grpc = _port(settings.grpc_address, "SLUIS_GRPC_ADDRESS")
        rest = _port(settings.rest_address, "SLUIS_REST_ADDRESS")
        outer = {grpc, rest, settings.monitoring_port, settings.search_port}
        command, internal, transport = _inner(outer)
        return cls(
            grpc=grpc,
            rest=rest,
            monitoring=settings.monitoring_port,
            search=settings.search_port,
            command=command,
            internal=internal,
            transport=transport,
        )

    @classmethod
    def free(cls) -> EnginePorts:
        """Ports that nobody listens on at this moment."""
        search = random.sample(SEARCH_PORTS, k=len(SEARCH_PORTS))  # so that two who look at once rarely meet
        grpc, rest, monitoring, command, internal, transport = _free(6)
        return cls(
            grpc=grpc,
            rest=rest,
            monitoring=monitoring,
            search=next((port for port in search if is_free(port)), SEARCH_PORTS.start),
            command=command,
            internal=internal,
            transport=transport,
        )

    @property
    def grpc_address(self) -> str:
        """The gateway as ``host:port``."""
        return f"{LOOPBACK}:{self.grpc}"

    @property
    def rest_address(self) -> str:
        """The base address of REST, Operate and Tasklist."""
        return f"http://{LOOPBACK}:{self.rest}"

    @property
    def search_address(self) -> str:
        """OpenSearch's address."""
        return f"http://{LOOPBACK}:{self.search}"

    @property
    def monitoring_address(self) -> str:
        """The base address of health and metrics."""
        return f"http://{LOOPBACK}:{self.monitoring}"


@dataclass(frozen=True, slots=True)
class EngineFolder:
    """The engine's files under ``<data>/engine``."""

    root: Path

    @property
    def state(self) -> Path:
        """Who runs the engine, and where it listens."""
        return self.root / "engine.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.root / "lock"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.root / "logs"

    @property
    def zeebe(self) -> Path:
        """The broker's log stream and snapshots."""
        return self.root / "zeebe"

    @property
    def camunda(self) -> Path:
        """Camunda's generated configuration; its working directory."""
        return self.root / "camunda"

    @property
    def opensearch(self) -> Path:
        """OpenSearch's configuration and indices."""
        return self.root / "opensearch"


def _port(address: str, setting: str) -> int:
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if port is None or parts.hostname not in _LOOPBACK_NAMES:
        raise SettingError(
            f"{setting} is {address!r}, but the embedded engine listens on {LOOPBACK} only.",
            f"Set {setting} to {LOOPBACK}:<port>, or SLUIS_ENGINE=external to use an engine elsewhere.",
        )
    return port


def _inner(outer: set[int]) -> tuple[int, int, int]:
    preferred = (26501, 26502, 9300)
    spare = iter(_free(len(preferred)))
    first, second, third = (port if port not in outer and is_free(port) else next(spare) for port in preferred)
    return first, second, third


def _free(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for held in sockets:
            held.bind((LOOPBACK, 0))
        return [held.getsockname()[1] for held in sockets]


def is_free(port: int) -> bool:
    """Whether a program could listen on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    with socket.socket() as probe:  # macOS lets a narrow address be bound under a wildcard listener
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) != 0
