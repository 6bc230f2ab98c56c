"""Start forms list what the project has, without an edit of the form."""

import json
from pathlib import Path

import pytest

from handlers_kit import project
from workers.service.choices import choices_of, with_choices
from workers.service.models import read_models
from workers.service.variables import Given, checked

PROJECT = Path(__file__).parents[2]


def test_selects_offer_the_environments_and_roles_of_the_project(tmp_path):
    """By the custom property, in groups too; other selects and the rest of the form stay."""
    other = {"type": "select", "key": "size", "values": [{"label": "S", "value": "s"}]}
    places = {"type": "select", "key": "environment", "properties": {"choices": "environments"}, "values": []}
    roles = {"type": "select", "key": "role", "properties": {"choices": "roles"}, "values": []}
    form = {"id": "F", "components": [other, places, {"type": "group", "components": [roles]}]}
    filled = json.loads(with_choices(json.dumps(form).encode(), choices_of(project(tmp_path))))
    assert filled["components"][0] == other
    assert filled["components"][1]["values"] == [{"label": "local: For tests", "value": "local"}]
    [inner] = filled["components"][2]["components"]
    assert inner["values"] == [{"label": "hello", "value": "hello"}]


def test_a_form_without_such_selects_is_deployed_as_it_is(tmp_path):
    """Byte for byte, so that the engine keeps its version."""
    form = b'{"id":  "F", "components": [{"type": "textfield", "key": "name"}]}'
    assert with_choices(form, choices_of(project(tmp_path))) == form


@pytest.mark.parametrize("process", ["VmProvisioning", "VmDecommissioning", "VmLifetime", "ConfigureHost"])
def test_our_own_start_forms_list_the_environments(process):
    """Nobody edits a form to add an environment."""
    form = read_models(PROJECT)[process].start_form
    listed = {c["key"]: c.get("properties", {}).get("choices") for c in form["components"] if c["type"] == "select"}
    assert listed["environment"] == "environments"
    assert listed.get("role", "roles") == "roles"


def test_a_role_that_came_later_may_be_named_on_the_command_line():
    """The list in the file is for looking at it; the process judges the role."""
    model = read_models(PROJECT)["ConfigureHost"]
    given = Given({"hosts": "db1", "role": "brand_new"}, {})
    assert checked(given, model, ("local",))["role"] == "brand_new"
