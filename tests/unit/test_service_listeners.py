"""What deployment adds to the models for engines that ask listeners."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from workers.service.listeners import has_listeners, with_listeners

MODELS = Path(__file__).resolve().parents[2] / "bpmn"
ZEEBE = "{http://camunda.org/schema/zeebe/1.0}"
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"


@pytest.mark.parametrize("name", ["TerraformChange", "AnsibleChange"])
def test_reviews_get_a_listener_and_nothing_else_changes(name):
    """The review is asked about at its completion, its verification knows that, and every other element is as drawn."""
    drawn = (MODELS / f"{name}.bpmn").read_bytes()
    root = ET.fromstring(with_listeners(drawn))
    [task] = [t for t in root.iter(f"{BPMN}userTask") if t.find(f".//{ZEEBE}taskListener") is not None]
    assert task.get("id") == "Task_ReviewChange"
    listener = task.find(f".//{ZEEBE}taskListener")
    assert (listener.get("eventType"), listener.get("type")) == ("completing", "approval.decide")
    [header] = [h for h in root.iter(f"{ZEEBE}header") if h.get("key") == "taskListener"]
    task.find(f"{BPMN}extensionElements").remove(task.find(f".//{ZEEBE}taskListeners"))
    headers = next(h for h in root.iter(f"{ZEEBE}taskHeaders") if header in h)
    headers.remove(header)
    assert ET.canonicalize(ET.tostring(root), strip_text=True) == ET.canonicalize(drawn.decode(), strip_text=True)


@pytest.mark.parametrize(
    ("version", "known"), [("8.6.0", False), ("8.7.3", False), ("8.8.0-alpha4", True), ("8.10.1", True)]
)
def test_engines_from_8_8_have_listeners(version, known):
    """8.10 is newer than 8.8, and 8.7 is not."""
    assert has_listeners(version) is known
