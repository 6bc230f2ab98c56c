"""Rules for tasks, forms, people and timers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

from workers.catalogue.drawing import B, Drawing, extension, mappings
from workers.catalogue.feel import known_value
from workers.catalogue.findings import Finding
from workers.catalogue.known_inputs import given_inputs, problems
from workers.catalogue.surroundings import ANSIBLE, ROLL_OUT, TERRAFORM, Surroundings, close_to, finding
from workers.core.contract import Contract, Kind

_JOB: Final = re.compile(r"(terraform|ansible)\.([^.]+)\.([^.]+)")
_BARE: Final = {"terraform": ("apply", (TERRAFORM,)), "ansible": ("run", (ANSIBLE, ROLL_OUT))}
_DURATION: Final = re.compile(
    r"-?P(?=\d|T\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?",
)
_DATE: Final = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
    r"(Z|[+-]\d\d:\d\d)(\[[\w/+-]+\])?"
)
_CRON: Final = re.compile(r"(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[\w*/,?#-]+( [\w*/,?#-]+){5})")
_LITERAL: Final = re.compile(r'=\s*(duration|date and time|cycle)?\(?\s*"([^"]*)"\s*\)?\s*')


def job_types(drawing: Drawing, around: Surroundings) -> Iterator[Finding]:
    """Jobs of modules and roles that are not there, and changes outside the block that asks for approval."""
    for element in drawing.root.iter():
        definition = extension(element, "taskDefinition") if element.tag.startswith(B) else None
        if definition is not None:
            job = definition.get("type", "")
            yield from _bare(drawing, element, job)
            yield from _served(drawing, element, job, around)


def forms(drawing: Drawing, around: Surroundings) -> Iterator[Finding]:
    """Forms that are not there."""
    for element in drawing.root.iter():
        form = extension(element, "formDefinition")
        wanted = form.get("formId", "") if form is not None else ""
        if wanted and not wanted.startswith("=") and wanted not in around.forms:
            message = f"shows the form {wanted}, which is not in bpmn/."
            yield finding(drawing, element, "unknown-form", message, close_to(wanted, around.forms))


def decisions(drawing: Drawing, around: Surroundings) -> Iterator[Finding]:
    """Decisions that are not there."""
    for task in drawing.elements("businessRuleTask"):
        called = extension(task, "calledDecision")
        wanted = called.get("decisionId", "") if called is not None else ""
        if wanted and not wanted.startswith("=") and wanted not in around.decisions:
            message = f"asks the decision {wanted}, which is not in bpmn/."
            yield finding(drawing, task, "unknown-decision", message, close_to(wanted, around.decisions))


def people(drawing: Drawing, around: Surroundings) -> Iterator[Finding]:
    """User tasks of the old kind, and groups that no environment names."""
    for task in drawing.elements("userTask"):
        if extension(task, "userTask") is None:
            message = "is a user task of the old kind, which Tasklist's API and our records do not see."
            yield finding(drawing, task, "user-task-kind", message, "Choose the implementation Camunda user task.")
        assignment = extension(task, "assignmentDefinition")
        groups = _groups(assignment.get("candidateGroups", "") if assignment is not None else "")
        for group in (g for g in groups if around.groups and g not in around.groups):
            message = f"asks the group {group}, which no environment names."
            yield finding(drawing, task, "unknown-group", message, close_to(group, around.groups))


def timers(drawing: Drawing, _: Surroundings) -> Iterator[Finding]:
    """Durations, dates and cycles that the engine cannot read."""
    for event in drawing.root.iter():
        for definition in event.findall(f"{B}timerEventDefinition"):
            for kind in ("timeDuration", "timeDate", "timeCycle"):
                source = (definition.findtext(f"{B}{kind}") or "").strip()
                if definition.find(f"{B}{kind}") is not None and not _parses(kind, source):
                    message = f"the timer {source or '(empty)'} is no {_TIMERS[kind]}."
                    yield finding(drawing, event, "bad-timer", message, f"Write e.g. {_EXAMPLES[kind]}.")


_TIMERS: Final = {"timeDuration": "duration", "timeDate": "moment", "timeCycle": "cycle"}
_EXAMPLES: Final = {"timeDuration": "PT4H", "timeDate": "2030-01-01T12:00:00Z", "timeCycle": "R/P1D or 0 0 6 * * *"}


def _bare(drawing: Drawing, element: ET.Element, job: str) -> Iterator[Finding]:
    for kind, (verb, blocks) in _BARE.items():
        plain = job.replace(" ", "")
        static = plain.startswith(f"{kind}.") and plain.endswith(f".{verb}")
        computed = plain.startswith("=") and f'"{kind}.' in plain and plain.endswith(f'.{verb}"')
        if (static or computed) and drawing.process_of(element) not in blocks:
            message = f"changes something outside {blocks[0]}, so that nobody is asked."
            yield finding(drawing, element, f"bare-{verb}", message, f"Call {blocks[0]} instead.")


def _served(drawing: Drawing, element: ET.Element, job: str, around: Surroundings) -> Iterator[Finding]:
    value = known_value(job)
    found = _JOB.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return
    kind = Kind(found[1])
    known = {c.name: c for c in around.catalogue.contracts if c.kind is kind}
    broken = {p.name for p in around.catalogue.problems if p.kind is kind}
    word = "module" if kind is Kind.MODULE else "role"
    if found[2] in known:
        yield from _job_of(drawing, element, found[0], known[found[2]])
    elif found[2] not in broken:
        yield finding(drawing, element, f"unknown-{word}", f"there is no {word} {found[2]}.", close_to(found[2], known))


def _job_of(drawing: Drawing, element: ET.Element, job: str, contract: Contract) -> Iterator[Finding]:
    if job not in contract.job_types:
        message = f"is a job of the type {job}, which nobody serves."
        yield finding(drawing, element, "unknown-job-type", message, close_to(job, contract.job_types))
    elif job.endswith((".plan", ".check")):
        mapped = mappings(element, "input")
        # Without mappings a job gets all variables of the process, and what they hold only the process knows.
        given = given_inputs(mapped) if any(t.partition(".")[0] == "inputs" for t in mapped) else None
        if given is not None and known_value(mapped.get("operation", "")) != "destroy":
            fix = f"See {contract.kind.value}.{contract.name} in the catalogue."
            for rule, sentence in problems(contract, given):
                yield finding(drawing, element, rule, sentence, fix)


def _groups(source: str) -> tuple[str, ...]:
    """The groups that are written down."""
    value = known_value(source)
    if isinstance(value, list):
        return tuple(g for g in value if isinstance(g, str))
    return tuple(g.strip() for g in value.split(",") if g.strip()) if isinstance(value, str) else ()


def _parses(kind: str, source: str) -> bool:
    if source.startswith("="):
        literal = _LITERAL.fullmatch(source)
        if literal is None:
            return len(source) > 1
        source = literal[2]
    if kind == "timeDuration":
        return _DURATION.fullmatch(source) is not None
    return _DATE.fullmatch(source) is not None if kind == "timeDate" else _is_cycle(source)


def _is_cycle(source: str) -> bool:
    if not source.startswith("R"):
        return _CRON.fullmatch(source) is not None
    times, *rest = source.split("/")
    spans = bool(rest) and _DURATION.fullmatch(rest[-1]) is not None
    starts = len(rest) < 2 or (len(rest) == 2 and _DATE.fullmatch(rest[0]) is not None)  # noqa: PLR2004 - R/start/span
    return re.fullmatch(r"R\d*", times) is not None and spans and starts
