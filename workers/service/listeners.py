"""Models for engines from 8.8: user tasks whose decision is verified afterwards get a listener for their completion."""

from __future__ import annotations

from io import BytesIO
from typing import Final
from xml.etree import ElementTree as ET

from workers.handlers.approval import LISTENER_HEADER

LISTENER_TYPE: Final = "approval.decide"
FIRST_VERSION: Final = (8, 8)

_BPMN: Final = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
_ZEEBE: Final = "{http://camunda.org/schema/zeebe/1.0}"


def has_listeners(gateway_version: str) -> bool:
    """Whether an engine of this version, e.g. ``8.8.2``, asks listeners."""
    major, minor = gateway_version.split(".")[:2]
    return (int(major), int(minor)) >= FIRST_VERSION


def with_listeners(model: bytes) -> bytes:
    """The model with a ``completing`` listener on each user task that an ``approval.verify`` task looks back on."""
    for _, (prefix, uri) in ET.iterparse(BytesIO(model), events=("start-ns",)):  # noqa: S314 - the project's own file
        ET.register_namespace(prefix, uri)
    root = ET.fromstring(model)  # noqa: S314
    for verify in root.iter(f"{_BPMN}serviceTask"):
        definition = verify.find(f".//{_ZEEBE}taskDefinition")
        headers = verify.find(f".//{_ZEEBE}taskHeaders")
        if definition is None or definition.get("type") != "approval.verify" or headers is None:
            continue
        reviewed = {header.get("key"): header.get("value") for header in headers}.get("reviewElement")
        for task in root.iter(f"{_BPMN}userTask"):
            if task.get("id") == reviewed:
                _listen(task)
                ET.SubElement(headers, f"{_ZEEBE}header", {"key": LISTENER_HEADER, "value": LISTENER_TYPE})
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _listen(task: ET.Element) -> None:
    extensions = task.find(f"{_BPMN}extensionElements")
    if extensions is not None:
        listeners = ET.SubElement(extensions, f"{_ZEEBE}taskListeners")
        about = {"eventType": "completing", "type": LISTENER_TYPE, "retries": "3"}
        ET.SubElement(listeners, f"{_ZEEBE}taskListener", about)
