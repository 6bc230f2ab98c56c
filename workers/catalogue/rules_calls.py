"""Rules for call activities: the block, the module or role, its inputs, its errors, its outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

from workers.catalogue.drawing import Drawing, mappings
from workers.catalogue.feel import known_value
from workers.catalogue.findings import Finding
from workers.catalogue.known_inputs import given_inputs, problems
from workers.catalogue.surroundings import (
    ANSIBLE,
    ROLL_OUT,
    TERRAFORM,
    Surroundings,
    called_process,
    close_to,
    finding,
)
from workers.core.contract import Contract, Kind

_NEEDED: Final = {
    TERRAFORM: ("environment", "stack", "module"),
    ANSIBLE: ("environment", "role", "hosts"),
    ROLL_OUT: ("environment", "role", "hosts", "probe", "smoke"),
}
_TAKEN: Final = {
    TERRAFORM: ("inputs", "operation", "configure", "cleanupOf", "cleansUp", "purpose", "reminderAfter"),
    ANSIBLE: ("inputs", "change", "purpose", "reminderAfter"),
    ROLL_OUT: ("inputs", "rollback", "each", "change", "purpose", "reminderAfter"),
}
_RESULT: Final = {TERRAFORM: "change", ANSIBLE: "configured", ROLL_OUT: "rolledOut"}
_PARTS: Final = {
    TERRAFORM: frozenset({"changed", "change", "outputs", "hosts", "run", "summary"}),
    ANSIBLE: frozenset({"changed", "run", "summary", "outputs"}),
    ROLL_OUT: frozenset({"state", "message", "run", "change"}),
}
_ERRORS: Final = {
    TERRAFORM: ("PLAN_FAILED", "POLICY_DENIED", "CHANGE_REJECTED", "APPLY_FAILED"),
    ANSIBLE: ("POLICY_DENIED", "CHANGE_REJECTED", "HOST_FAILED", "HOST_UNREACHABLE"),
    ROLL_OUT: ("POLICY_DENIED", "CHANGE_REJECTED", "HOST_FAILED", "HOST_UNREACHABLE"),
}


def calls(drawing: Drawing, around: Surroundings) -> Iterator[Finding]:
    """Every finding at a call activity."""
    for call in drawing.elements("callActivity"):
        process = called_process(call)
        if process in _NEEDED:
            yield from _block(drawing, call, process, around)
        elif process and process not in around.processes:
            message = f"calls the process {process}, which is not in bpmn/."
            yield finding(drawing, call, "unknown-process", message, close_to(process, around.processes))


def contract_of(call: ET.Element, around: Surroundings) -> Contract | None:
    """The module or role of a call of a block, where the model names it and it is there."""
    kind = Kind.MODULE if called_process(call) == TERRAFORM else Kind.ROLE
    name = known_value(mappings(call, "input").get("module" if kind is Kind.MODULE else "role", "=unknown"))
    found = around.catalogue.module if kind is Kind.MODULE else around.catalogue.role
    return found(name) if isinstance(name, str) else None


def _block(drawing: Drawing, call: ET.Element, block: str, around: Surroundings) -> Iterator[Finding]:
    mapped = mappings(call, "input")
    yield from _variables(drawing, call, block, mapped)
    yield from _environment(drawing, call, mapped, around)
    yield from _named(drawing, call, block, around)
    yield from _errors(drawing, call, block, around)
    contract = contract_of(call, around)
    if contract is not None and known_value(mapped.get("operation", "")) != "destroy":
        for rule, sentence in problems(contract, given_inputs(mapped)):
            fix = f"See {contract.kind.value}.{contract.name} in the catalogue."
            yield finding(drawing, call, rule, sentence, fix)
    yield from _outputs(drawing, call, block, contract)


def _variables(drawing: Drawing, call: ET.Element, block: str, mapped: dict[str, str]) -> Iterator[Finding]:
    known = (*_NEEDED[block], *_TAKEN[block])
    for name in (n for n in _NEEDED[block] if n not in mapped):
        yield finding(drawing, call, "missing-variable", f"does not say {name} to {block}.", "Add an input mapping.")
    for name in (n for n in mapped if n.partition(".")[0] not in known):
        message = f"{name} is not a variable of {block}."
        yield finding(drawing, call, "unknown-variable", message, close_to(name, known))


def _environment(drawing: Drawing, call: ET.Element, mapped: dict[str, str], around: Surroundings) -> Iterator[Finding]:
    name = known_value(mapped.get("environment", "=unknown"))
    if isinstance(name, str) and around.environments and name not in around.environments:
        message = f"there is no environment {name or '(empty)'}."
        yield finding(drawing, call, "unknown-environment", message, close_to(name, around.environments))


def _named(drawing: Drawing, call: ET.Element, block: str, around: Surroundings) -> Iterator[Finding]:
    word, kind = ("module", Kind.MODULE) if block == TERRAFORM else ("role", Kind.ROLE)
    name = known_value(mappings(call, "input").get(word, "=unknown"))
    broken = {p.name for p in around.catalogue.problems if p.kind is kind}
    if isinstance(name, str) and contract_of(call, around) is None and name not in broken:
        known = [c.name for c in around.catalogue.contracts if c.kind is kind]
        message = f"there is no {word} {name or '(empty)'}."
        yield finding(drawing, call, f"unknown-{word}", message, close_to(name, known))


def _errors(drawing: Drawing, call: ET.Element, block: str, around: Surroundings) -> Iterator[Finding]:
    """A process that others call may hand errors on to them."""
    caught = drawing.caught(call)
    if "*" in caught or drawing.process_of(call) in around.called:
        return
    missing = [code for code in _ERRORS[block] if code not in caught]
    if missing:
        message = f"nobody catches {', '.join(missing)}; an instance would stop with an incident."
        yield finding(drawing, call, "uncaught-error", message, "Add an error boundary event.")


def _outputs(drawing: Drawing, call: ET.Element, block: str, contract: Contract | None) -> Iterator[Finding]:
    """What the model reads of the result: in the output mappings, and wherever the result's variable is used."""
    mapped = mappings(call, "output")
    yield from (
        found for source in mapped.values() for found in _parts(drawing, call, source, _RESULT[block], block, contract)
    )
    whole = [target for target, source in mapped.items() if source == f"={_RESULT[block]}"]
    for target in (t for t in whole if drawing.writers[t] == 1):
        for element, text in drawing.expressions:
            if target in text and element is not call and drawing.process_of(element) == drawing.process_of(call):
                yield from _parts(drawing, element, text, target, block, contract)


def _parts(
    drawing: Drawing, at: ET.Element, source: str, variable: str, block: str, contract: Contract | None
) -> Iterator[Finding]:
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', source)
    for part, output in re.findall(rf"(?<![\w.]){re.escape(variable)}\.(\w+)(?:\.(\w+))?", bare):
        if part not in _PARTS[block]:
            message = f"{variable}.{part}: the result of {block} has no {part}."
            yield finding(drawing, at, "unknown-output", message, close_to(part, _PARTS[block]))
        names = [o.name for o in contract.outputs] if contract is not None else []
        if part == "outputs" and output and contract is not None and output not in names:
            message = f"{variable}.outputs.{output}: the module {contract.name} has no output {output}."
            yield finding(drawing, at, "unknown-output", message, close_to(output, names))
