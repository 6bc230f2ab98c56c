"""Inputs against contracts, in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.catalogue import check_inputs, validate_inputs
from workers.catalogue.conditions import allowed_values, holds, pattern
from workers.catalogue.patterns import searches
from workers.core.contract import Attribute, Contract, Input, Kind, Type, TypeName, Validation
from workers.core.errors import InputError

STRING, NUMBER, BOOL = Type(TypeName.STRING), Type(TypeName.NUMBER), Type(TypeName.BOOL)
DISK = Type(TypeName.OBJECT, attributes=(Attribute("name", STRING), Attribute("size", NUMBER, False)))


def contract(*inputs: Input, kind: Kind = Kind.MODULE) -> Contract:
    return Contract(kind, "vm", Path("vm"), "0" * 64, inputs=inputs)


def problems(wanted: Input, value: object) -> tuple[str, ...]:
    return validate_inputs(contract(wanted), {wanted.name: value})


@pytest.mark.parametrize(
    ("type_", "value", "sentence"),
    [
        (NUMBER, "5", 'x: got "5", expected number; write 5 without quotes.'),
        (NUMBER, "five", 'x: got "five", expected number.'),
        (NUMBER, True, "x: got true, expected number."),
        (NUMBER, float("inf"), "x: got Infinity, expected number."),
        (Type(TypeName.NUMBER, integer=True), 1.5, "x: got 1.5, expected whole number."),
        (BOOL, "true", 'x: got "true", expected true or false; write true without quotes.'),
        (BOOL, 1, "x: got 1, expected true or false."),
        (STRING, 5, 'x: got 5, expected text; write "5" in quotes.'),
        (STRING, ["a"], 'x: got ["a"], expected text.'),
        (Type(TypeName.LIST, STRING), "a", 'x: got "a", expected list of texts.'),
        (Type(TypeName.LIST, STRING), ["a", None], "x[1] is null; expected text."),
        (Type(TypeName.LIST, DISK), [{"name": "a"}, {"name": "b", "size": "1"}],
         'x[1].size: got "1", expected number; write 1 without quotes.'),
        (DISK, {"size": 1}, "x.name is missing; expected text."),
        (DISK, {"name": "a", "sise": 1}, "x.sise is not an attribute there; did you mean size?"),
        (Type(TypeName.MAP, NUMBER), {"a b": "x"}, 'x["a b"]: got "x", expected number.'),
        (Type(TypeName.TUPLE, elements=(STRING, NUMBER)), ["a"],
         "x: got 1 elements, expected 2: list of exactly text, number."),
        (STRING, "a\0b", "x: holds the character NUL, which no file or argument can carry."),
        (Type(), {"deep": ["a\0b"]}, "x.deep[0]: holds the character NUL, which no file or argument can carry."),
        (STRING, "\ud800", "x: is not valid Unicode (half of a surrogate pair)."),
        (STRING, "a" * 1_048_577, "x: has 1048577 bytes; at most 1048576 are allowed."),
        (NUMBER, "secret://env/X", "x: got a reference to a secret, expected number; the input is not sensitive."),
        (STRING, "secret://nowhere/X",
         'x: "secret://nowhere/X" is no reference to a secret; expected e.g. secret://env/NAME.'),
    ],
)  # fmt: skip
def test_one_sentence_says_name_value_and_expectation(type_: Type, value: object, sentence: str) -> None:
    """Each mistake gives exactly the sentence that a person needs."""
    assert problems(Input("x", type_), value) == (sentence,)


def test_missing_unknown_and_null() -> None:
    """A missing input, a misspelt one and a null are each told, all at once."""
    wanted = contract(Input("name", STRING), Input("size", NUMBER, nullable=False), Input("colour", STRING))
    assert validate_inputs(wanted, {"size": None, "color": "red", "name": "a"}) == (
        "size is null; expected number.",
        "colour is missing; expected text.",
        "color is not an input of vm; did you mean colour?",
    )


def test_null_for_a_variable_with_a_default() -> None:
    """Terraform takes null for "the default" where null is not accepted itself; Ansible would hand it to the role."""
    wanted = Input("size", NUMBER, required=False, nullable=False, default=1)
    assert validate_inputs(contract(wanted), {"size": None}) == ()
    assert validate_inputs(contract(wanted, kind=Kind.ROLE), {"size": None}) != ()


@pytest.mark.parametrize("value", ["secret://env/PASSWORD", {"a": "secret://aws-sm/x#y"}])
def test_references_stand_for_sensitive_values_of_any_type(value: object) -> None:
    """A secret reference is accepted where the value it stands for would be."""
    wanted = Type(TypeName.MAP, NUMBER) if isinstance(value, dict) else NUMBER
    assert problems(Input("x", wanted, sensitive=True), value) == ()


def test_a_reference_is_not_held_against_choices_and_conditions() -> None:
    """What a reference stands for is not known here, so only its place is checked."""
    wanted = Input("x", STRING, validations=(Validation("length(var.x) < 5", "Too long."),))
    assert problems(wanted, "secret://env/PASSWORD") == ()


@pytest.mark.parametrize("value", ["hunter2", ["hunter2"], {"hunter2": "hunter2"}, 77_077])
@pytest.mark.parametrize("ephemeral", [True, False])
def test_sensitive_values_are_never_shown(value: object, ephemeral: bool) -> None:
    """No sentence about a sensitive or ephemeral input holds its value."""
    wanted = Input("x", BOOL, sensitive=not ephemeral, ephemeral=ephemeral)
    (sentence,) = problems(wanted, value)
    assert "hunter2" not in sentence
    assert "77" not in sentence


def test_choices() -> None:
    """A value that is not among the choices is told with the choices; true is not 1."""
    assert problems(Input("x", STRING, choices=("a", "b")), "c") == ('x: got "c", expected one of "a", "b".',)
    assert problems(Input("x", choices=(1,)), True) != ()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('contains(["a", "b"], var.x)', ("a", "b")),
        ('var.x == null || contains(["a"], var.x)', ("a",)),
        ('(var.x == null || contains(["a"], var.x))', ("a",)),
        ('var.x == null ? true : contains(["a"], var.x)', ("a",)),
        ('var.x != null ? contains(["a"], var.x) : true', ("a",)),
        ('length(var.x) > 0 && (contains(["a"], var.x))', ()),
        ('length(var.x) > 0 && contains(["a"], var.x)', ("a",)),
        ('contains(["a"], var.x) || var.y', ()),
        ('contains(["a"], var.x) && var.y || var.z', ()),
        ('var.y == null || contains(["a"], var.x)', ()),
        ('var.x == null ? false : contains(["a"], var.x)', ()),
        ('!contains(["a"], var.x)', ()),
        ("", ()),
    ],
)
def test_choices_are_found_in_the_ways_that_modules_write_them(condition: str, expected: tuple[str, ...]) -> None:
    """Null may be excepted, and other demands may stand beside; where the list is no demand, there are no choices."""
    assert allowed_values(condition, "x") == expected


def test_a_pattern_beside_other_demands_is_found() -> None:
    """The form's field can say it before Terraform does."""
    assert pattern('can(regex("^a+$", var.x)) && length(var.x) < 9', "x") == "^a+$"


def test_conditions_that_can_be_decided() -> None:
    """A failed validation block is told in its author's words."""
    wanted = Input("x", NUMBER, validations=(Validation("var.x >= 1 && var.x <= 10", "Between 1 and 10."),))
    assert problems(wanted, 11) == ("x: got 11, which is refused: Between 1 and 10.",)
    assert problems(wanted, 10) == ()


def test_a_set_counts_each_element_once() -> None:
    """Terraform drops duplicates of a set before it counts."""
    wanted = Input("x", Type(TypeName.SET, STRING), validations=(Validation("length(var.x) > 1", "Two."),))
    assert problems(wanted, ["a", "a"]) == ('x: got ["a", "a"], which is refused: Two.',)


def test_check_inputs_raises_all_problems() -> None:
    """The error names the module and carries every problem."""
    with pytest.raises(InputError, match="module vm: x is missing; expected number.; y is not an input") as caught:
        check_inputs(contract(Input("x", NUMBER)), {"y": 1})
    assert len(caught.value.problems) == 2
    check_inputs(contract(Input("x", NUMBER)), {"x": 1})


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ('contains(["a", "b"], var.x)', "a", True),
        ('contains(["a", "b"], var.x)', "c", False),
        ('contains(["1"], var.x)', 1, None),
        ("length(var.x) > 2", "abc", True),
        ("length(var.x) > 2", "é", None),
        ("length(var.x) == 0 || length(var.x) > 2", [1], False),
        ('can(regex("^[a-z]+$", var.x))', "abc", True),
        ('can(regex("^[a-z]+$", var.x))', "abc\n", False),
        ('can(regex("^(a+)+$", var.x))', "a" * 40 + "b", None),
        ("!(var.x > 3)", 4, False),
        ("var.x == null ? true : var.x < 5", None, True),
        ("var.x == null ? true : var.x < 5", 7, False),
        ("var.x.size > 1", {"size": 1}, False),
        ("var.x.size > 1", {}, None),
        ("var.y > 1", 1, None),
        ("floor(var.x) == var.x", 1.5, False),
        ('startswith(var.x, "s3://") && endswith(var.x, "/")', "s3://x", False),
        ("alltrue([for v in var.x : v > 1])", [0], None),
        ("var.x > 1 || timestamp() > 3", 0, None),
        ("var.x + 1 > 3", 0, None),
        ("not hcl ((", 0, None),
        ("", 0, None),
    ],
)
def test_conditions(condition: str, value: object, expected: bool | None) -> None:
    """What can be decided with certainty is decided, everything else is left to Terraform."""
    assert holds(condition, "x", value) is expected


@pytest.mark.parametrize(
    "expression", [r"\p{L}", "(?i)a", r"a\z", "[[:alpha:]]", "(a*b)+", "(a|b{2})*", "a--[b--c]", "("]
)
def test_patterns_that_python_might_read_otherwise_are_left_alone(expression: str) -> None:
    """Nothing is said about a pattern whose meaning or cost could differ from RE2's."""
    assert searches(expression, "a") is None
