"""JSON Schema of a contract, for editors and for whoever builds requests by program."""

from __future__ import annotations

from typing import Final

from workers.core.contract import Contract, Input, Type, TypeName
from workers.core.values import JsonValue

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final[dict[str, JsonValue]] = {"type": "string", "pattern": r"^secret://(env|file|aws-sm|keeper)/\S+$"}

Schema = dict[str, JsonValue]


def contract_schema(contract: Contract) -> Schema:
    """The inputs of a module or role as JSON Schema 2020-12; it refuses nothing that ``validate_inputs`` accepts."""
    required: list[JsonValue] = [i.name for i in contract.inputs if i.required]
    schema: Schema = {
        "$schema": _DIALECT,
        "title": f"Inputs of {contract.kind.value}.{contract.name}",
        "type": "object",
        "properties": {i.name: _input(i) for i in contract.inputs},
        "required": required,
        "additionalProperties": False,
    }
    return schema | ({"description": contract.description} if contract.description else {})


def _input(wanted: Input) -> Schema:
    hidden = wanted.sensitive or wanted.ephemeral
    schema = _type(wanted.type, hidden=hidden)
    if wanted.choices and not wanted.type.choices:
        schema = {"anyOf": [{"enum": list(wanted.choices)}, _REFERENCE]}
    if wanted.nullable or not wanted.required:
        schema = {"anyOf": [schema, {"type": "null"}]} if schema else schema
    if wanted.description:
        schema = {"description": wanted.description, **schema}
    if hidden:
        schema = {"writeOnly": True, **schema}
    return schema if hidden or wanted.default is None else schema | {"default": wanted.default}


def _type(type_: Type, *, hidden: bool) -> Schema:
    schema = _plain(type_, hidden=hidden)
    if type_.choices:
        schema = {"enum": list(type_.choices)}
    takes_reference = schema and (hidden or type_.choices) and type_.name is not TypeName.ANY
    return {"anyOf": [schema, _REFERENCE]} if takes_reference else schema


def _plain(type_: Type, *, hidden: bool) -> Schema:
    match type_.name:
        case TypeName.ANY:
            return {}
        case TypeName.STRING:
            return {"type": "string"}
        case TypeName.NUMBER:
            return {"type": "integer" if type_.integer else "number"}
        case TypeName.BOOL:
            return {"type": "boolean"}
        case TypeName.LIST | TypeName.SET:
            return {"type": "array", "items": _type(type_.element or Type(), hidden=hidden)}
        case TypeName.TUPLE:
            items: list[JsonValue] = [_type(element, hidden=hidden) for element in type_.elements]
            size = len(items)
            prefix: Schema = {"prefixItems": items} if items else {}
            return {"type": "array", "minItems": size, "maxItems": size, **prefix}
        case TypeName.MAP:
            return {"type": "object", "additionalProperties": _type(type_.element or Type(), hidden=hidden)}
    return _object(type_, hidden=hidden)


def _object(type_: Type, *, hidden: bool) -> Schema:
    """Null is accepted for any attribute, as Terraform does."""
    properties: Schema = {}
    for attribute in type_.attributes:
        schema = _type(attribute.type, hidden=hidden)
        described: Schema = {"description": attribute.description} if attribute.description else {}
        properties[attribute.name] = described | ({"anyOf": [schema, {"type": "null"}]} if schema else {})
    required: list[JsonValue] = [a.name for a in type_.attributes if a.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
