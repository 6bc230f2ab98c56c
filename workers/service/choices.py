"""Selects of start forms that list what the project has at the deployment: its environments, its roles.

A select with the custom property ``choices`` (``environments`` or ``roles``; in Camunda Modeler: Custom properties) is
filled in; the values in the file are for looking at it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from workers.catalogue.environments import environment_names, read_environment
from workers.catalogue.reading import read_catalogue
from workers.core.contract import Kind
from workers.core.errors import SluisError
from workers.core.values import JsonValue

PROPERTY: Final = "choices"

Choices = Mapping[str, list[JsonValue]]


def choices_of(project: Path) -> Choices:
    """What the selects may offer, by the words of the property."""
    roles = sorted(c.name for c in read_catalogue(project).contracts if c.kind is Kind.ROLE)
    return {
        "environments": [_choice(name, _described(project, name)) for name in environment_names(project)],
        "roles": [_choice(name, name) for name in roles],
    }


def with_choices(form: bytes, choices: Choices) -> bytes:
    """The form with its selects filled in; the same bytes where it has none."""
    document = json.loads(form)
    found = [c for c in _components(document) if choices.get(listed(c))]
    for component in found:
        component["values"] = choices[listed(component)]
    return json.dumps(document, indent=2, ensure_ascii=False).encode() if found else form


def listed(component: Mapping[str, Any]) -> str:
    """What a component of a form lists; empty where its values are its own."""
    properties = component.get("properties")
    return str(properties.get(PROPERTY, "")) if isinstance(properties, dict) else ""


def _components(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for component in document.get("components", ()):
        yield component
        yield from _components(component)


def _choice(name: str, label: str) -> JsonValue:
    return {"label": label, "value": name}


def _described(project: Path, name: str) -> str:
    try:
        words = read_environment(project, name).description
    except SluisError:
        return name
    return f"{name}: {words}" if words else name
