"""Terraform's type expressions, to and from text.

Source: OpenTofu's documentation, "Type Constraints": https://opentofu.org/docs/language/expressions/type-constraints/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from workers.catalogue.hcl import Expression, split
from workers.catalogue.literals import Unknown, entries, value_of
from workers.catalogue.source import Source
from workers.catalogue.tokens import Kind, Token
from workers.core.contract import Attribute, Type, TypeName
from workers.core.values import JsonValue

_PLAIN: Final = {"any": TypeName.ANY, "string": TypeName.STRING, "number": TypeName.NUMBER, "bool": TypeName.BOOL}
_OF_ONE: Final = {"list": TypeName.LIST, "set": TypeName.SET, "map": TypeName.MAP}
_NOT_IN_HCL: Final = {"b": "\\u0008", "f": "\\u000c"}
_NAME: Final = re.compile(r"[^\W\d][\w-]*")
_SHORT: Final = ("list", "map")


def read_type(expression: Expression) -> Type:
    """The type that ``expression`` says; ``list`` and ``map`` alone are those of any.

    Raises:
        SourceError: it is no type expression.
    """
    return _Types(expression.source).type(expression.tokens)


class _Types:
    def __init__(self, source: Source) -> None:
        self._source = source

    def type(self, tokens: Sequence[Token]) -> Type:
        """The type of an expression without newlines around it."""
        first = tokens[0]
        name = first.text
        if len(tokens) == 1 and name in _PLAIN:
            return Type(_PLAIN[name])
        if len(tokens) == 1 and name in _SHORT:
            return Type(_OF_ONE[name], element=Type())
        argument = self._argument(tokens)
        if name in _OF_ONE:
            return Type(_OF_ONE[name], element=self.type(argument))
        if name == "tuple" and argument[0].text == "[":
            return Type(TypeName.TUPLE, elements=tuple(self.type(item) for item in split(argument)))
        if name == "object":
            return Type(TypeName.OBJECT, attributes=self._attributes(argument))
        raise self._source.error(first.start, f"{_shown(tokens)!r} is not a type.")

    def _argument(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """The one argument of ``name(argument)``."""
        if len(tokens) > 3 and tokens[1].text == "(" and tokens[-1].text == ")":  # noqa: PLR2004
            arguments = split(tokens[1:])
            if len(arguments) == 1:
                return arguments[0]
        raise self._source.error(tokens[0].start, f"{_shown(tokens)!r} is not a type.")

    def _attributes(self, tokens: Sequence[Token]) -> tuple[Attribute, ...]:
        found = entries(tokens)
        names = [name for name, _ in found or ()]
        if found is None or not all(_NAME.fullmatch(name) for name in names) or len({*names}) < len(names):
            raise self._source.error(tokens[0].start, f"{_shown(tokens)} does not list the attributes of an object.")
        return tuple(self._attribute(name, value) for name, value in found)

    def _attribute(self, name: str, tokens: Sequence[Token]) -> Attribute:
        if tokens[0].text != "optional":
            return Attribute(name, self.type(tokens))
        arguments = split(tokens[1:]) if len(tokens) > 3 else []  # noqa: PLR2004
        if len(arguments) not in (1, 2):
            raise self._source.error(tokens[0].start, "optional() takes a type and, if wanted, a default.")
        default = value_of(arguments[1]) if len(arguments) > 1 else None
        return Attribute(name, self.type(arguments[0]), False, None if isinstance(default, Unknown) else default)


def _shown(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens if token.kind is not Kind.NEWLINE)[:60]


def render_type(type_: Type) -> str:
    """The type as Terraform writes it; what only Ansible knows (``integer``, ``choices``) is left out."""
    match type_.name:
        case TypeName.LIST | TypeName.SET | TypeName.MAP:
            return f"{type_.name}({render_type(type_.element or Type())})"
        case TypeName.TUPLE:
            return f"tuple([{', '.join(render_type(element) for element in type_.elements)}])"
        case TypeName.OBJECT:
            return f"object({{ {', '.join(_render_attribute(a) for a in type_.attributes)} }})"
    return str(type_.name)


def _render_attribute(attribute: Attribute) -> str:
    if attribute.required:
        return f"{attribute.name} = {render_type(attribute.type)}"
    default = "" if attribute.default is None else f", {render_value(attribute.default)}"
    return f"{attribute.name} = optional({render_type(attribute.type)}{default})"


def render_value(value: JsonValue) -> str:
    """The value as an HCL literal on one line."""
    if isinstance(value, str):
        escaped = json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
        return re.sub(r"\\(.)", lambda m: _NOT_IN_HCL.get(m[1], m[0]), escaped)
    if isinstance(value, list):
        return f"[{', '.join(render_value(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{render_value(key)} = {render_value(item)}' for key, item in value.items())} }}"
    return json.dumps(value)
