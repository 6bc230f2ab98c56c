"""The files and the commands of the tour. That the commands work is shown by running them, in tests/integration."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from docs_reading import PROJECT, commands, text_of
from workers.catalogue.reading import read_catalogue
from workers.core.contract import Contract, TypeName

NOTE = PROJECT / "docs" / "tutorial" / "note"
TUTORIAL = PROJECT / "docs" / "tutorial" / "first-ten-minutes.md"
_NAMES = {"bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL", "zeebe": "http://camunda.org/schema/zeebe/1.0"}


def test_the_module_of_the_tour_is_a_catalogue_module() -> None:
    """The tour's module reads into a contract with the inputs and job types that the tour names."""
    contract = _note()
    assert {i.name: i.type.name for i in contract.inputs} == {"path": TypeName.STRING, "text": TypeName.STRING}
    assert {"terraform.note.plan", "terraform.note.apply"} <= set(contract.job_types)
    assert not contract.is_root


def test_the_tutorial_shows_the_module_as_it_is() -> None:
    """Every piece of Terraform in the tutorial is in the module's files, word for word."""
    module = "\n".join(p.read_text() for p in (NOTE / "terraform" / "modules" / "note").glob("*.tf"))
    shown = re.findall(r"```hcl\n(.*?)```", text_of(TUTORIAL), re.DOTALL)
    assert len(shown) == 2
    assert [piece for piece in shown if piece.strip() not in module] == []


def test_the_tutorial_describes_the_process_as_it_is_drawn() -> None:
    """The mappings that the tutorial tells people to enter are those of the model beside it."""
    model = ET.parse(NOTE / "bpmn" / "WriteNote.bpmn")
    call = model.find(".//bpmn:callActivity", _NAMES)
    assert call is not None
    called = call.find(".//zeebe:calledElement", _NAMES)
    assert called is not None
    assert called.get("processId") == "TerraformChange"
    assert {called.get("propagateAllChildVariables"), called.get("propagateAllParentVariables")} == {"false"}
    mappings = {m.get("target"): m.get("source") for m in call.iter(f"{{{_NAMES['zeebe']}}}input")}
    mappings |= {m.get("target"): m.get("source") for m in call.iter(f"{{{_NAMES['zeebe']}}}output")}
    text = re.sub(r"\s+", " ", text_of(TUTORIAL))
    assert [name for name, source in mappings.items() if f"`{name}` = `{source}`" not in text] == []


def test_the_process_of_the_tour_gives_the_block_what_it_reads() -> None:
    """The tour's model passes every variable that the page of job types lists for the block, but for those left out."""
    row = next(
        line
        for line in text_of(PROJECT / "docs/reference/job-types.md").splitlines()
        if line.startswith("| `TerraformChange` |")
    )
    wanted = set(re.findall(r"`(\w+)`", row.split("|")[2])) - {"PT4H", "reminderAfter"}
    model = ET.parse(NOTE / "bpmn" / "WriteNote.bpmn")
    given = {m.get("target") for m in model.iter(f"{{{_NAMES['zeebe']}}}input")}
    assert given == wanted


def test_the_readme_has_the_commands_of_the_tutorial() -> None:
    """What the README's tour tells people to type is what the tutorial explains."""
    tour = text_of(PROJECT / "README.md").partition("## A ten-minute tour")[2].partition("\n## ")[0]
    explained = {c.line for c in commands(TUTORIAL)}
    shown = [c.line for c in commands(PROJECT / "README.md") if c.line in tour]
    assert [line for line in shown if line not in explained] == []
    assert len(shown) > 6


def _note() -> Contract:
    found = read_catalogue(NOTE)
    assert found.problems == ()
    module = found.module("note")
    assert module is not None
    return module
