"""A plan as an approver reads it in Tasklist, and as handlers keep it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from workers.core.records import Counts, ResourceChange
from workers.core.redaction import Redactor
from workers.core.values import JsonValue
from workers.execution.markdown import Block, Section, escape, fit, value
from workers.execution.plan_json import AttributeChange, PlanDetail, PlanDocument, read_document
from workers.execution.sensitivity import Document

MARKDOWN_BYTES: Final = 8000
_ATTRIBUTES: Final = 20
# What cannot be undone comes first: nobody should have to scroll to find a deletion.
_HEADINGS: Final = {
    "delete": "Destroy",
    "replace": "Replace (destroy and create again)",
    "update": "Change in place",
    "create": "Create",
    "forget": "Forget (stays, but no longer managed)",
    "read": "Read during the apply",
}


@dataclass(frozen=True)
class PlanFacts:
    """What is known of a saved plan; nothing in it is secret.

    Attributes:
        changes: resources that change, are read or are forgotten.
        output_changes: names of the outputs that change.
        has_changes: applying the plan would do something.
        empty_before: the state held no managed resource when the plan was made.
        drifted: addresses that were changed outside of Terraform since the last apply.
        document: the plan's JSON, reduced to the changes, sensitive values masked.
        outputs: the outputs that the stack has now, those not sensitive.
        summary: one line.
        markdown: at most 8 kB, for approvers.
    """

    counts: Counts
    changes: tuple[ResourceChange, ...]
    output_changes: tuple[str, ...]
    has_changes: bool
    empty_before: bool
    drifted: tuple[str, ...]
    document: dict[str, JsonValue]
    outputs: dict[str, JsonValue]
    summary: str
    markdown: str


def read_plan(document: Document, *, has_changes: bool | None = None, redactor: Redactor | None = None) -> PlanFacts:
    """Read the JSON form of a plan into what a handler records and an approver sees.

    Args:
        document: what ``show -json PLAN`` prints; it has sensitive values in clear.
        has_changes: what the tool's exit status said; default: whether anything changes in the document.
        redactor: takes known secret values out of what is left as well.
    """
    plan = read_document(document, redactor)
    changed = (
        has_changes if has_changes is not None else bool(plan.counts.total or plan.outputs_changed or _forgets(plan))
    )
    return PlanFacts(
        counts=plan.counts,
        changes=plan.changes,
        output_changes=tuple(change.path for change in plan.outputs_changed),
        has_changes=changed,
        empty_before=plan.empty_before,
        drifted=plan.drifted,
        document=plan.redacted,
        outputs=plan.outputs,
        summary=_summary(plan),
        markdown=render_markdown(plan),
    )


def render_markdown(plan: PlanDocument, limit: int = MARKDOWN_BYTES) -> str:
    """The plan as Markdown of at most ``limit`` bytes: grouped by action, with old and new values."""
    return fit(f"**{_summary(plan)}**", tuple(_sections(plan)), limit)


def _forgets(plan: PlanDocument) -> bool:
    return any(change.action == "forget" for change in plan.changes)


def _summary(plan: PlanDocument) -> str:
    text = str(plan.counts)
    forgotten = sum(change.action == "forget" for change in plan.changes)
    if forgotten:
        text = f"{text}, {forgotten} to forget" if plan.counts.total else f"{forgotten} to forget"
    outputs = len(plan.outputs_changed)
    if outputs and not plan.counts.total and not forgotten:
        return f"{outputs} output{'s' if outputs > 1 else ''} to change"
    return text


def _sections(plan: PlanDocument) -> Iterator[Section]:
    for action, heading in _HEADINGS.items():
        blocks = tuple(_block(detail) for detail in plan.details if detail.change.action == action)
        if blocks:
            yield Section(f"### {heading}: {len(blocks)}", blocks)
    if plan.outputs_changed:
        yield Section(
            f"### Outputs: {len(plan.outputs_changed)}",
            tuple(Block(_line(change, "")) for change in plan.outputs_changed),
        )
    if plan.drifted:
        yield Section(
            f"### Changed outside of Terraform: {len(plan.drifted)}",
            tuple(Block(f"- {escape(address)}") for address in plan.drifted),
        )


def _block(detail: PlanDetail) -> Block:
    notes = [f"because of {escape(reason)}" for reason in detail.change.reasons]
    notes += [f"moved from {escape(detail.moved_from)}"] if detail.moved_from else []
    notes += ["imported"] if detail.imported else []
    line = f"- **{escape(detail.change.address)}**" + (f" ({', '.join(notes)})" if notes else "")
    return Block(line, tuple(_details(detail.attributes)))


def _details(attributes: tuple[AttributeChange, ...]) -> Iterator[str]:
    for attribute in attributes[:_ATTRIBUTES]:
        yield _line(attribute, "  ")
    if len(attributes) > _ATTRIBUTES:
        yield f"  - … and {len(attributes) - _ATTRIBUTES} more attributes"


def _line(change: AttributeChange, indent: str) -> str:
    new = value(change.after) if change.has_after else "(removed)"
    shown = f"{value(change.before)} → {new}" if change.has_before else new
    return f"{indent}- {escape(change.path)}: {shown}"
