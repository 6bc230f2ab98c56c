"""Traces: one for each process from its start to its end, over all that it called and all workers that worked on it.

No worker has to tell another anything: a trace is named by the outermost process instance and its start, a span by
what it stands for. The work on a job is sent when it has ended, and lies in the step that the engine gave it out for.
The steps and instances themselves, approvals among them, are sent from the engine's own record once all has ended.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from workers.core.errors import SettingError, SluisError
from workers.core.job import Done, HandedBack, Handler, Job, Lease, Outcome, Refused
from workers.core.spans import Facts, Span, record
from workers.engine.rest import Instance, OrchestrationRest
from workers.runs.store import Store
from workers.service.family import Family
from workers.service.models import Model
from workers.service.trace_spans import Finished, of_family, of_tree, trace_of

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OURS: Final = "http/protobuf"
_MOST_WAITING: Final = 2000
_MOST_KNOWN: Final = 10_000
_AT_ONCE: Final = 4
_FIRST_LOOK: Final = 2.0
_LONGEST_PAUSE: Final = 3600.0
_SETTLING: Final = 5.0
"""The search may show an instance as ended before the steps in it."""


class SpanSender(Protocol):
    """Where spans go."""

    def send(self, trace: str, spans: tuple[Finished, ...]) -> None:
        """Take spans of a trace. Must not block."""
        ...

    def close(self) -> None:
        """Send what waits. May take seconds."""
        ...


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether somebody has named a collector, by OpenTelemetry's own variables.

    Raises:
        SettingError: it is to be spoken to in a protocol that we do not speak.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(environ.get(name) for name in _ENDPOINTS):
        return False
    name = next((name for name in _PROTOCOLS if environ.get(name)), "")
    if name and environ[name] != _OURS:
        hint = "Set it to that, and name the collector's port for it, usually 4318."
        raise SettingError(f"{name} is '{environ[name]}'; traces are sent by {_OURS} only.", hint)
    return True


@asynccontextmanager
async def tracing(
    rest: OrchestrationRest, store: Store, models: Callable[[], Mapping[str, Model]], worker: str
) -> AsyncIterator[Callable[[Handler], Handler]]:
    """What makes a handler tell what it does, for the time of the block; the handler itself where nobody listens.

    Raises:
        SettingError: the settings of OpenTelemetry do not fit.
    """
    if not wanted(os.environ):
        yield lambda handler: handler
        return
    from workers.service.otlp import Sender  # noqa: PLC0415 - takes a while, and most installations have no collector

    sender = Sender(worker)
    traces = Traces(rest, store, models, sender)
    work = asyncio.create_task(traces.run(), name="traces")
    try:
        yield lambda handler: Traced(handler, traces.take)
        await traces.settle()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await asyncio.to_thread(sender.close)


@dataclass(frozen=True)
class Traced:
    """A handler whose work is recorded.

    Args:
        handler: does it.
        take: gets the record.
    """

    handler: Handler
    take: Callable[[Job, Span], None]

    async def __call__(self, job: Job, lease: Lease) -> Outcome:
        """Do the job. What is handed back was no work and is not recorded."""
        about: Facts = {
            "sluis.job": job.key, "sluis.process": job.process, "sluis.process_instance": job.process_instance,
            "sluis.element": job.element,
        }  # fmt: skip
        with record(job.type, about) as tree:
            outcome = await self._handled(job, lease, tree)
        if not isinstance(outcome, HandedBack):
            self.take(job, tree)
        return outcome

    async def _handled(self, job: Job, lease: Lease, tree: Span) -> Outcome:
        try:
            outcome = await self.handler(job, lease)
        except BaseException as error:
            tree.attributes["sluis.outcome"] = type(error).__name__
            tree.failed, tree.ended = True, time.time_ns()
            self.take(job, tree)
            raise
        tree.failed = not isinstance(outcome, Done)
        tree.attributes["sluis.outcome"] = type(outcome).__name__.lower()
        if isinstance(outcome, Refused):
            tree.attributes["sluis.code"] = outcome.code.value
        return outcome


@dataclass
class _Look:
    """When an outermost instance is looked at next."""

    due: float
    pause: float = _FIRST_LOOK
    ended: bool = False


@dataclass
class Traces:
    """Finds out which trace the work on a job belongs to, and sends it; off the jobs' way.

    Args:
        rest: the engine, which knows who called whom.
        store: where it is noted that an ended process was sent, so that one worker does it.
        models: know the names of steps.
        sender: where spans go.
    """

    rest: OrchestrationRest
    store: Store
    models: Callable[[], Mapping[str, Model]]
    sender: SpanSender
    _waiting: asyncio.Queue[tuple[Job, Span]] = field(default_factory=lambda: asyncio.Queue(_MOST_WAITING))
    _roots: OrderedDict[int, Instance] = field(default_factory=OrderedDict)
    _looks: OrderedDict[int, _Look] = field(default_factory=OrderedDict)
    _dropped: int = 0

    def take(self, job: Job, tree: Span) -> None:
        """Take the record of a job; it is dropped where too many wait."""
        try:
            self._waiting.put_nowait((job, tree))
        except asyncio.QueueFull:
            self._dropped += 1
            if self._dropped == 1:
                structlog.get_logger("sluis.traces").warning("traces.dropped", waiting=_MOST_WAITING)

    async def run(self) -> None:
        """Send and look, until cancelled."""
        await asyncio.gather(*(self._send_all() for _ in range(_AT_ONCE)), self._look_all())

    async def settle(self, seconds: float = 10) -> None:
        """Wait until everything that was taken is sent, if that takes no longer."""
        try:
            await asyncio.wait_for(self._waiting.join(), seconds)
        except TimeoutError:
            structlog.get_logger("sluis.traces").warning("traces.dropped", waiting=self._waiting.qsize())

    async def _send_all(self) -> None:
        while True:
            job, tree = await self._waiting.get()
            try:
                root = await self._root(job.process_instance)
                self.sender.send(trace_of(root), tuple(of_tree(tree, job)))
                self._look_soon(root.key)
            except SluisError as error:
                structlog.get_logger("sluis.traces").warning("traces.dropped", job=job.key, reason=str(error))
            finally:
                self._waiting.task_done()

    async def _root(self, instance: int) -> Instance:
        """The outermost instance. The search shows a new one after a second or two.

        Raises:
            EngineError: the engine does not say.
        """
        known = self._roots.get(instance)
        if known is None:
            known = self._roots[instance] = await self.rest.root_of(instance)
            while len(self._roots) > _MOST_KNOWN:
                self._roots.popitem(last=False)
        return known

    def _look_soon(self, root: int) -> None:
        self._looks[root] = _Look(time.monotonic() + _FIRST_LOOK)
        while len(self._looks) > _MOST_KNOWN:
            self._looks.popitem(last=False)

    async def _look_all(self) -> None:
        """Look whether processes have ended: soon after each of their jobs, then ever more rarely."""
        while True:
            for root, look in [(r, k) for r, k in self._looks.items() if k.due <= time.monotonic()]:
                look.pause = min(look.pause * 2, _LONGEST_PAUSE)
                look.due = time.monotonic() + look.pause
                try:
                    await self._look(root, look)
                except SluisError as error:
                    structlog.get_logger("sluis.traces").debug("traces.not_looked", instance=root, reason=str(error))
            await asyncio.sleep(1)

    async def _look(self, root: int, look: _Look) -> None:
        if look.ended:
            if await self.store.create(f"traces/{root}", b""):
                await self._send_once(root)
            self._looks.pop(root, None)
        elif (await self.rest.instance(root)).ended:
            look.ended, look.due = True, time.monotonic() + _SETTLING

    async def _send_once(self, root: int) -> None:
        try:
            await self.send_ended(root)
        except SluisError:
            await self.store.delete(f"traces/{root}")  # the next look may do better, here or elsewhere
            raise

    async def send_ended(self, root: int) -> None:
        """Send what the engine recorded of an ended process.

        Raises:
            EngineError: it does not say.
        """
        family = Family(self.rest, root, self.models())
        await family.refresh()
        self.sender.send(trace_of(family.instances[root]), tuple(of_family(family)))
