"""A collector of traces: takes what OpenTelemetry's exporters send by OTLP over HTTP, and keeps it."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Seen:
    """A span as the collector got it."""

    trace: str
    id: str
    parent: str
    name: str
    worker: str
    attributes: dict[str, str | int]
    failed: bool
    nanoseconds: tuple[int, int]


@dataclass
class Collector:
    """Keeps spans.

    Attributes:
        address: what OTEL_EXPORTER_OTLP_ENDPOINT is set to.
        failing: the status that it answers with in place of taking anything; zero: it takes all.
    """

    address: str = ""
    spans: list[Seen] = field(default_factory=list)
    requests: int = 0
    failing: int = 0

    def whole(self, instance: int) -> list[Seen]:
        """All spans of the trace of that outermost process instance; none before its end has arrived."""
        roots = {s.trace for s in self.spans if s.attributes.get("sluis.process_instance") == instance and not s.parent}
        return [s for s in self.spans if s.trace in roots]

    def wait(self, fits, seconds: float = 60) -> list[Seen]:
        """Wait until ``fits`` of this collector gives spans, and return them."""
        deadline = time.monotonic() + seconds
        while not (found := fits(self)):
            assert time.monotonic() < deadline, f"no such span among {[(s.name, s.trace) for s in self.spans]}"
            time.sleep(0.2)
        return found


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector on a port of this machine."""
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.requests += 1
            if found.failing:
                self.send_error(found.failing)
                return
            assert self.path == "/v1/traces", self.path
            assert self.headers["Content-Type"] == "application/x-protobuf"
            content = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            found.spans += _read(content)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _read(content: bytes) -> list[Seen]:
    found = []
    for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
        own = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            found += [
                Seen(
                    s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), s.name, str(own["service.instance.id"]),
                    _attributes(s.attributes), s.status.code == 2, (s.start_time_unix_nano, s.end_time_unix_nano),
                )
                for s in scope.spans
            ]  # fmt: skip
    return found


def _attributes(pairs) -> dict[str, str | int]:
    return {p.key: getattr(p.value, p.value.WhichOneof("value")) for p in pairs}
