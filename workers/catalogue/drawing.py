"""A BPMN file as elements that rules can ask: mappings, calls, boundary events, expressions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from xml.etree import ElementTree as ET

from workers.core.errors import SettingError

B = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
Z = "{http://camunda.org/schema/zeebe/1.0}"


@dataclass(frozen=True)
class Drawing:
    """One BPMN file.

    Attributes:
        file: its path in the project.
        text: its content.
        root: the definitions.
    """

    file: str
    text: str
    root: ET.Element

    @property
    def processes(self) -> list[ET.Element]:
        """The processes in it."""
        return self.root.findall(f"{B}process")

    @cached_property
    def _parents(self) -> dict[ET.Element, ET.Element]:
        return {child: parent for parent in self.root.iter() for child in parent}

    @cached_property
    def error_codes(self) -> dict[str, str]:
        """Error codes by the id of their definition."""
        return {e.get("id", ""): e.get("errorCode", "") for e in self.root.findall(f"{B}error")}

    def elements(self, tag: str) -> Iterator[ET.Element]:
        """Every element of that BPMN tag."""
        return self.root.iter(B + tag)

    def process_of(self, element: ET.Element) -> str:
        """Id of the process that an element lies in."""
        around = [element, *self.around(element)]
        return next((e.get("id", "") for e in around if e.tag == f"{B}process"), "")

    def around(self, element: ET.Element) -> Iterator[ET.Element]:
        """What an element lies in, innermost first."""
        while (parent := self._parents.get(element)) is not None:
            yield parent
            element = parent

    def caught(self, element: ET.Element) -> frozenset[str]:
        """The error codes that are caught at an element or around it; ``*`` where every code is."""
        found: set[str] = set()
        for place in (element, *self.around(element)):
            found.update(self._caught_at(place))
        return frozenset(found)

    def line(self, element: ET.Element) -> int:
        """The line in which an element begins; the first one where it has no id."""
        place = self.text.find(f'id="{element.get("id")}"') if element.get("id") else -1
        return self.text.count("\n", 0, place) + 1 if place >= 0 else 1

    @cached_property
    def expressions(self) -> tuple[tuple[ET.Element, str], ...]:
        """Every FEEL expression, with the nearest element around it that has an id."""
        return tuple(
            (self._named(element), text)
            for element in self.root.iter()
            for text in (*element.attrib.values(), (element.text or "").strip())
            if text.startswith("=")
        )

    @cached_property
    def writers(self) -> Counter[str]:
        """How many places write a variable: mappings to it, and results."""
        mapped = (e.get("target", "") for tag in ("input", "output") for e in self.root.iter(Z + tag))
        results = (e.get("resultVariable", "") for e in self.root.iter())
        return Counter(name for name in (*mapped, *results) if name)

    def _named(self, element: ET.Element) -> ET.Element:
        return next((e for e in (element, *self.around(element)) if e.get("id")), element)

    def _caught_at(self, place: ET.Element) -> Iterator[str]:
        parent = self._parents.get(place)
        siblings = parent.findall(f"{B}boundaryEvent") if parent is not None else []
        events = [e for e in siblings if e.get("attachedToRef") == place.get("id")]
        for inner in place.findall(f"{B}subProcess"):
            if inner.get("triggeredByEvent") == "true":
                events += inner.findall(f"{B}startEvent")
        for definition in (d for e in events for d in e.findall(f"{B}errorEventDefinition")):
            code = self.error_codes.get(definition.get("errorRef", ""), "")
            yield code or "*"


def read_drawing(file: str, content: bytes) -> Drawing:
    """Read one file.

    Raises:
        SettingError: it is not XML, or declares entities of its own.
    """
    text = content.decode("utf-8", "replace")
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text):
        raise SettingError(f"{file}: declares a document type.", "Models need none; save it with Camunda Modeler.")
    try:
        return Drawing(file, text, ET.fromstring(text.encode()))  # noqa: S314 - it declares no entities
    except (ET.ParseError, ValueError) as error:
        raise SettingError(f"{file}: this is not XML: {error}.", "Open it in Camunda Modeler.") from error


def extension(element: ET.Element, tag: str) -> ET.Element | None:
    """An extension element of Zeebe."""
    return element.find(f"{B}extensionElements/{Z}{tag}")


def mappings(element: ET.Element, direction: str) -> dict[str, str]:
    """Sources of the ``input`` or ``output`` mappings by their target."""
    found = element.findall(f"{B}extensionElements/{Z}ioMapping/{Z}{direction}")
    return {m.get("target", ""): m.get("source", "") for m in found}
