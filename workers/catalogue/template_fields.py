"""The fields of an element template: one for each input of a contract, of the kind that fits its type."""

from __future__ import annotations

import json
import re
from typing import Final

from workers.catalogue.describe import describe_type, show_value
from workers.core.contract import Contract, Input, TypeName
from workers.core.values import JsonValue

Field = dict[str, JsonValue]

_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_SIMPLE: Final = (TypeName.STRING, TypeName.NUMBER, TypeName.BOOL)
_REFERENCE: Final = "Must be a reference to a secret, e.g. secret://env/NAME."
_SECRET: Final = r"^(secret://(env|file|aws-sm|keeper)/\S+|=[\s\S]+)$"  # noqa: S105 - what a reference looks like


def hidden(name: str, value: str) -> Field:
    """An input mapping that the modeller does not see."""
    return {"type": "Hidden", "value": value, "binding": {"type": "zeebe:input", "name": name}}


def text(name: str, label: str, description: str, group: str, value: str = "", *, required: bool = False) -> Field:
    """A mapping of text, or of an expression that gives text; left out of the model where it is empty."""
    field: Field = {"label": label, "description": description, "type": "String", "group": group, "feel": "optional"}
    needed: Field = {"constraints": {"notEmpty": True}} if required else {"optional": True}
    return field | needed | ({"value": value} if value else {}) | _bound(name)


def expression(name: str, label: str, description: str, group: str, value: str, *, required: bool = True) -> Field:
    """A mapping that is always an expression."""
    field: Field = {"label": label, "description": description, "type": "Text", "group": group, "feel": "required"}
    needed: Field = {"constraints": {"notEmpty": True}} if required else {"optional": True}
    return field | needed | ({"value": value} if value else {}) | _bound(name)


def input_fields(contract: Contract) -> list[Field]:
    """One field per input; one for all of them where a name of an input cannot stand in an expression."""
    if all(_WORD.fullmatch(wanted.name) for wanted in contract.inputs):
        return [_field(wanted) for wanted in contract.inputs]
    names = ", ".join(wanted.name for wanted in contract.inputs)
    return [expression("inputs", "Inputs", f"All inputs as one object: {names}.", "required", "={}")]


def group_of(wanted: Input) -> str:
    """Where the field stands: what must be said, what is often said, and the rest."""
    if wanted.required:
        return "required"
    plain = wanted.type.name in _SIMPLE and not wanted.sensitive and not wanted.ephemeral
    return "optional" if plain and wanted.default is not None else "advanced"


def _field(wanted: Input) -> Field:
    common: Field = {
        "label": wanted.name,
        "description": _description(wanted),
        "group": group_of(wanted),
        **_bound(f"inputs.{wanted.name}"),
    }
    choices = wanted.choices or wanted.type.choices
    if choices and (wanted.required or wanted.default in choices):
        return common | _dropdown(wanted, [(show_value(c).strip('"'), _literal(c)) for c in choices])
    if wanted.type.name is TypeName.BOOL and (wanted.required or wanted.default is not None):
        return common | _dropdown(wanted, [("yes", "=true"), ("no", "=false")])
    if wanted.type.name is TypeName.STRING:
        return common | _text(wanted)
    return common | _expression(wanted)


def _dropdown(wanted: Input, choices: list[tuple[str, str]]) -> Field:
    listed: list[JsonValue] = [{"name": name, "value": value} for name, value in choices]
    value: Field = {} if wanted.default is None else {"value": _literal(wanted.default)}
    needed: Field = {"constraints": {"notEmpty": True}} if wanted.required else {}
    return {"type": "Dropdown", "choices": listed, **value, **needed}


def _text(wanted: Input) -> Field:
    secret = wanted.sensitive or wanted.ephemeral
    rule: Field = {"notEmpty": wanted.required}
    if secret:
        empty = "" if wanted.required else "|^$"
        rule["pattern"] = {"value": _SECRET + empty, "message": _REFERENCE}
    elif wanted.pattern and _portable(wanted.pattern):
        message = next((v.message for v in wanted.validations), "") or f"Must match {wanted.pattern}."
        rule["pattern"] = {"value": f"(?:{wanted.pattern})|^=" + ("" if wanted.required else "|^$"), "message": message}
    default = wanted.default if isinstance(wanted.default, str) and not secret else ""
    value: Field = {"value": default} if default and not default.startswith("=") else {}
    optional: Field = {} if wanted.required else {"optional": True}
    return {"type": "String", "feel": "optional", **value, **optional, "constraints": rule}


def _expression(wanted: Input) -> Field:
    shown = wanted.default is not None and not wanted.sensitive and not wanted.ephemeral
    value: Field = {"value": _literal(wanted.default)} if shown else {}
    if wanted.type.name is TypeName.NUMBER and shown:
        value = {"value": wanted.default}
    kind: Field = {"type": "Text", "feel": "required"}
    if wanted.type.name is TypeName.NUMBER:
        kind = {"type": "Number", "feel": "optional"}
    needed: Field = {"constraints": {"notEmpty": True}} if wanted.required else {"optional": True}
    return kind | value | needed


def _description(wanted: Input) -> str:
    parts = [wanted.description.strip(), f"Expected: {describe_type(wanted.type)}."]
    if wanted.sensitive or wanted.ephemeral:
        parts.append("A reference to a secret, e.g. secret://env/NAME.")
    elif not wanted.required and wanted.default is not None:
        parts.append(f"Default: {show_value(wanted.default)}.")
    return " ".join(part for part in parts if part)


def _literal(value: JsonValue) -> str:
    """Text as it is; anything else as an expression (JSON is FEEL here)."""
    if isinstance(value, str) and not value.startswith("="):
        return value
    return "=" + json.dumps(value, ensure_ascii=False)


def _portable(pattern: str) -> bool:
    """Whether the pattern means the same in Modeler: nothing in it that only Go or Python know."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return "(?" not in pattern and "[[:" not in pattern and "\\z" not in pattern and "\\A" not in pattern


def _bound(name: str) -> Field:
    return {"binding": {"type": "zeebe:input", "name": name}}
