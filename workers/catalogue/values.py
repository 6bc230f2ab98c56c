"""One JSON value against one type."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from workers.catalogue.describe import describe_type, show_value
from workers.core.contract import Type, TypeName
from workers.core.names import SecretReference
from workers.core.values import JsonValue

MAX_TEXT: Final = 1024 * 1024
"""The most bytes that one text may have."""

MAX_DEPTH: Final = 64
"""How deep lists and objects may be nested."""

_SCHEME: Final = "secret://"
_REFERENCE: Final[TypeAdapter[str]] = TypeAdapter(SecretReference)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


def is_reference(value: JsonValue) -> bool:
    """Whether the value is a reference to a secret, e.g. ``secret://env/DB_PASSWORD``."""
    if not isinstance(value, str) or not value.startswith(_SCHEME):
        return False
    try:
        _REFERENCE.validate_python(value)
    except ValidationError:
        return False
    return True


def mentions_reference(value: JsonValue) -> bool:
    """Whether a reference to a secret is anywhere in the value."""
    if isinstance(value, dict):
        return any(mentions_reference(item) for item in value.values())
    if isinstance(value, list):
        return any(mentions_reference(item) for item in value)
    return is_reference(value)


def same(left: JsonValue, right: JsonValue) -> bool:
    """Equality as JSON has it: ``true`` is not ``1``."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


@dataclass(frozen=True)
class Check:
    """Checks values of one input.

    Attributes:
        hidden: the input is sensitive: its values are not shown, and a reference may stand for any of them.
    """

    hidden: bool = False

    def problems(self, path: str, value: JsonValue, type_: Type, depth: int = 0) -> Iterator[str]:
        """What is wrong with the value at ``path``, and below it."""
        if depth > MAX_DEPTH:
            yield f"{path}: is nested more than {MAX_DEPTH} levels deep."
        elif isinstance(value, str) and value.startswith(_SCHEME):
            yield from self._reference(path, value, type_)
        elif isinstance(value, str) and (reason := _unusable(value)):
            yield f"{path}: {reason}"
        elif not _fits(value, type_):
            advice = "" if self.hidden else _advice(value, type_)
            yield f"{path}: got {self._shown(value)}, expected {describe_type(type_)}{advice}."
        elif type_.choices and not any(same(choice, value) for choice in type_.choices):
            yield f"{path}: got {self._shown(value)}, expected {describe_type(type_)}."
        elif isinstance(value, list):
            yield from self._items(path, value, type_, depth)
        elif isinstance(value, dict):
            yield from self._entries(path, value, type_, depth)

    def _shown(self, value: JsonValue) -> str:
        return show_value(value, sensitive=self.hidden)

    def _reference(self, path: str, value: str, type_: Type) -> Iterator[str]:
        if not is_reference(value) or _unusable(value):
            yield f"{path}: {self._shown(value)} is no reference to a secret; expected e.g. secret://env/NAME."
        elif not self.hidden and type_.name not in (TypeName.STRING, TypeName.ANY):
            yield f"{path}: got a reference to a secret, expected {describe_type(type_)}; the input is not sensitive."

    def _items(self, path: str, value: list[JsonValue], type_: Type, depth: int) -> Iterator[str]:
        if type_.name is TypeName.TUPLE and len(value) != len(type_.elements):
            yield f"{path}: got {len(value)} elements, expected {len(type_.elements)}: {describe_type(type_)}."
            return
        for index, item in enumerate(value):
            element = type_.elements[index] if type_.name is TypeName.TUPLE else type_.element or Type()
            if item is None and element.name is not TypeName.ANY:
                yield from self._null(f"{path}[{index}]", element)
            else:
                yield from self.problems(f"{path}[{index}]", item, element, depth + 1)

    def _entries(self, path: str, value: dict[str, JsonValue], type_: Type, depth: int) -> Iterator[str]:
        attributes = {attribute.name: attribute for attribute in type_.attributes}
        is_object = type_.name is TypeName.OBJECT
        for name in (a.name for a in type_.attributes if a.required and a.name not in value):
            yield f"{path}.{name} is missing; expected {describe_type(attributes[name].type)}."
        for name, item in value.items():
            place = _below(path, name)
            if reason := _unusable(name):
                yield f"{place}: {reason}"
            elif is_object and name not in attributes:
                yield _unknown(place, name, list(attributes))
            elif is_object:
                if item is not None:
                    yield from self.problems(place, item, attributes[name].type, depth + 1)
            else:
                yield from self.problems(place, item, type_.element or Type(), depth + 1)

    def _null(self, path: str, type_: Type) -> Iterator[str]:
        yield f"{path} is null; expected {describe_type(type_)}."


def _unknown(place: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known) or 'none'}."
    return f"{place} is not an attribute there; {hint}"


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if re.fullmatch(r"[A-Za-z_][\w-]{0,60}", name) else f"{path}[{show_value(name)}]"


def _unusable(text: str) -> str:
    """Why no tool can take this text; empty where it can."""
    if "\0" in text:
        return "holds the character NUL, which no file or argument can carry."
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode (half of a surrogate pair)."
    return f"has {size} bytes; at most {MAX_TEXT} are allowed." if size > MAX_TEXT else ""


def _fits(value: JsonValue, type_: Type) -> bool:
    """Whether the value has the shape; what is inside it is another question."""
    match type_.name:
        case TypeName.ANY:
            return not isinstance(value, float) or math.isfinite(value)
        case TypeName.STRING:
            return isinstance(value, str)
        case TypeName.BOOL:
            return isinstance(value, bool)
        case TypeName.NUMBER:
            return _is_number(value, whole=type_.integer)
        case TypeName.LIST | TypeName.SET | TypeName.TUPLE:
            return isinstance(value, list)
    return isinstance(value, dict)


def _is_number(value: JsonValue, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return not whole or value == int(value)


def _advice(value: JsonValue, type_: Type) -> str:
    """How to write the value instead, where it is only a matter of quotes."""
    if isinstance(value, list | dict):
        return ""
    if isinstance(value, str):
        bare = value if len(value) <= 40 else ""  # noqa: PLR2004
        number = type_.name is TypeName.NUMBER and _NUMBER.fullmatch(bare)
        flag = type_.name is TypeName.BOOL and bare in ("true", "false")
        return f"; write {bare} without quotes" if number or flag else ""
    if type_.name is TypeName.STRING and value is not None and math.isfinite(value):
        return f"; write {json.dumps(show_value(value))} in quotes"
    return ""
