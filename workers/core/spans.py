"""What the work on a job took its time for, as a tree of spans. Costs nothing where nobody traces.

`record` begins a tree; `span` and `note` add to the one that the present task works in, and do nothing where there is
none. What becomes of the tree is the composition root's business: no room below knows of OpenTelemetry.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from workers.core.events import Event

MOST_CHILDREN: Final = 500
"""Spans below one; a plan of thousands of resources does not become a trace that nobody can read."""
Facts = dict[str, str | int]
"""Short, public facts about a span: ids, states, codes."""

_BEGUN: Final = ("started", "running")
_BAD: Final = ("failed", "unreachable")


@dataclass
class Span:
    """Something that took time.

    Attributes:
        name: what it is.
        began: when, in nanoseconds since 1970.
        ended: when it ended; zero while it goes on.
        attributes: see `Facts`.
        failed: it did not come to a good end.
    """

    name: str
    began: int = field(default_factory=time.time_ns)
    ended: int = 0
    attributes: Facts = field(default_factory=dict)
    failed: bool = False
    children: list[Span] = field(default_factory=list)


_current: ContextVar[Span | None] = ContextVar("span", default=None)


@contextmanager
def record(name: str, attributes: Facts) -> Iterator[Span]:
    """Begin a tree, ended with the block."""
    yield from _within(Span(name, attributes=attributes))


@contextmanager
def span(name: str) -> Iterator[Span]:
    """A part of what the present task does, if that is recorded."""
    outer, found = _current.get(), Span(name)
    if outer is None:
        yield found
        return
    if len(outer.children) < MOST_CHILDREN:
        outer.children.append(found)
    yield from _within(found)


def note(facts: Facts) -> None:
    """Add facts to what the present task does, if that is recorded."""
    if outer := _current.get():
        outer.attributes |= facts


def _within(found: Span) -> Iterator[Span]:
    token = _current.set(found)
    try:
        yield found
    except BaseException:
        found.failed = True
        raise
    finally:
        found.ended = time.time_ns()
        _current.reset(token)


@dataclass
class Progress:
    """An `EventSink` that makes a span of each resource and task that a tool begins and ends."""

    _begun: dict[str, int] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """Take an event of a run."""
        outer = _current.get()
        if outer is None or not event.subject or not event.state:
            return
        moment = nanoseconds(event.time)
        if event.state in _BEGUN:
            self._begun.setdefault(event.subject, moment)
        elif (began := self._begun.pop(event.subject, 0)) and len(outer.children) < MOST_CHILDREN:
            about: Facts = {"sluis.state": event.state}
            outer.children.append(Span(event.subject, began, moment, about, failed=event.state in _BAD))


def nanoseconds(moment: datetime) -> int:
    """Nanoseconds since 1970."""
    return int(moment.timestamp() * 1_000_000) * 1000
