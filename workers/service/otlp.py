"""Finished spans on their way to a collector, by OTLP over HTTP.

The settings are OpenTelemetry's own (``OTEL_…``): see docs/how-to/follow-traces.md. Sending happens in a thread of
its own over a bounded queue: a collector that is slow or gone costs spans, never a job.
"""

from __future__ import annotations

import logging
import os
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from workers import __version__
from workers.core.values import digest_bytes
from workers.service.trace_spans import Finished

_FLUSH_MS: Final = 3000


class Sender:
    """Sends spans.

    Args:
        worker: our name, by which the spans of several workers are told apart.
    """

    def __init__(self, worker: str) -> None:
        own = {"service.name": "sluis", "service.version": __version__, "service.instance.id": worker}
        self._resource = Resource.create(own if not os.environ.get("OTEL_SERVICE_NAME") else own | _named())
        _tell_trouble()
        self._queue = BatchSpanProcessor(OTLPSpanExporter())

    def send(self, trace: str, spans: tuple[Finished, ...]) -> None:
        """Send spans of a trace.

        Args:
            trace: what identifies the trace; the same for all workers.
            spans: the spans.
        """
        number = int(digest_bytes(trace.encode())[:32], 16)
        for span in spans:
            self._queue.on_end(self._readable(number, span))

    def close(self) -> None:
        """Send what waits. Takes seconds where the collector does not answer."""
        self._queue.force_flush(_FLUSH_MS)
        self._queue.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, trace: int, span: Finished) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=_context(trace, span.id),
            parent=_context(trace, span.parent) if span.parent else None,
            resource=self._resource,
            attributes=span.attributes,
            kind=SpanKind.CONSUMER if span.consumer else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=span.began,
            end_time=max(span.ended, span.began),
        )


def _context(trace: int, span: str) -> SpanContext:
    number = int(digest_bytes(span.encode())[:16], 16)
    return SpanContext(trace, number, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _named() -> dict[str, str]:
    return {"service.name": os.environ["OTEL_SERVICE_NAME"]}


class _Trouble(logging.Handler):
    """What the exporter complains of, in our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger("sluis.traces").warning("traces.trouble", message=record.getMessage())


def _tell_trouble() -> None:
    log = logging.getLogger("opentelemetry")
    if not any(isinstance(handler, _Trouble) for handler in log.handlers):
        log.addHandler(_Trouble(logging.WARNING))
        log.propagate = False
