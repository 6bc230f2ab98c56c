"""The spans of a trace, and how they lie within each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from workers.core.job import Job
from workers.core.spans import Facts, Span, nanoseconds
from workers.engine.rest import Instance
from workers.service.family import Family

_STEPS: Final = frozenset({
    "USER_TASK", "SERVICE_TASK", "SEND_TASK", "BUSINESS_RULE_TASK", "SCRIPT_TASK", "RECEIVE_TASK",
    "INTERMEDIATE_CATCH_EVENT", "INTERMEDIATE_THROW_EVENT", "END_EVENT",
})  # fmt: skip
"""What takes time, waits, or gives out a job: ends and thrown events may be served by jobs too."""


@dataclass(frozen=True)
class Finished:
    """A span that has ended.

    Attributes:
        id: what identifies it within its trace; the same wherever it is made up.
        parent: the same of the span around it; empty for the outermost.
        began: nanoseconds since 1970.
        consumer: it is the work on what somebody else has put into a queue.
    """

    id: str
    parent: str
    name: str
    began: int
    ended: int
    attributes: Facts
    failed: bool = False
    consumer: bool = False


def trace_of(root: Instance) -> str:
    """What names the trace. Engines begin to count anew, so the key alone does not."""
    return f"{root.key} {root.start.isoformat() if root.start else ''}"


def of_tree(tree: Span, job: Job) -> Iterator[Finished]:
    """The work on a job, below its step."""
    waiting = [(tree, f"job {job.key} {tree.began}", f"element {job.element_instance}")]
    while waiting:
        span, name, parent = waiting.pop()
        yield Finished(
            name, parent, span.name, span.began, span.ended, span.attributes, span.failed, consumer=span is tree
        )
        waiting += [(child, f"{name}/{n}", name) for n, child in enumerate(span.children)]


def of_family(family: Family) -> Iterator[Finished]:
    """Instances within their callers, steps within their instances."""
    for instance in family.instances.values():
        if instance.start and instance.end:
            parent = f"instance {instance.parent_key}" if instance.parent_key in family.instances else ""
            model = family.models.get(instance.process_id)
            about: Facts = {
                "sluis.process": instance.process_id, "sluis.process_version": instance.version,
                "sluis.process_instance": instance.key, "sluis.state": instance.state,
            }  # fmt: skip
            yield Finished(
                f"instance {instance.key}", parent, model.name if model else instance.process_id,
                nanoseconds(instance.start), nanoseconds(instance.end), about, failed=instance.state == "CANCELED",
            )  # fmt: skip
        for step in family.elements.get(instance.key, ()):
            if step.type in _STEPS and step.start and step.end:
                facts: Facts = {"sluis.element": step.element, "sluis.type": step.type, "sluis.state": step.state}
                yield Finished(
                    f"element {step.key}", f"instance {instance.key}", family.label(instance.key, step.element),
                    nanoseconds(step.start), nanoseconds(step.end), facts,
                )  # fmt: skip
