"""The REST API's description, taken apart for a page and for the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """A parameter of a request or a field of its body."""

    name: str
    place: str
    type: str
    required: bool
    meaning: str


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    tag: str
    method: str
    path: str
    summary: str
    parts: tuple[Part, ...]


def operations(schema: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Every operation of an OpenAPI description."""
    return tuple(
        Operation(
            (found.get("tags") or [""])[0], method.upper(), path, found.get("summary", ""), tuple(_parts(found, schema))
        )
        for path, methods in schema["paths"].items()
        for method, found in methods.items()
    )


def _parts(found: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Part]:
    parts = [
        Part(p["name"], p["in"], _type(p["schema"]), bool(p.get("required")), p.get("description", ""))
        for p in found.get("parameters", ())
    ]
    for content in found.get("requestBody", {}).get("content", {}).values():
        body = schema["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
        needed = body.get("required", ())
        parts += [
            Part(name, "body", _type(field), name in needed, field.get("description", ""))
            for name, field in body["properties"].items()
        ]
    return parts


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    return str(schema.get("type", "any"))
