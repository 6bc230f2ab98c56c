"""What differs between a stack and what it was made from, as findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workers.core.compliance import Finding, ScanKind, Severity
from workers.core.values import JsonValue
from workers.execution.plan_json import AttributeChange, PlanDetail, read_document

_SEVERITIES: Final = {
    "create": Severity.HIGH,
    "replace": Severity.HIGH,
    "delete": Severity.MEDIUM,
    "update": Severity.MEDIUM,
    "forget": Severity.LOW,
}
_WORDS: Final = {
    "create": "is gone; an apply would make it again",
    "replace": "has to be made anew",
    "delete": "is no longer in the module; an apply would remove it",
    "update": "differs from what was applied",
    "forget": "is no longer managed",
    "noticed": "was changed outside of Terraform in what the module does not set",
}
_SHOWN: Final = 20
_LITERAL: Final = 60


def drift_findings(stack: str, document: dict[str, JsonValue], *, module_changed: bool = False) -> tuple[Finding, ...]:
    """The resources that an apply would change, and those that were only changed outside.

    Args:
        stack: the stack, ``environment/name``.
        document: the redacted JSON of a plan with the inputs of the last apply.
        module_changed: the module's files are not those of the last apply, which may be why something differs.
    """
    plan = read_document(document)
    why = " The module was changed after the last apply, which may be why." if module_changed else ""
    differing = [detail for detail in plan.details if detail.change.action in _SEVERITIES]
    found = [_finding(stack, d.change.action, d, why) for d in differing]
    known = {d.change.address for d in differing}
    found += [_finding(stack, "noticed", d, "") for d in _drifted(document) if d.change.address not in known]
    outputs = tuple(change for change in plan.outputs_changed)
    if outputs and not found:
        names = ", ".join(change.path for change in outputs)
        found.append(_outputs(stack, names, why))
    return tuple(found)


def _drifted(document: dict[str, JsonValue]) -> tuple[PlanDetail, ...]:
    """The resources that were changed outside, with what changed in them."""
    changed: dict[str, Any] = {**document, "resource_changes": document.get("resource_drift", []), "output_changes": {}}
    return read_document(changed).details


def _finding(stack: str, action: str, detail: PlanDetail, why: str) -> Finding:
    address = detail.change.address
    attributes = sorted(attribute.path for attribute in detail.attributes)
    place = f"{address}: {', '.join(attributes)}" if action in ("update", "noticed") and attributes else address
    return Finding(
        stack=stack,
        kind=ScanKind.DRIFT,
        rule=f"drift.{action}",
        place=place[:1000],
        severity=_SEVERITIES.get(action, Severity.LOW),
        title=f"{address} {_WORDS[action]}"[:300],
        detail=("; ".join(_lines(detail)) + why).strip()[:2000],
        help="Remediate: the change is planned, approved and applied.",
    )


def _outputs(stack: str, names: str, why: str) -> Finding:
    title = f"The outputs {names} differ from what was applied"
    return Finding(
        stack=stack, kind=ScanKind.DRIFT, rule="drift.outputs", place=names[:1000], severity=Severity.LOW,
        title=title[:300], detail=why.strip(),
    )  # fmt: skip


def _lines(detail: PlanDetail) -> Iterator[str]:
    if detail.change.reasons:
        yield f"because of {', '.join(detail.change.reasons)}"
    if detail.change.action != "create":
        for attribute in detail.attributes[:_SHOWN]:
            yield _line(attribute)


def _line(attribute: AttributeChange) -> str:
    before = _short(attribute.before) if attribute.has_before else "nothing"
    after = _short(attribute.after) if attribute.has_after else "nothing"
    return f"{attribute.path}: {before} → {after}"


def _short(value: JsonValue) -> str:
    text = str(value)
    return text if len(text) <= _LITERAL else text[: _LITERAL - 1] + "…"
