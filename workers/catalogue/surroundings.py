"""What a model is held against: the catalogue, the other models, the forms, the environments."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from workers.catalogue.drawing import Drawing, extension
from workers.catalogue.findings import Finding
from workers.core.contract import Catalogue

TERRAFORM: Final = "TerraformChange"
ANSIBLE: Final = "AnsibleChange"
ROLL_OUT: Final = "RollOut"


@dataclass(frozen=True)
class Surroundings:
    """What there is in the project.

    Attributes:
        catalogue: modules and roles.
        processes: ids of all processes.
        called: ids of those that another one calls.
        forms: ids of all forms.
        groups: groups that an environment names.
        environments: names of the environments.
        decisions: ids of all decisions.
    """

    catalogue: Catalogue
    processes: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()
    forms: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()


def surroundings(
    catalogue: Catalogue,
    drawings: Iterable[Drawing],
    forms: Iterable[bytes],
    tables: Iterable[bytes],
    groups: Iterable[str],
    environments: Iterable[str],
) -> Surroundings:
    """What the rules need to know of the project."""
    known = tuple(drawings)
    return Surroundings(
        catalogue,
        frozenset(p.get("id", "") for d in known for p in d.processes),
        frozenset(called_process(e) for d in known for e in d.elements("callActivity")),
        frozenset(map(_form_id, forms)),
        frozenset(groups),
        frozenset(environments),
        frozenset(found for table in tables for found in _decisions(table)),
    )


def called_process(call: ET.Element) -> str:
    """The process that a call activity calls; empty where none is named or an expression decides."""
    found = extension(call, "calledElement")
    process = found.get("processId", "") if found is not None else ""
    return "" if process.startswith("=") else process


def close_to(name: str, known: Iterable[str]) -> str:
    """The fix for a name that is not known."""
    names = sorted(known)
    close = difflib.get_close_matches(name[:100], names, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else f"There is: {', '.join(names[:12]) or 'none'}."


def finding(drawing: Drawing, element: ET.Element, rule: str, message: str, fix: str) -> Finding:
    """A finding at an element."""
    name = " ".join((element.get("name") or "").split())
    return Finding(rule, drawing.file, element.get("id", ""), name, message, fix, drawing.line(element))


def _form_id(content: bytes) -> str:
    try:
        form = json.loads(content)
    except ValueError:
        return ""
    return str(form.get("id", "")) if isinstance(form, dict) else ""


def _decisions(content: bytes) -> list[str]:
    """The decisions of a table. Read as text: a table with entities of its own is nothing to be expanded here."""
    return [found.decode() for found in re.findall(rb"<(?:\w+:)?decision\s[^>]*?\bid=\"([^\"]+)\"", content)]
