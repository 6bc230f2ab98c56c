"""Read ``show -json`` of a saved plan: counts, changes, and a copy without sensitive values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workers.core.records import Counts, ResourceChange
from workers.core.redaction import Redactor
from workers.core.values import JsonValue
from workers.execution.sensitivity import SENSITIVE, Document, any_mark, marked_strings, marks_of, mask, redacted

UNKNOWN: Final = "(known after apply)"

_ACTIONS: Final = {
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("create", "forget"): "replace",
    ("forget", "create"): "replace",
    ("read",): "read",
    ("forget",): "forget",
}
_REASONS: Final = {
    "replace_because_tainted": "tainted by an earlier failed apply",
    "replace_by_request": "replacement was requested",
    "replace_by_triggers": "replace_triggered_by",
    "delete_because_no_resource_config": "no longer in the module",
    "delete_because_no_module": "its module is gone",
    "delete_because_wrong_repetition": "count or for_each changed",
    "delete_because_count_index": "count became smaller",
    "delete_because_each_key": "no longer in for_each",
}


@dataclass(frozen=True)
class AttributeChange:
    """One attribute that a plan sets or changes; ``None`` where there is no value on that side."""

    path: str
    before: JsonValue | None
    after: JsonValue | None
    has_before: bool
    has_after: bool


@dataclass(frozen=True)
class PlanDetail:
    """A resource change with the attributes that change, sensitive values masked."""

    change: ResourceChange
    attributes: tuple[AttributeChange, ...]
    moved_from: str = ""
    imported: bool = False


@dataclass(frozen=True)
class PlanDocument:
    """What a saved plan says, sensitive values masked.

    Attributes:
        details: resources that change, are read or are forgotten, in the plan's order.
        outputs_changed: attribute changes of the root's outputs.
        outputs: outputs that the stack has now, those not sensitive.
        empty_before: the state held no managed resource when the plan was made.
        drifted: addresses that were changed outside of Terraform since the last apply.
        redacted: a copy of the plan's JSON with what is shown, sensitive values masked.
    """

    details: tuple[PlanDetail, ...]
    outputs_changed: tuple[AttributeChange, ...]
    outputs: dict[str, JsonValue]
    empty_before: bool
    drifted: tuple[str, ...]
    redacted: dict[str, JsonValue]

    @property
    def counts(self) -> Counts:
        """How many resources are created, updated, replaced and deleted."""
        actions = Counter(detail.change.action for detail in self.details)
        return Counts(
            create=actions["create"], update=actions["update"], replace=actions["replace"], delete=actions["delete"]
        )

    @property
    def changes(self) -> tuple[ResourceChange, ...]:
        """The resources that change, are read or are forgotten."""
        return tuple(detail.change for detail in self.details)


def read_document(document: Document, redactor: Redactor | None = None) -> PlanDocument:
    """Read the JSON form of a plan.

    Args:
        document: what ``show -json PLAN`` prints; it has sensitive values in clear.
        redactor: takes known secret values out of what is left as well.
    """
    redact = (redactor or Redactor()).plus(marked_strings(document))
    changes = [change for change in document.get("resource_changes", []) if _action(change)]
    outputs: Mapping[str, Any] = document.get("output_changes", {})
    return PlanDocument(
        details=tuple(_detail(change, redact) for change in changes),
        outputs_changed=tuple(
            _output_change(name, change, redact)
            for name, change in sorted(outputs.items())
            if change["actions"] != ["no-op"]
        ),
        outputs={
            name: redact.json(change.get("before")) for name, change in sorted(outputs.items()) if _is_shown(change)
        },
        empty_before=not any(_managed(document)),
        drifted=tuple(drift["address"] for drift in document.get("resource_drift", [])),
        redacted=redacted(document, redact),
    )


def _action(change: Document) -> str:
    return _ACTIONS.get(tuple(change["change"]["actions"]), "")


def _detail(entry: Document, redact: Redactor) -> PlanDetail:
    change = entry["change"]
    summary = ResourceChange(
        address=redact.text(entry["address"]),
        action=_action(entry),
        type=entry.get("type", ""),
        reasons=tuple(_reasons(entry)),
    )
    attributes = tuple(_attributes(change, redact)) if summary.action != "delete" else ()
    return PlanDetail(summary, attributes, entry.get("previous_address", ""), imported="importing" in change)


def _reasons(entry: Document) -> Iterator[str]:
    reason = entry.get("action_reason", "")
    if reason in _REASONS:
        yield _REASONS[reason]
    for path in entry["change"].get("replace_paths", []):
        yield _path(path)


def _path(steps: list[Any]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def _attributes(change: Document, redact: Redactor) -> Iterator[AttributeChange]:
    before = dict(_leaves(change.get("before"), change.get("before_sensitive"), False, ()))
    after = dict(_leaves(change.get("after"), change.get("after_sensitive"), change.get("after_unknown"), ()))
    for steps in dict.fromkeys([*before, *after]):
        old, new = before.get(steps), after.get(steps)
        if old and new and old[0] == new[0]:
            continue
        if (old is None or old[0] is None) and (new is None or new[0] is None):
            continue
        yield _attribute(redact.text(_path(list(steps))), old, new, redact)


def _attribute(
    path: str, old: tuple[Any, JsonValue] | None, new: tuple[Any, JsonValue] | None, redact: Redactor
) -> AttributeChange:
    return AttributeChange(
        path,
        redact.json(old[1]) if old else None,
        redact.json(new[1]) if new else None,
        has_before=bool(old and old[0] is not None),
        has_after=bool(new and new[0] is not None),
    )


Steps = tuple[str | int, ...]


def _leaves(value: Any, sensitive: Any, unknown: Any, steps: Steps) -> Iterator[tuple[Steps, tuple[Any, JsonValue]]]:
    """Path → (what to compare, what to show) for each leaf."""
    if unknown is True:
        yield steps, (UNKNOWN, SENSITIVE if sensitive is True else UNKNOWN)
    elif sensitive is True:
        yield steps, (value, SENSITIVE)
    elif isinstance(value, dict) or isinstance(unknown, dict):
        items, marks, unknowns = (part if isinstance(part, dict) else {} for part in (value, sensitive, unknown))
        for key in dict.fromkeys([*items, *unknowns]):
            yield from _leaves(items.get(key), marks.get(key), unknowns.get(key), (*steps, key))
    elif isinstance(value, list) and value:
        both = zip(value, marks_of(sensitive, len(value)), marks_of(unknown, len(value)), strict=True)
        for index, (item, mark, is_unknown) in enumerate(both):
            yield from _leaves(item, mark, is_unknown, (*steps, index))
    else:
        yield steps, (value, value)


def _output_change(name: str, change: Document, redact: Redactor) -> AttributeChange:
    secret = change.get("before_sensitive") is True or change.get("after_sensitive") is True
    unknown = change.get("after_unknown") not in (False, None, {}, [])
    before = SENSITIVE if secret else mask(change.get("before"), change.get("before_sensitive"))
    after = SENSITIVE if secret else UNKNOWN if unknown else mask(change.get("after"), change.get("after_sensitive"))
    actions = change["actions"]
    return AttributeChange(
        name,
        redact.json(before),
        redact.json(after),
        has_before="create" not in actions,
        has_after="delete" not in actions,
    )


def _is_shown(change: Document) -> bool:
    return change.get("before") is not None and not any_mark(change.get("before_sensitive"))


def _managed(document: Document) -> Iterator[str]:
    root = document.get("prior_state", {}).get("values", {}).get("root_module", {})
    yield from managed_resources(root)
    yield from (drift["address"] for drift in document.get("resource_drift", []) if drift.get("mode") == "managed")


def managed_resources(module: Document) -> Iterator[str]:
    """Addresses of the managed resources of a module in state or plan JSON, its children included."""
    yield from (resource["address"] for resource in module.get("resources", []) if resource.get("mode") == "managed")
    for child in module.get("child_modules", []):
        yield from managed_resources(child)
