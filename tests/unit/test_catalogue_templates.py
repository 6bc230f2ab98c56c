"""Element templates, pages and schemas that follow from contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workers.catalogue import read_catalogue
from workers.catalogue.generating import differences, generated, write
from workers.catalogue.job_templates import job_templates
from workers.catalogue.start_forms import start_form
from workers.catalogue.template_fields import input_fields
from workers.catalogue.templates import templates
from workers.core.contract import Contract, Input, Kind, Type, TypeName, Validation
from workers.handlers.hosts import WaitRequest
from workers.handlers.notify import NoticeRequest
from workers.handlers.probe import ProbeRequest
from workers.handlers.requests import MachineRequest

PROJECT = Path(__file__).parents[2]
TEXT = Type(TypeName.STRING)


def contract(*inputs: Input, kind: Kind = Kind.MODULE) -> Contract:
    return Contract(kind, "box", Path("box"), "0" * 64, "A box.", inputs)


def field(wanted: Input) -> dict[str, Any]:
    return input_fields(contract(wanted))[0]


def test_committed_files_are_those_of_the_contracts() -> None:
    """The project's own generated files are up to date."""
    found = differences(PROJECT, generated(read_catalogue(PROJECT)))
    assert (found.stale, found.left) == ((), ()), "run `sluis generate` and commit what it writes"


def test_a_change_of_the_contract_is_noticed_and_what_is_left_over_goes(tmp_path: Path) -> None:
    """A changed module makes its files stale; those of a module that is gone are removed."""
    folder = tmp_path / "terraform" / "modules" / "box"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text('variable "size" { type = number }\n')
    write(tmp_path, generated(read_catalogue(tmp_path)))
    assert not differences(tmp_path, generated(read_catalogue(tmp_path))).stale
    (folder / "main.tf").write_text('variable "depth" { type = number }\n')
    assert len(differences(tmp_path, generated(read_catalogue(tmp_path))).stale) == 4
    (folder / "main.tf").unlink()
    folder.rmdir()
    assert len(write(tmp_path, generated(read_catalogue(tmp_path))).left) == 4
    assert [path.name for path in (tmp_path / ".camunda").rglob("*.json")] == ["sluis-jobs.json"]


def test_each_type_has_the_field_that_fits() -> None:
    """Choices and booleans are dropdowns, numbers numbers, texts texts, lists and objects expressions."""
    assert field(Input("a", TEXT, choices=("x", "y")))["choices"] == [
        {"name": "x", "value": "x"},
        {"name": "y", "value": "y"},
    ]
    assert [c["value"] for c in field(Input("a", Type(TypeName.BOOL)))["choices"]] == ["=true", "=false"]
    assert field(Input("a", Type(TypeName.NUMBER), required=False, default=3))["value"] == 3
    assert field(Input("a", TEXT))["type"] == "String"
    listed = field(Input("a", Type(TypeName.LIST, TEXT), required=False, default=["x"]))
    assert (listed["feel"], listed["value"]) == ("required", '=["x"]')


def test_constraints_carry_the_message_of_the_module() -> None:
    """A pattern of the contract is a constraint with the module's own words."""
    wanted = Input("a", TEXT, pattern="^[a-z]+$", validations=(Validation("…", "Only letters."),))
    assert field(wanted)["constraints"]["pattern"]["message"] == "Only letters."


def test_secrets_are_asked_for_as_references() -> None:
    """The default of a sensitive input is not in the template, and its field takes references only."""
    found = field(Input("a", TEXT, required=False, default="hunter2", sensitive=True))
    assert "hunter2" not in str(found)
    assert "secret://" in found["constraints"]["pattern"]["message"]


def test_a_module_is_drawn_as_a_call_of_the_block() -> None:
    """The first template calls the block with the module's name; none makes a bare apply."""
    first, *others = templates(contract(Input("a", TEXT)))
    properties: Any = first["properties"]
    assert properties[0]["value"] == "TerraformChange"
    assert {p["binding"].get("name"): p.get("value") for p in properties}["module"] == "box"
    assert ".apply" not in str(others)


REQUESTS = {
    "host.wait": WaitRequest,
    "http.probe": ProbeRequest,
    "notify.send": NoticeRequest,
    "request.check": MachineRequest,
}


@pytest.mark.parametrize("template", job_templates(), ids=lambda t: str(t["name"]))
def test_a_job_template_asks_for_what_the_worker_reads(template: dict[str, Any]) -> None:
    """A field for each variable of the job, and for no other."""
    job = next(p["value"] for p in template["properties"] if p["binding"].get("property") == "type")
    asked = {p["binding"]["name"] for p in template["properties"] if p["binding"]["type"] == "zeebe:input"}
    assert asked == {field.alias or name for name, field in REQUESTS[job].model_fields.items()}


def test_names_that_no_expression_can_hold_share_one_field() -> None:
    """A module with an input like ``a-b`` gets one field for all inputs as an object."""
    assert [f["binding"] for f in input_fields(contract(Input("a-b", TEXT), Input("c", TEXT)))] == [
        {"type": "zeebe:input", "name": "inputs"}
    ]


def test_a_start_form_asks_for_what_can_be_typed() -> None:
    """Text, numbers, switches and choices become fields; a list is named as one to set in the model."""
    form: Any = start_form(
        contract(
            Input("name", TEXT, pattern="^[a-z]+$"),
            Input("size", Type(TypeName.NUMBER, integer=True), required=False, default=2),
            Input("fast", Type(TypeName.BOOL)),
            Input("kind", TEXT, choices=("a", "b")),
            Input("tags", Type(TypeName.LIST, TEXT)),
        )
    )
    text, _, _, *fields = form["components"]
    assert "tags" in text["text"]
    assert {f["key"]: f["type"] for f in fields} == {
        "name": "textfield",
        "size": "number",
        "fast": "checkbox",
        "kind": "select",
    }
    assert fields[0]["validate"] == {"required": True, "pattern": "^[a-z]+$"}
    assert fields[1]["defaultValue"] == 2


def test_a_start_form_holds_no_secret() -> None:
    """The default of a sensitive input is not in the form, and only a reference can be typed."""
    form = start_form(contract(Input("a", TEXT, required=False, default="hunter2", sensitive=True)))
    assert "hunter2" not in str(form)
    assert "secret://" in str(form)
