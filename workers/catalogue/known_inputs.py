"""The inputs that a model gives to a module or role, held against the contract as far as they can be known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from workers.catalogue.feel import UNKNOWN, Unknown, Value, known_value
from workers.catalogue.validation import validate_inputs
from workers.catalogue.values import Check
from workers.core.contract import Contract, Input, Type, TypeName
from workers.core.values import JsonValue

_GROUP = "inputs."


@dataclass(frozen=True)
class Given:
    """Inputs by name, as values or ``UNKNOWN``.

    Attributes:
        complete: there are no others.
    """

    values: Mapping[str, Value]
    complete: bool = True


def given_inputs(mapped: Mapping[str, str]) -> Given:
    """What the mappings to ``inputs`` and ``inputs.<name>`` say; later ones are laid over earlier ones."""
    whole = known_value(mapped["inputs"]) if "inputs" in mapped else None
    values: dict[str, Value] = dict(whole) if isinstance(whole, dict) else {}
    for target, source in mapped.items():
        name, dot, _ = target.removeprefix(_GROUP).partition(".")
        if target.startswith(_GROUP):
            values[name] = UNKNOWN if dot or not source else known_value(source)
    return Given(values, complete=whole is None or isinstance(whole, dict))


def problems(contract: Contract, given: Given) -> Iterator[tuple[str, str]]:
    """Rule and sentence for everything that is wrong: ``unknown-input``, ``missing-input``, ``wrong-input``."""
    names = [name for name in given.values if contract.input(name) is None]
    for name in names:
        yield "unknown-input", validate_inputs(replace(contract, inputs=_optional(contract)), {name: None})[0]
    if given.complete:
        for wanted in (i for i in contract.inputs if i.required and i.name not in given.values):
            yield "missing-input", validate_inputs(replace(contract, inputs=(wanted,)), {})[0]
    for name, value in given.values.items():
        found = contract.input(name)
        if found is not None:
            yield from (("wrong-input", sentence) for sentence in _wrong(contract, found, value))


def _optional(contract: Contract) -> tuple[Input, ...]:
    return tuple(replace(i, required=False) for i in contract.inputs)


def _wrong(contract: Contract, wanted: Input, value: Value) -> tuple[str, ...]:
    settled, whole = _settle(value, wanted.type)
    if isinstance(settled, Unknown):
        return ()
    if whole:
        return validate_inputs(replace(contract, inputs=(wanted,)), {wanted.name: settled})
    return tuple(Check(wanted.sensitive or wanted.ephemeral).problems(wanted.name, settled, wanted.type))


def _settle(value: Value, type_: Type) -> tuple[JsonValue | Unknown, bool]:
    """The value without what is not known in it, and whether it is all there."""
    if isinstance(value, list):
        return _settle_list(value, type_)
    if not isinstance(value, dict):
        return value, not isinstance(value, Unknown)
    types = {a.name: a.type for a in type_.attributes}
    settled = {name: _settle(item, types.get(name, type_.element or Type())) for name, item in value.items()}
    known: dict[str, JsonValue] = {n: v for n, (v, _) in settled.items() if not isinstance(v, Unknown)}
    # Null is accepted for any attribute of an object, and a map's entry may be left out.
    blank: dict[str, JsonValue] = dict.fromkeys(settled, None) if type_.name is TypeName.OBJECT else {}
    return blank | known, all(whole for _, whole in settled.values())


def _settle_list(value: list[Value], type_: Type) -> tuple[JsonValue | Unknown, bool]:
    if type_.name is TypeName.TUPLE:
        return UNKNOWN, False
    settled = [_settle(item, type_.element or Type()) for item in value]
    known: list[JsonValue] = [v for v, _ in settled if not isinstance(v, Unknown)]
    return known, all(whole for _, whole in settled)
