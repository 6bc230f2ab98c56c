"""Options of an Ansible argument specification as inputs.

Source: https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_reuse_roles.html#specification-format and
ansible-core's ``module_utils/common/arg_spec.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from workers.catalogue.readme import first_sentence
from workers.catalogue.yaml_source import YamlFile
from workers.core.contract import Attribute, Input, Type, TypeName
from workers.core.values import JsonValue

_MAIN: Final = ("argument_specs", "main", "options")
_SCALARS: Final = {
    "str": Type(TypeName.STRING),
    "path": Type(TypeName.STRING),
    "sid": Type(TypeName.STRING),
    "int": Type(TypeName.NUMBER, integer=True),
    "float": Type(TypeName.NUMBER),
    "bool": Type(TypeName.BOOL),
    "raw": Type(),
    "bytes": Type(),
    "bits": Type(),
    "json": Type(),
    "jsonarg": Type(),
}
_TYPES: Final = (*_SCALARS, "list", "dict")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)

Option = Mapping[str, JsonValue]
Place = Sequence[str]


def options(file: YamlFile, defaults: Mapping[str, JsonValue]) -> tuple[Input, ...]:
    """The options of the entry point ``main`` as inputs; a default of the role makes an option optional.

    Raises:
        SourceError: an option that is no valid specification, with its line.
    """
    return _Options(file, defaults).inputs()


def sentence(description: JsonValue) -> str:
    """The first sentence of a description, which may be a text or a list of paragraphs."""
    return first_sentence(_prose(description))


def _prose(description: JsonValue) -> str:
    """A list of paragraphs as one text; Ansible's markup ``C(x)``, ``V(x)``, ``O(x)`` becomes plain."""
    parts = description if isinstance(description, list) else [description]
    joined = "\n\n".join(str(part).strip() for part in parts if part is not None)
    return re.sub(r"\b[BCIOVEM]\(([^()]*)\)", r"\1", joined)


class _Options:
    """Reads the options of one file, and names the line of what is wrong."""

    def __init__(self, file: YamlFile, defaults: Mapping[str, JsonValue]) -> None:
        self._file = file
        self._defaults = defaults

    def inputs(self) -> tuple[Input, ...]:
        document: JsonValue = self._file.value
        for step in _MAIN:
            document = document.get(step) if isinstance(document, dict) else None
        return tuple(self._input(name, option) for name, option in self._specs(document, _MAIN).items())

    def _specs(self, value: JsonValue, place: Place) -> dict[str, Option]:
        """Options by name."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._file.error(place, "options by name are expected here.")
        return {name: self._spec(name, option, (*place, name)) for name, option in value.items()}

    def _spec(self, name: str, option: JsonValue, place: Place) -> Option:
        if not _IDENTIFIER.fullmatch(name):
            raise self._file.error(place, f"{name!r} is not a name of a variable.")
        if not isinstance(option, dict):
            raise self._file.error(place, f"option {name!r} should say its type and description.")
        return option

    def _input(self, name: str, option: Option) -> Input:
        place = (*_MAIN, name)
        type_ = self._type(option, place)
        default = option.get("default")
        required = self._flag(option, "required", place) and default is None and name not in self._defaults
        return Input(
            name=name,
            type=type_,
            description=_prose(option.get("description")),
            required=required,
            default=self._default(name, default),
            nullable=not option.get("required") and default is None,
            sensitive=self._flag(option, "no_log", place),
            choices=type_.choices,
        )

    def _default(self, name: str, default: JsonValue) -> JsonValue:
        """The documented default, else the role's own where it is a literal."""
        found = self._defaults.get(name) if default is None else default
        return None if isinstance(found, str) and ("{{" in found or "{%" in found) else found

    def _type(self, option: Option, place: Place) -> Type:
        name = option.get("type", "str")
        if name == "list":
            return Type(TypeName.LIST, element=self._element(option, place))
        return self._single(name, option, (*place, "type"), place)

    def _element(self, option: Option, place: Place) -> Type:
        """Of a list, choices are those of its elements."""
        name = option.get("elements", "dict" if "options" in option else "raw")
        if name == "list":
            return Type(TypeName.LIST, element=Type())
        return self._single(name, option, (*place, "elements"), place)

    def _single(self, name: JsonValue, option: Option, wrong: Place, place: Place) -> Type:
        choices = option.get("choices") or []
        if not isinstance(choices, list):
            raise self._file.error((*place, "choices"), "a list of choices is expected here.")
        if name == "dict":
            specs = self._specs(option.get("options"), (*place, "options"))
            attributes = tuple(self._attribute(n, o, (*place, "options", n)) for n, o in specs.items())
            return Type(TypeName.OBJECT, attributes=attributes) if attributes else Type(TypeName.MAP, element=Type())
        if not isinstance(name, str) or name not in _SCALARS:
            raise self._file.error(wrong, f"{name!r} is not a type; expected one of {', '.join(_TYPES)}.")
        type_ = _SCALARS[name]
        return Type(type_.name, integer=type_.integer, choices=tuple(choices))

    def _attribute(self, name: str, option: Option, place: Place) -> Attribute:
        required = self._flag(option, "required", place)
        return Attribute(
            name, self._type(option, place), required, option.get("default"), _prose(option.get("description"))
        )

    def _flag(self, option: Option, key: str, place: Place) -> bool:
        value = option.get(key, False)
        if not isinstance(value, bool):
            raise self._file.error((*place, key), f"{key} should be true or false, and is {value!r}.")
        return value
