"""What OpenTofu itself reads from a module (``tofu show -json -module=.``), in the words of our contracts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from workers.core.contract import Type, TypeName
from workers.core.values import JsonValue


def tofu_reads(tofu: str, module: Path) -> dict:
    """The configuration of one module as OpenTofu has understood it."""
    shown = subprocess.run(
        [tofu, "show", "-json", "-module=."],
        cwd=module,
        env=os.environ | {"TF_CLI_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(shown.stdout)["root_module"]


def as_tofu_type(type_: Type) -> JsonValue:
    """Our type in the JSON notation of cty, which is OpenTofu's."""
    match type_.name:
        case TypeName.ANY:
            return "dynamic"
        case TypeName.LIST | TypeName.SET | TypeName.MAP:
            return [str(type_.name), as_tofu_type(type_.element)]
        case TypeName.TUPLE:
            return ["tuple", [as_tofu_type(element) for element in type_.elements]]
        case TypeName.OBJECT:
            attributes = {a.name: as_tofu_type(a.type) for a in type_.attributes}
            optional = sorted(a.name for a in type_.attributes if not a.required)
            return ["object", attributes, optional] if optional else ["object", attributes]
    return str(type_.name)


def as_tofu_value(value: JsonValue, type_: Type) -> JsonValue:
    """A default as OpenTofu converts it to its type: optional attributes filled in, scalars converted."""
    match type_.name:
        case _ if value is None:
            return None
        case TypeName.OBJECT:
            return {
                a.name: as_tofu_value(a.default if value.get(a.name) is None else value[a.name], a.type)
                for a in type_.attributes
            }
        case TypeName.LIST:
            return [as_tofu_value(item, type_.element) for item in value]
        case TypeName.SET:
            items = {json.dumps(as_tofu_value(item, type_.element), sort_keys=True) for item in value}
            return sorted((json.loads(item) for item in items), key=json.dumps)
        case TypeName.MAP:
            return {key: as_tofu_value(item, type_.element) for key, item in value.items()}
        case TypeName.NUMBER if isinstance(value, str):
            return json.loads(value)
        case TypeName.STRING if not isinstance(value, str):
            return json.dumps(value)
        case TypeName.BOOL if isinstance(value, str):
            return value == "true"
    return value
