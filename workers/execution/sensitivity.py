"""Sensitive values in plan JSON: what the maps beside a value mark, and a copy without them.

A value that is marked in one place may stand unmarked in another (``terraform_data`` loses the mark on its output in
the state), so what is marked anywhere in the document is masked by value everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workers.core.redaction import Redactor, secret_strings
from workers.core.values import JsonValue

SENSITIVE: Final = "(sensitive)"
Document = Mapping[str, Any]

_KEPT: Final = ("format_version", "terraform_version", "errored", "applyable", "complete")


def mask(value: Any, sensitive: Any) -> JsonValue:
    """``value`` with what the parallel structure ``sensitive`` marks as true replaced by ``(sensitive)``."""
    if sensitive is True:
        return None if value is None else SENSITIVE
    if isinstance(value, dict):
        marks = sensitive if isinstance(sensitive, dict) else {}
        return {key: mask(item, marks.get(key, False)) for key, item in value.items()}
    if isinstance(value, list):
        return [mask(item, mark) for item, mark in zip(value, marks_of(sensitive, len(value)), strict=True)]
    return value  # type: ignore[no-any-return]


def marks_of(marks: Any, length: int) -> list[Any]:
    """The marks of a list's items, as many as there are items."""
    listed = marks if isinstance(marks, list) else []
    return [*listed[:length], *[False] * (length - len(listed))]


def any_mark(marks: Any) -> bool:
    """Whether anything is marked."""
    if isinstance(marks, dict):
        return any(any_mark(mark) for mark in marks.values())
    return any(any_mark(mark) for mark in marks) if isinstance(marks, list) else marks is True


def marked_strings(document: Document) -> tuple[str, ...]:
    """Every string and number that is marked as sensitive somewhere in the JSON of a plan."""
    return tuple(dict.fromkeys(text for value in _marked(document) for text in secret_strings(value)))


def redacted(document: Document, redactor: Redactor) -> dict[str, JsonValue]:
    """A copy with the changes only; variables, planned values and configuration would repeat secrets unmarked."""
    kept: dict[str, JsonValue] = {key: document[key] for key in _KEPT if key in document}
    kept["resource_changes"] = [_entry(entry) for entry in document.get("resource_changes", [])]
    kept["resource_drift"] = [_entry(entry) for entry in document.get("resource_drift", [])]
    kept["output_changes"] = {name: _change(change) for name, change in document.get("output_changes", {}).items()}
    return {key: redactor.json(value) for key, value in kept.items()}


def _entry(entry: Document) -> dict[str, JsonValue]:
    return {**entry, "change": _change(entry["change"])}


def _change(change: Document) -> dict[str, JsonValue]:
    sides = {s: mask(change.get(s), change.get(f"{s}_sensitive")) for s in ("before", "after") if s in change}
    return {**change, **sides}


def _marked(document: Document) -> Iterator[JsonValue]:
    entries = [*document.get("resource_changes", []), *document.get("resource_drift", [])]
    for change in [*(entry["change"] for entry in entries), *document.get("output_changes", {}).values()]:
        for side in ("before", "after"):
            yield from _picked(change.get(side), change.get(f"{side}_sensitive"))
    declared = document.get("configuration", {}).get("root_module", {}).get("variables", {})
    for name, variable in document.get("variables", {}).items():
        yield from _picked(variable.get("value"), declared.get(name, {}).get("sensitive", False))


def _picked(value: Any, sensitive: Any) -> Iterator[JsonValue]:
    if sensitive is True:
        yield value
    elif isinstance(value, dict) and isinstance(sensitive, dict):
        for key, item in value.items():
            yield from _picked(item, sensitive.get(key, False))
    elif isinstance(value, list):
        for item, mark in zip(value, marks_of(sensitive, len(value)), strict=True):
            yield from _picked(item, mark)
