"""A start form (Camunda Forms JSON) for each module and role: what a person can type, one field per input."""

from __future__ import annotations

from typing import Final

from workers.catalogue.describe import describe_type, show_value
from workers.catalogue.pages import page_name
from workers.core.contract import Contract, Input, Kind, TypeName
from workers.core.values import JsonValue

Component = dict[str, JsonValue]

_SECRET: Final = r"^secret://(env|file|aws-sm|keeper)/\S+$"  # noqa: S105 - what a reference looks like
_STACK: Final = "^[a-z][a-z0-9_-]{0,62}$"
_TYPED: Final = (TypeName.STRING, TypeName.NUMBER, TypeName.BOOL)


def start_form(contract: Contract) -> dict[str, JsonValue]:
    """The form of one contract. Lists and objects cannot be typed into a form; it names them instead."""
    shown = [i for i in contract.inputs if _fits(i)]
    left = [i.name for i in contract.inputs if not _fits(i)]
    components: list[JsonValue] = [_text("Text_Introduction", _introduction(contract, left)), *_where(contract)]
    components += [_field(wanted) for wanted in shown]
    return {
        "id": f"Start_{page_name(contract).replace('.', '_').replace('-', '_')}",
        "type": "default",
        "executionPlatform": "Camunda Cloud",
        "executionPlatformVersion": "8.6.0",
        "schemaVersion": 17,
        "components": components,
    }


def _introduction(contract: Contract, left: list[str]) -> str:
    missing = f" Set in the model, because a form has no field for it: {', '.join(left)}." if left else ""
    return f"## {contract.name}\n{contract.description.rstrip('.') or contract.name}.{missing}"


def _where(contract: Contract) -> list[JsonValue]:
    names = ["environment", "stack"] if contract.kind is Kind.MODULE else ["environment"]
    rule: Component = {"required": True, "pattern": _STACK}
    return [_component("textfield", name, name.capitalize(), f"Name of the {name}.", rule) for name in names]


def _fits(wanted: Input) -> bool:
    return wanted.type.name in _TYPED and "-" not in wanted.name and wanted.name not in ("environment", "stack")


def _field(wanted: Input) -> Component:
    rule: Component = {"required": True} if wanted.required else {}
    secret = wanted.sensitive or wanted.ephemeral
    choices = wanted.choices or wanted.type.choices
    kind = "textfield"
    more: Component = {}
    if choices:
        kind = "select"
        more = {"values": [{"label": show_value(c).strip('"'), "value": c} for c in choices]}
    elif wanted.type.name is TypeName.NUMBER:
        kind = "number"
        more = {"decimalDigits": 0} if wanted.type.integer else {}
    elif wanted.type.name is TypeName.BOOL:
        kind, rule = "checkbox", {}
    elif secret or (wanted.pattern and "(?" not in wanted.pattern):
        rule["pattern"] = _SECRET if secret else wanted.pattern
    if wanted.default is not None and not secret:
        more["defaultValue"] = wanted.default
    return _component(kind, wanted.name, wanted.name, _description(wanted), rule) | more


def _description(wanted: Input) -> str:
    hidden = wanted.sensitive or wanted.ephemeral
    last = "A reference to a secret, e.g. secret://env/NAME." if hidden else f"Expected: {describe_type(wanted.type)}."
    return f"{wanted.description.strip()} {last}".strip()


def _component(kind: str, key: str, label: str, description: str, rule: Component) -> Component:
    name = f"{kind.capitalize()}_{key}"
    validate: Component = {"validate": rule} if rule else {}
    layout: Component = {"row": f"Row_{name}", "columns": None}
    return {
        "type": kind,
        "id": name,
        "key": key,
        "label": label,
        "description": description,
        **validate,
        "layout": layout,
    }


def _text(name: str, text: str) -> Component:
    return {"type": "text", "id": name, "text": text, "layout": {"row": f"Row_{name}", "columns": None}}
