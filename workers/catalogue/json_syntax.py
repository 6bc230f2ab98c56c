"""Terraform's JSON syntax (``*.tf.json``), read into the same blocks as HCL.

Source: https://opentofu.org/docs/language/syntax/json/. Lines are those of the whole file: JSON tells no others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from workers.catalogue.hcl import Block, Expression, expression
from workers.catalogue.source import Source, SourceError
from workers.core.values import JsonValue

_LABELLED: Final = ("variable", "output", "provider")
_NOT_IN_HCL: Final = {"b": "\\u0008", "f": "\\u000c"}
_BLOCKS_OF_TERRAFORM: Final = ("backend", "cloud", "required_providers")


def parse_json(source: Source) -> Block:
    """The blocks of a ``.tf.json`` file that a contract is made of.

    Raises:
        SourceError: it is not JSON, with the line, or not in the shape of a configuration.
    """
    try:
        document = json.loads(source.text)
    except json.JSONDecodeError as error:
        raise SourceError(source.path, error.lineno, f"not JSON: {error.msg}.") from error
    return Block(source, blocks=tuple(_top_level(source, document)))


def _top_level(source: Source, document: JsonValue) -> Iterator[Block]:
    for body in _bodies(source, document):
        for type_ in _LABELLED:
            for labelled in _bodies(source, body.get(type_, {})):
                for name, bodies in labelled.items():
                    yield from (_block(source, type_, name, b) for b in _bodies(source, bodies))
        yield from (_terraform(source, b) for b in _bodies(source, body.get("terraform", {})))


def _bodies(source: Source, value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """One body, or a list of them."""
    for body in value if isinstance(value, list) else [value]:
        if not isinstance(body, dict):
            raise SourceError(source.path, 1, f"{json.dumps(body)[:40]} where an object is expected.")
        yield body


def _block(source: Source, type_: str, name: str, body: dict[str, JsonValue]) -> Block:
    start = max(source.text.find(json.dumps(name)), 0)
    validations = (b for b in _bodies(source, body.get("validation", [])))
    arguments = {
        key: _argument(source, start, key, value) for key, value in body.items() if key not in ("validation", "//")
    }
    return Block(source, start, type_, (name,), arguments, tuple(_validation(source, start, b) for b in validations))


def _validation(source: Source, start: int, body: dict[str, JsonValue]) -> Block:
    arguments = {key: _argument(source, start, key, value) for key, value in body.items() if key != "//"}
    return Block(source, start, "validation", (), arguments)


def _terraform(source: Source, body: dict[str, JsonValue]) -> Block:
    blocks = [
        Block(source, 0, type_, (), {key: _literal(source, 0, value) for key, value in inner.items() if key != "//"})
        for type_ in _BLOCKS_OF_TERRAFORM
        for inner in _bodies(source, body.get(type_, []))
    ]
    return Block(source, 0, "terraform", (), {}, tuple(blocks))


def _argument(source: Source, start: int, key: str, value: JsonValue) -> Expression:
    """``type`` is an expression in quotes, ``condition`` a template of one; the rest are values."""
    if key == "type" and isinstance(value, str):
        return _expression(source, start, value)
    if key == "condition" and isinstance(value, str):
        return _expression(
            source, start, value.removeprefix("${").removesuffix("}") if value.startswith("${") else value
        )
    return _literal(source, start, value)


def _literal(source: Source, start: int, value: JsonValue) -> Expression:
    """A JSON value is an HCL expression too, but for two escapes that HCL lacks and JSON never needs."""
    written = re.sub(r"\\(.)", lambda m: _NOT_IN_HCL.get(m[1], m[0]), json.dumps(value))
    return _expression(source, start, written)


def _expression(source: Source, start: int, written: str) -> Expression:
    try:
        return expression(Source(source.path, written))
    except SourceError as error:
        raise source.error(start, error.reason) from error
