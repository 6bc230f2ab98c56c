"""The models as files: drawn completely and readably, named by the house rules, ready for Camunda Modeler."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

MODELS = Path(__file__).resolve().parents[2] / "bpmn"
FILES = sorted(MODELS.glob("*.bpmn"))
SPACES = {
    "bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
    "zeebe": "http://camunda.org/schema/zeebe/1.0",
    "modeler": "http://camunda.org/schema/modeler/1.0",
}
PREFIXES = {
    "startEvent": "StartEvent_", "endEvent": "EndEvent_", "boundaryEvent": "BoundaryEvent_",
    "exclusiveGateway": "Gateway_", "callActivity": "CallActivity_", "subProcess": "SubProcess_",
    "serviceTask": "Task_", "userTask": "Task_", "sendTask": "Task_", "scriptTask": "Task_", "sequenceFlow": "Flow_",
    "intermediateCatchEvent": "IntermediateEvent_", "intermediateThrowEvent": "IntermediateEvent_",
}  # fmt: skip
TASKS = ("serviceTask", "userTask", "sendTask", "scriptTask")


def read(path):
    return ET.parse(path).getroot()


def elements(root, *kinds):
    return [element for kind in kinds for element in root.iterfind(f".//bpmn:{kind}", SPACES)]


def drawn(root):
    return {shape.get("bpmnElement"): shape for kind in ("BPMNShape", "BPMNEdge")
            for shape in root.iterfind(f".//bpmndi:{kind}", SPACES)}  # fmt: skip


def box(shape):
    bounds = shape.find("dc:Bounds", SPACES)
    return tuple(float(bounds.get(name)) for name in ("x", "y", "width", "height"))


each_model = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@each_model
def test_a_model_is_named_after_its_process_and_made_for_camunda_8(path):
    """File name and process id agree, and the Modeler opens the file as Camunda 8."""
    root = read(path)
    [process] = elements(root, "process")
    assert process.get("id") == path.stem
    assert root.get("exporter") == "Camunda Modeler"
    assert root.get(f"{{{SPACES['modeler']}}}executionPlatform") == "Camunda Cloud"
    assert root.get(f"{{{SPACES['modeler']}}}executionPlatformVersion") == "8.6.0"


@each_model
def test_everything_is_drawn(path):
    """Each element and flow has its place in the picture, and each label of an event or gateway its own."""
    root = read(path)
    places = drawn(root)
    assert {e.get("id") for e in elements(root, *PREFIXES, "textAnnotation", "association")} <= set(places)
    labelled = elements(root, *(kind for kind in PREFIXES if kind.endswith(("Event", "Gateway", "Flow"))))
    unplaced = [
        element.get("id")
        for element in labelled
        if element.get("name") and places[element.get("id")].find("bpmndi:BPMNLabel/dc:Bounds", SPACES) is None
    ]
    assert unplaced == []


@each_model
def test_flows_run_at_right_angles(path):
    """Every piece of every sequence flow is horizontal or vertical."""
    root = read(path)
    places = drawn(root)
    slanted = []
    for flow in elements(root, "sequenceFlow"):
        points = [
            (float(p.get("x")), float(p.get("y"))) for p in places[flow.get("id")].iterfind("di:waypoint", SPACES)
        ]
        pieces = itertools.pairwise(points)
        slanted += [flow.get("id") for (x1, y1), (x2, y2) in pieces if x1 != x2 and y1 != y2]
    assert slanted == []


@each_model
def test_labels_and_shapes_do_not_overlap(path):
    """No label covers a task, an event, a gateway or another label."""
    root = read(path)
    places = drawn(root)
    containers = {e.get("id") for e in elements(root, "subProcess")}
    shapes = {i: box(s) for i, s in places.items() if s.find("dc:Bounds", SPACES) is not None and i not in containers}
    labels = {f"label of {i}": box(s.find("bpmndi:BPMNLabel", SPACES)) for i, s in places.items()
              if s.find("bpmndi:BPMNLabel/dc:Bounds", SPACES) is not None}  # fmt: skip
    everything = shapes | labels
    clashes = [
        (label, other)
        for label, mine in labels.items()
        for other, theirs in everything.items()
        if label != other and overlap(mine, theirs)
    ]
    assert clashes == []


def overlap(one, other):
    (x1, y1, w1, h1), (x2, y2, w2, h2) = one, other
    return x1 < x2 + w2 and x2 < x1 + w1 and y1 < y2 + h2 and y2 < y1 + h1


@each_model
def test_ids_say_what_they_name(path):
    """Every id is a prefix for its kind and a word in CamelCase, never a generated one."""
    root = read(path)
    bad = [
        element.get("id")
        for kind, prefix in PREFIXES.items()
        for element in elements(root, kind)
        if not re.fullmatch(rf"{prefix}[A-Z][A-Za-z]+(_[A-Z][A-Za-z]+)?", element.get("id"))
    ]
    assert bad == []


@each_model
def test_splits_ask_and_their_flows_answer(path):
    """A gateway that splits is a question with named answers, one of them the default; a joining one has no name."""
    root = read(path)
    flows = {flow.get("id"): flow for flow in elements(root, "sequenceFlow")}
    for gateway in elements(root, "exclusiveGateway"):
        out = [flows[flow.text] for flow in gateway.iterfind("bpmn:outgoing", SPACES)]
        if len(out) > 1:
            assert gateway.get("name").endswith("?")
            assert all(flow.get("name") for flow in out)
            conditions = {f.get("id") for f in out if f.find("bpmn:conditionExpression", SPACES) is not None}
            assert conditions == {flow.get("id") for flow in out} - {gateway.get("default")}
        else:
            assert not gateway.get("name")


@each_model
def test_tasks_explain_themselves(path):
    """The process and every task, call and catching of an error carry a text for the person who selects them."""
    root = read(path)
    silent = [
        element.get("id")
        for element in elements(root, "process", "callActivity", "subProcess", *TASKS)
        if not (element.findtext("bpmn:documentation", "", SPACES)).strip()
    ]
    assert silent == []


@each_model
def test_calls_pass_only_what_they_name(path):
    """A called block sees no variable that is not mapped, and gives none back that is not mapped."""
    for called in read(path).iterfind(".//zeebe:calledElement", SPACES):
        assert called.get("propagateAllChildVariables") == "false"
        assert called.get("propagateAllParentVariables") == "false"
        assert (MODELS / f"{called.get('processId')}.bpmn").is_file()


@each_model
def test_user_tasks_are_the_engines_own_and_have_their_form(path):
    """Every user task is a Camunda user task with a form that lies beside the model."""
    for task in elements(read(path), "userTask"):
        assert task.find("bpmn:extensionElements/zeebe:userTask", SPACES) is not None
        form = task.find("bpmn:extensionElements/zeebe:formDefinition", SPACES).get("formId")
        assert (MODELS / f"{form}.form").is_file()


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.form")), ids=lambda path: path.stem)
def test_a_form_has_one_question_per_key_and_texts_for_people(path):
    """Ids and keys are unique, every field has a label, and what people type is limited in length or choice."""
    form = json.loads(path.read_text())
    assert form["id"] == path.stem
    fields = [component for component in form["components"] if "key" in component]
    assert len({component["id"] for component in form["components"]}) == len(form["components"])
    assert len({field["key"] for field in fields}) == len(fields)
    assert all(field.get("label") or field.get("dateLabel") for field in fields)
    limited = [
        f
        for f in fields
        if {"maxLength", "pattern"} & set(f.get("validate", {})) or f.get("values") or f.get("subtype") == "date"
    ]
    assert limited == fields
