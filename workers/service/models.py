"""What the project's models say that the engine does not: names of steps, start forms, which end is a good one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET  # the project's own files

from workers.core.errors import SettingError

_B: Final = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
_Z: Final = "{http://camunda.org/schema/zeebe/1.0}"
_FAILURE: Final = '="failed"'
"""What an end event gives as the event of its notice where the process has failed without an error."""
_WORD: Final = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Model:
    """One executable process of the project.

    Attributes:
        id: id of the process.
        file: where it was read.
        root: the process element.
        project: the project folder.
    """

    id: str
    file: Path
    root: ET.Element
    project: Path

    @property
    def name(self) -> str:
        """The name of the process, or its id."""
        return self.root.get("name") or self.id

    @property
    def documentation(self) -> str:
        """What the process is for, as its model says."""
        return (self.root.findtext(f"{_B}documentation") or "").strip()

    @cached_property
    def _elements(self) -> dict[str, ET.Element]:
        return {e.get("id", ""): e for e in self.root.iter() if e.tag.startswith(_B) and e.get("id")}

    @cached_property
    def _parents(self) -> dict[str, str]:
        return {c.get("id", ""): p.get("id", "") for p in self.root.iter() for c in p if c.get("id")}

    def label(self, element: str) -> str:
        """The name of a step, or its id where it has none."""
        found = self._elements.get(element)
        name = found.get("name") if found is not None else None
        return " ".join(name.split()) if name else element

    def around(self, element: str) -> tuple[str, ...]:
        """The sub-processes that a step lies in, outermost first."""
        found: list[str] = []
        parent = self._parents.get(element, self.id)
        while parent not in ("", self.id):
            found.insert(0, parent)
            parent = self._parents.get(parent, "")
        return tuple(found)

    def calls(self, element: str) -> str:
        """The process that a call activity calls; empty where it calls none, or one by an expression."""
        found = self._elements.get(element)
        called = found.find(f".//{_Z}calledElement") if found is not None else None
        process = called.get("processId", "") if called is not None else ""
        return "" if process.startswith("=") else process

    def form_of(self, element: str) -> str:
        """The id of the form that a user task or start event shows."""
        found = self._elements.get(element)
        form = found.find(f"./{_B}extensionElements/{_Z}formDefinition") if found is not None else None
        return form.get("formId", "") if form is not None else ""

    @cached_property
    def start_form(self) -> dict[str, Any] | None:
        """The start form as JSON, where the process has one.

        Raises:
            SettingError: the model names a form that the project does not have.
        """
        starts = (e.get("id", "") for e in self.root.findall(f"{_B}startEvent"))
        wanted = next((form for start in starts if (form := self.form_of(start))), "")
        return _form(self.project, wanted, self.file) if wanted else None

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word in the model's expressions: a variable that is not among them is read by nothing."""
        return frozenset(word for text in self._expressions() for word in _WORD.findall(text))

    @cached_property
    def good_ends(self) -> frozenset[str]:
        """Outermost end events that are reached without an error on the way.

        Followed are sequence flows from the start; what comes after a boundary event is left out, and so are ends
        that throw an error, terminate, or tell people of a failure.
        """
        flows: dict[str, list[str]] = {}
        for flow in self.root.findall(f"{_B}sequenceFlow"):
            flows.setdefault(flow.get("sourceRef", ""), []).append(flow.get("targetRef", ""))
        waiting = [e.get("id", "") for e in self.root.findall(f"{_B}startEvent")]
        seen: set[str] = set()
        while waiting:
            element = waiting.pop()
            if element not in seen:
                seen.add(element)
                waiting += flows.get(element, [])
        ends = self.root.findall(f"{_B}endEvent")
        return frozenset(e.get("id", "") for e in ends if e.get("id") in seen and _quiet(e))

    def _expressions(self) -> Iterator[str]:
        for element in self.root.iter():
            yield from (value for value in element.attrib.values() if value.startswith("="))
            if element.text and element.text.lstrip().startswith("="):
                yield element.text


def _quiet(end: ET.Element) -> bool:
    told = {source.get("source") for source in end.iter(f"{_Z}input") if source.get("target") == "event"}
    loud = (end.find(f"{_B}{name}EventDefinition") for name in ("error", "terminate"))
    return _FAILURE not in told and all(definition is None for definition in loud)


def read_models(project: Path) -> dict[str, Model]:
    """Every executable process in ``bpmn/`` by its id.

    Raises:
        SettingError: a file is not XML.
    """
    found: dict[str, Model] = {}
    for path in sorted((project / "bpmn").glob("*.bpmn")):
        try:
            tree = ET.parse(path)  # noqa: S314 - the project's own file
        except ET.ParseError as error:
            raise SettingError(f"{path}: this is not XML: {error}.", "Open it in Camunda Modeler.") from error
        for process in tree.getroot().findall(f"{_B}process"):
            found[process.get("id", "")] = Model(process.get("id", ""), path, process, project)
    return found


def _form(project: Path, wanted: str, model: Path) -> dict[str, Any]:
    for path in sorted((project / "bpmn").glob("*.form")):
        try:
            form = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SettingError(f"{path}: this is not JSON: {error}.") from error
        if form.get("id") == wanted:
            return form  # type: ignore[no-any-return]
    raise SettingError(f"{model}: the form '{wanted}' is not in {project / 'bpmn'}.", "Add it, or link another one.")
