"""Rules for the order of mappings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from workers.catalogue.drawing import B, Drawing, mappings
from workers.catalogue.findings import Finding
from workers.catalogue.surroundings import Surroundings, finding

_TEXT: Final = re.compile(r'"[^"]*"')


def shadowed(drawing: Drawing, _: Surroundings) -> Iterator[Finding]:
    """Parts of a variable that an earlier mapping of the same element has given another meaning.

    Mappings are carried out one after the other, and each sees what those before it have set: after
    ``=check.id`` → ``check`` there is no ``check.environment`` any more. Camunda 8.6 gives null there.
    """
    for element in drawing.root.iter():
        if element.tag.startswith(B):
            earlier: dict[str, str] = {}
            for target, source in mappings(element, "input").items():
                for name in _parts_of(source, earlier):
                    message = f"reads a part of {name} for {target}, after {name} was set to {earlier[name][1:]}."
                    yield finding(drawing, element, "shadowed-variable", message, f"Move the mapping to {name} last.")
                if source.strip() not in (f"={target}", f"= {target}"):
                    earlier[target] = source


def _parts_of(source: str, names: dict[str, str]) -> Iterator[str]:
    bare = _TEXT.sub("", source)
    yield from (name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}\s*\.\s*\w", bare))
