"""Type expressions, literals and validation over generated types and values."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from workers.catalogue import contract_schema, describe_type, render_type, validate_inputs
from workers.catalogue.hcl import expression, parse
from workers.catalogue.literals import literal
from workers.catalogue.source import Source, SourceError
from workers.catalogue.type_expressions import read_type, render_value
from workers.core.contract import Attribute, Contract, Input, Kind, Type, TypeName
from workers.core.values import JsonValue

UNHURRIED = settings(deadline=None)
MORE = settings(deadline=None, max_examples=300)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(TEXTS, v, max_size=4), max_leaves=12)
DEFAULTS = SCALARS | st.lists(SCALARS, max_size=2)
NAMES = st.from_regex(r"\A[a-z_][a-z0-9_-]{0,8}\Z")


def _attributes(types: st.SearchStrategy[Type]) -> st.SearchStrategy[tuple[Attribute, ...]]:
    required = st.builds(Attribute, NAMES, types)
    optional = st.builds(Attribute, NAMES, types, st.just(False), DEFAULTS)
    return st.lists(required | optional, max_size=4, unique_by=lambda a: a.name).map(tuple)


def _extend(types: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    collections = st.sampled_from([TypeName.LIST, TypeName.SET, TypeName.MAP])
    return (
        st.builds(Type, collections, element=types)
        | st.builds(Type, st.just(TypeName.TUPLE), elements=st.lists(types, max_size=3).map(tuple))
        | st.builds(Type, st.just(TypeName.OBJECT), attributes=_attributes(types))
    )


PLAIN = st.sampled_from([TypeName.ANY, TypeName.STRING, TypeName.NUMBER, TypeName.BOOL]).map(Type)
TYPES = st.recursive(PLAIN, _extend, max_leaves=5)


def values_of(type_: Type) -> st.SearchStrategy[JsonValue]:
    """Values that the type allows."""
    texts = TEXTS.filter(lambda t: "\0" not in t)
    match type_.name:
        case TypeName.STRING:
            return texts
        case TypeName.NUMBER:
            return st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        case TypeName.BOOL:
            return st.booleans()
        case TypeName.LIST | TypeName.SET:
            return st.lists(values_of(type_.element), max_size=3)
        case TypeName.MAP:
            return st.dictionaries(texts, values_of(type_.element), max_size=3)
        case TypeName.TUPLE:
            return st.tuples(*(values_of(element) for element in type_.elements)).map(list)
        case TypeName.OBJECT:
            required = {a.name: values_of(a.type) for a in type_.attributes if a.required}
            optional = {a.name: values_of(a.type) for a in type_.attributes if not a.required}
            return st.fixed_dictionaries(required, optional=optional)
    return texts | st.integers() | st.booleans()


def contract(wanted: Input) -> Contract:
    return Contract(Kind.MODULE, "m", Path("m"), "0" * 64, inputs=(wanted,))


@UNHURRIED
@given(TYPES)
def test_a_type_survives_being_written_and_read(type_: Type) -> None:
    """Rendering a type as HCL and reading it gives the very same type, nested defaults included."""
    assert read_type(expression(Source(Path("t"), render_type(type_)))) == type_


@UNHURRIED
@given(VALUES)
def test_a_value_survives_being_written_and_read(value: JsonValue) -> None:
    """Rendering any JSON value as an HCL literal and reading it gives the same value."""
    assert literal(expression(Source(Path("v"), render_value(value)))) == value


@UNHURRIED
@given(TYPES, TEXTS, VALUES)
def test_a_variable_block_gives_back_what_was_put_in(type_: Type, description: str, default: JsonValue) -> None:
    """A whole variable block, one-line or not, keeps type, description and default apart."""
    text = (
        f'variable "x" {{\n type = {render_type(type_)} # }}\n description = {render_value(description)}\n'
        f" default = {render_value(default)}\n}}"
    )
    (block,) = parse(Source(Path("m"), text)).blocks
    assert read_type(block.arguments["type"]) == type_
    assert literal(block.arguments["description"]) == description
    assert literal(block.arguments["default"]) == default


@MORE
@given(TYPES, VALUES | st.floats(), st.booleans())
def test_any_value_against_any_type_gives_sentences(type_: Type, value: JsonValue, sensitive: bool) -> None:
    """Validation never raises, whatever it is given, and says each problem in a sentence that can be printed."""
    for sentence in validate_inputs(contract(Input("x", type_, sensitive=sensitive)), {"x": value}):
        assert sentence.startswith("x")
        assert sentence.encode()
        assert "\n" not in sentence


@MORE
@given(st.data())
def test_values_of_the_type_are_accepted(data: st.DataObject) -> None:
    """What a type allows is never refused."""
    type_ = data.draw(TYPES)
    value = data.draw(values_of(type_))
    assert validate_inputs(contract(Input("x", type_)), {"x": value}) == ()


@UNHURRIED
@given(TYPES)
def test_every_type_can_be_said_in_words(type_: Type) -> None:
    """The description of a type is one line of text."""
    assert describe_type(type_).strip()
    assert "\n" not in describe_type(type_)


@UNHURRIED
@given(st.text(alphabet='{}[]()"$%\\<>#/*= \nab1-EOT,:~', max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is either read or refused with a line inside it."""
    try:
        parse(Source(Path("x"), text))
    except SourceError as error:
        assert 1 <= error.line <= text.count("\n") + 1  # noqa: PT017 - either way is right


@UNHURRIED
@given(st.dictionaries(st.sampled_from(["a", "b"]), VALUES), st.integers(1, 200))
def test_deep_values_are_refused_in_words(values: dict[str, JsonValue], depth: int) -> None:
    """Nesting beyond what any module needs is a problem and not a crash."""
    nested: JsonValue = values
    for _ in range(depth):
        nested = [nested]
    found = validate_inputs(contract(Input("x")), {"x": nested})
    assert bool(found) >= (depth > 70)
    assert len(json.dumps(found)) < 100_000


@MORE
@given(st.data())
def test_the_schema_accepts_what_validation_accepts(data: st.DataObject) -> None:
    """JSON Schema is never stricter than the workers: an editor shows no false alarm."""
    type_ = data.draw(TYPES)
    value = data.draw(values_of(type_) | VALUES | st.just("secret://env/X"))
    wanted = contract(Input("x", type_, sensitive=data.draw(st.booleans()), nullable=data.draw(st.booleans())))
    schema = contract_schema(wanted)
    Draft202012Validator.check_schema(schema)
    if not validate_inputs(wanted, {"x": value}):
        assert Draft202012Validator(schema).is_valid({"x": value})
