"""What tests of the service and the command line build on: a small project with a model, and its parts."""

from __future__ import annotations

from pathlib import Path

from workers.core.records import StackId, StackRecord
from workers.core.settings import Settings
from workers.core.values import now
from workers.service.assembly import Assembly, assemble

MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
                  xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="D" targetNamespace="t">
  <bpmn:process id="Order" name="Order a thing" isExecutable="true">
    <bpmn:startEvent id="Start"><bpmn:extensionElements><zeebe:formDefinition formId="OrderForm"/>
    </bpmn:extensionElements></bpmn:startEvent>
    <bpmn:subProcess id="Sub" name="Making">
      <bpmn:callActivity id="Call" name="Block"><bpmn:extensionElements>
        <zeebe:calledElement processId="Inner"/>
        <zeebe:ioMapping><zeebe:input source="=if extra = null then 1 else extra" target="n"/></zeebe:ioMapping>
      </bpmn:extensionElements></bpmn:callActivity>
    </bpmn:subProcess>
    <bpmn:boundaryEvent id="Boundary" attachedToRef="Sub"><bpmn:errorEventDefinition/></bpmn:boundaryEvent>
    <bpmn:endEvent id="Good" name="Made"/>
    <bpmn:endEvent id="Bad" name="Failed"/>
    <bpmn:endEvent id="Thrown"><bpmn:errorEventDefinition/></bpmn:endEvent>
    <bpmn:sequenceFlow id="f1" sourceRef="Start" targetRef="Sub"/>
    <bpmn:sequenceFlow id="f2" sourceRef="Sub" targetRef="Good"/>
    <bpmn:sequenceFlow id="f3" sourceRef="Sub" targetRef="Thrown"/>
    <bpmn:sequenceFlow id="f4" sourceRef="Boundary" targetRef="Bad"/>
  </bpmn:process>
  <bpmn:process id="Inner" isExecutable="true"><bpmn:startEvent id="InnerStart"/></bpmn:process>
</bpmn:definitions>
"""

FORM = """{"id": "OrderForm", "type": "default", "components": [
  {"type": "textfield", "key": "name", "label": "Name",
   "validate": {"required": true, "pattern": "^[a-z]+$", "maxLength": 8}},
  {"type": "number", "key": "size", "label": "Size", "defaultValue": 2, "validate": {"min": 1, "max": 9}},
  {"type": "checkbox", "key": "fast", "label": "Fast"},
  {"type": "select", "key": "environment", "label": "Where", "values": [{"label": "l", "value": "local"}]},
  {"type": "group", "components": [{"type": "textarea", "key": "note", "label": "Note"}]}
]}
"""

ENVIRONMENT = """
description: For tests
people: {approvers: approvers, groups: {approvers: [act, demo]}}
"""


def project(folder: Path) -> Path:
    """A project with one process, its form and two environments."""
    (folder / "bpmn").mkdir(parents=True)
    (folder / "bpmn" / "Order.bpmn").write_text(MODEL)
    (folder / "bpmn" / "OrderForm.form").write_text(FORM)
    (folder / "environments").mkdir()
    for name in ("local", "other"):
        (folder / "environments" / f"{name}.yaml").write_text(f"name: {name}\n{ENVIRONMENT}")
    module = folder / "terraform" / "modules" / "box"
    module.mkdir(parents=True)
    (module / "main.tf").write_text('variable "name" {\n  type = string\n}\n\nresource "terraform_data" "it" {}\n')
    return folder


def parts(folder: Path) -> Assembly:
    """The parts of the project in ``folder``, without an engine."""
    return assemble(Settings(project=folder, data=folder / "data", cache=folder / "cache"))


async def stack(assembly: Assembly, name: str = "local/box1", state: str = "applied") -> StackRecord:
    """A stack that is on record."""
    environment, _, own = name.partition("/")
    record = StackRecord.model_validate(
        {
            "id": StackId(environment=environment, name=own),
            "module": "box",
            "module_digest": "0" * 64,
            "state": state,
            "updated": now(),
        }
    )
    await assembly.context.stacks.save(record)
    return record
