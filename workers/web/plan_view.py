"""A saved plan as a page shows it: grouped by action, what cannot be undone first."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Final

from workers.core.redaction import MASK
from workers.core.values import JsonValue
from workers.execution.plan_json import UNKNOWN, AttributeChange, PlanDetail, read_document
from workers.execution.sensitivity import SENSITIVE, any_mark

STACK_PREFIX: Final = "module.stack."
"""Every resource of a catalogue module has it; the stack is known, so it says nothing."""
_FEW_LINES: Final = 3
_GROUPS: Final = {
    "delete": "Destroy",
    "replace": "Replace",
    "update": "Change in place",
    "create": "Create",
    "forget": "Forget",
    "read": "Read during the apply",
}
_MEANING: Final = {
    "delete": "will be destroyed",
    "replace": "will be destroyed and created again",
    "update": "will be changed where they are",
    "create": "will be created",
    "forget": "stay, but are no longer managed",
    "read": "will be looked up",
}


@dataclass(frozen=True)
class Value:
    """One side of an attribute: its text, and whether it is a known value, ``unknown`` or ``sensitive``."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Attribute:
    """An attribute that changes.

    Attributes:
        lines: of a long text, what is removed (``-``), added (``+``) and around it (a space); empty for others.
    """

    path: str
    before: Value | None
    after: Value | None
    forces: bool
    lines: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Resource:
    """A resource that changes."""

    address: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True)
class Group:
    """The resources with one action."""

    action: str
    title: str
    meaning: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True)
class PlanView:
    """The plan."""

    groups: tuple[Group, ...]
    outputs: tuple[Attribute, ...]
    drifted: tuple[str, ...]


def view_of(document: bytes) -> PlanView:
    """The view of a plan's redacted JSON, as the store keeps it."""
    content: dict[str, Any] = json.loads(document)
    plan = read_document(content)
    masked = {e["address"] for e in content.get("resource_changes", ()) if _marked_on_both_sides(e["change"])}
    groups = []
    for action, title in _GROUPS.items():
        resources = tuple(_resource(detail, masked) for detail in plan.details if detail.change.action == action)
        if resources:
            groups.append(Group(action, title, _MEANING[action], resources))
    return PlanView(tuple(groups), tuple(_attribute(change, ()) for change in plan.outputs_changed), plan.drifted)


def _marked_on_both_sides(change: Mapping[str, Any]) -> bool:
    return any_mark(change.get("before_sensitive")) and any_mark(change.get("after_sensitive"))


def _resource(detail: PlanDetail, masked: Collection[str]) -> Resource:
    notes = [f"moved from {detail.moved_from}"] if detail.moved_from else []
    notes += ["imported"] if detail.imported else []
    # The kept document has masks in place of these values, so that a difference between two of them is gone.
    notes += ["has sensitive attributes that may change too"] if detail.change.address in masked else []
    reasons = detail.change.reasons
    return Resource(
        detail.change.address.removeprefix(STACK_PREFIX),
        reasons,
        tuple(notes),
        tuple(_attribute(a, reasons) for a in detail.attributes),
    )


def _attribute(change: AttributeChange, reasons: tuple[str, ...]) -> Attribute:
    before = _value(change.before) if change.has_before else None
    after = _value(change.after) if change.has_after else None
    return Attribute(change.path, before, after, change.path in reasons, _lines(before, after))


def _lines(before: Value | None, after: Value | None) -> tuple[tuple[str, str], ...]:
    """The difference of two texts by line, where both are known and one has several."""
    if before is None or after is None or before.kind or after.kind:
        return ()
    old, new = _readable(before.text).splitlines(), _readable(after.text).splitlines()
    if max(len(old), len(new)) < _FEW_LINES:
        return ()
    found = tuple(unified_diff(old, new, n=2, lineterm=""))[3:]
    return tuple(("@", "") if line.startswith("@@") else (line[0], line[1:]) for line in found)


def _readable(text: str) -> str:
    """A policy or other JSON in a text, one value per line."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _value(value: JsonValue) -> Value:
    if value in (UNKNOWN, SENSITIVE, MASK):
        return Value("", "unknown" if value == UNKNOWN else "sensitive")
    return Value(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
