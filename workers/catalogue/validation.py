"""Inputs against the contract of a module or role, before any tool starts.

Types are meant exactly: Terraform and Ansible would both turn the text ``"5"`` into a number and the number ``5`` into
a text, and what a person approved would not be what is used. The message says how to write it instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from workers.catalogue.conditions import holds
from workers.catalogue.describe import describe_type, show_choices, show_value
from workers.catalogue.values import Check, mentions_reference, same
from workers.core.contract import Contract, Input, Kind, Type, TypeName
from workers.core.errors import InputError
from workers.core.values import JsonValue, canonical_json


def check_inputs(contract: Contract, values: Mapping[str, JsonValue]) -> None:
    """Refuse inputs that do not fit the contract.

    Raises:
        InputError: with every problem that ``validate_inputs`` finds.
    """
    problems = validate_inputs(contract, values)
    if problems:
        kind = "module" if contract.kind is Kind.MODULE else "role"
        raise InputError(f"{kind} {contract.name}", problems)


def validate_inputs(contract: Contract, values: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """What is wrong with these inputs: one sentence each, naming the variable, what it got and what was expected.

    Values of sensitive inputs are never shown. A reference ``secret://…`` is accepted for any text and for a sensitive
    input of any type. Null is accepted for any attribute of an object, as Terraform does, and not as an element of a
    typed list, set or map, where it is a slip of an expression. Defaults are not filled in; conditions that only
    Terraform can decide are left to it.
    """
    unknown = [_unknown(contract, name) for name in values if contract.input(name) is None]
    known = [problem for i in contract.inputs for problem in _of_input(i, values, contract.kind)]
    return (*known, *unknown)


def _unknown(contract: Contract, name: str) -> str:
    known = [i.name for i in contract.inputs]
    close = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.6)
    hint = (
        f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known) or 'none: there are no inputs'}."
    )
    return f"{show_value(name).strip(chr(34))} is not an input of {contract.name}; {hint}"


def _of_input(wanted: Input, values: Mapping[str, JsonValue], kind: Kind) -> Iterator[str]:
    hidden = wanted.sensitive or wanted.ephemeral
    if wanted.name not in values:
        if wanted.required:
            yield f"{wanted.name} is missing; expected {describe_type(wanted.type)}."
        return
    value = values[wanted.name]
    if value is None:
        # Terraform reads null as "the default" where null itself is not accepted; Ansible does not.
        falls_back = kind is Kind.MODULE and not wanted.required
        if not wanted.nullable and not falls_back:
            yield f"{wanted.name} is null; expected {describe_type(wanted.type)}."
        return
    problems = list(Check(hidden).problems(wanted.name, value, wanted.type))
    yield from problems
    if not problems and not mentions_reference(value):
        yield from _conditions(wanted, value, hidden=hidden)


def _conditions(wanted: Input, value: JsonValue, *, hidden: bool) -> Iterator[str]:
    """Choices, and those validation blocks that can be decided here."""
    got = f"{wanted.name}: got {show_value(value, sensitive=hidden)}"
    if wanted.choices and not wanted.type.choices and not _among(wanted.choices, value):
        yield f"{got}, expected {show_choices(wanted.choices)}."
        return
    for validation in wanted.validations:
        if holds(validation.condition, wanted.name, _without_duplicates(value, wanted.type)) is False:
            yield f"{got}, which is refused: {validation.message}"


def _among(choices: tuple[JsonValue, ...], value: JsonValue) -> bool:
    return any(same(choice, value) for choice in choices)


def _without_duplicates(value: JsonValue, type_: Type) -> JsonValue:
    """The value as Terraform sees it: a set holds each element once."""
    if isinstance(value, list) and type_.name is TypeName.SET:
        return list({canonical_json(item): item for item in value}.values())
    return value
