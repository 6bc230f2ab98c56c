"""Variables of a process against its start form."""

from __future__ import annotations

from pathlib import Path

import pytest

from service_kit import project
from workers.core.errors import InputError, UsageError
from workers.core.values import JsonValue
from workers.service.models import Model, read_models
from workers.service.variables import Given, checked, given

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return read_models(project(tmp_path))["Order"]


def problems(model: Model, texts: dict[str, str], values: dict[str, JsonValue] | None = None) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        checked(Given(texts, values or {}), model, ("local", "other"))
    return caught.value.problems


def test_texts_become_what_the_form_asks_for(model: Model) -> None:
    """A number field makes a number and a checkbox a boolean of the text; defaults of the form are filled in."""
    found = checked(Given({"name": "web", "size": "3", "fast": "true"}, {}), model, ())
    assert found == {"name": "web", "size": 3, "fast": True}
    assert checked(Given({"name": "web"}, {}), model, ())["size"] == 2


def test_everything_wrong_is_named_at_once(model: Model) -> None:
    """One message has the missing, the unknown and the misfitting variables, with what was expected."""
    found = "\n".join(problems(model, {"nmae": "web", "size": "many", "environment": "nowhere"}))
    assert "did you mean 'name'?" in found
    assert "size: expected a number, got 'many'" in found
    assert 'environment: expected one of local, other, got "nowhere"' in found
    assert "name is missing (Name)" in found


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "Web"}, "matches ^[a-z]+$"),
        ({"name": "abcdefghi"}, "at most 8 characters, got 9"),
        ({"name": 5}, "expected text, got 5"),
        ({"name": "web", "size": 10}, "at most 9, got 10"),
        ({"name": "web", "size": True}, "expected a number, got true"),
        ({"name": "web", "fast": "yes"}, 'expected true or false, got "yes"'),
        ({"name": "web", "note": 1}, "note: expected text, got 1"),
    ],
)
def test_rules_of_the_form_hold(model: Model, values: dict[str, JsonValue], words: str) -> None:
    """Pattern, length, bounds and type of each field are held against the value, fields in groups included."""
    assert words in "\n".join(problems(model, {}, values))


def test_a_variable_that_only_the_model_reads_is_let_through(model: Model) -> None:
    """A variable that no form field is for, but that an expression of the model reads, is no mistake."""
    assert checked(Given({"name": "web"}, {"extra": 4}), model, ())["extra"] == 4


def test_an_environment_newer_than_the_form_is_accepted(model: Model) -> None:
    """An environment that has a file counts, though the form's list does not have it."""
    assert checked(Given({"name": "web", "environment": "other"}, {}), model, ("local", "other"))


@pytest.mark.parametrize("text", ["name", "=x", "na-me=x", "1a=x"])
def test_what_is_no_pair_is_refused(text: str) -> None:
    """``--var`` takes NAME=TEXT with a name that the engine can have as a variable."""
    with pytest.raises(UsageError, match="NAME=VALUE"):
        given([text], [], None)


def test_json_that_is_none_is_refused(tmp_path: Path) -> None:
    """``--input`` and ``--vars-file`` say what is not JSON, and a file has to hold an object."""
    with pytest.raises(UsageError, match="not JSON"):
        given([], ["n={"], None)
    file = tmp_path / "v.json"
    file.write_text("[1]")
    with pytest.raises(UsageError, match="expected an object"):
        given([], [], file)
    with pytest.raises(UsageError, match="No such file"):
        given([], [], tmp_path / "none.json")


def test_the_first_process_takes_its_request() -> None:
    """VmProvisioning's own form takes the request of the demonstration, and its documented extras."""
    model = read_models(PROJECT)["VmProvisioning"]
    extras: dict[str, JsonValue] = {"configure": [], "reminderAfter": "PT1H"}
    found = checked(Given({"name": "web1", "message": "Hi {{ 1 }}"}, extras), model, ("local",))
    assert found["environment"] == "local"
    with pytest.raises(InputError, match="name"):
        checked(Given({"name": "Web_1"}, {}), model, ("local",))
