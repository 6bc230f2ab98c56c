"""Figures of result files in the documents: nothing that was measured is typed by hand.

A page says where a figure comes from, in a comment that nobody sees, and this script writes what stands there::

    Of <!-- figure: acceptance.json runs -->25<!-- end --> runs …
    <!-- table: comparison -->…<!-- end -->

``figure`` names a file in docs/results/ and the way to a value in it (keys and list positions joined by dots), with a
format of Python's behind a bar where one is wanted (``bench.json idle.core_share|.2%``). ``table`` names a function of
tools/tables.py. ``--check`` changes nothing and fails where a page is out of date, a source is missing, or a page of
docs/project has a measured figure that comes from nowhere: no comment around it, no link on its line.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = PROJECT / "docs"
RESULTS: Final = DOCS / "results"
DECISION: Final = DOCS / "project"

_MARK: Final = re.compile(r"<!-- (figure|table): ([^>]*?) -->(.*?)<!-- end -->", re.DOTALL)
_UNITS: Final = r"%|ms\b|s\b|seconds?\b|minutes?\b|hours?\b|[kMG]B\b|jobs/s\b|times\b|\u00d7|€|EUR\b|USD\b|out of \d"
_MEASURE: Final = re.compile(rf"(?<![\w.])\d[\d.,]*\s?(?:{_UNITS})|[$€]\s?\d")
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

Tables = Mapping[str, Callable[[], str]]


class FigureError(Exception):
    """A figure whose source is missing or does not have it; the message names page and figure."""


def filled(text: str, tables: Tables, results: Path = RESULTS) -> str:
    """The page with every figure and table as its source has it now.

    Raises:
        FigureError: a source is missing.
    """

    def fill(match: re.Match[str]) -> str:
        kind, wanted = match[1], match[2].strip()
        if kind == "table":
            if wanted not in tables:
                raise FigureError(f"table {wanted}: tools/tables.py has no such table")
            return f"<!-- table: {wanted} -->\n\n{tables[wanted]().strip()}\n\n<!-- end -->"
        return f"<!-- figure: {wanted} -->{_figure(wanted, results)}<!-- end -->"

    return _MARK.sub(fill, text)


def _figure(wanted: str, results: Path) -> str:
    name, _, rest = wanted.partition(" ")
    path, _, form = rest.partition("|")
    file = results / name
    if not file.is_file():
        raise FigureError(f"figure {wanted}: there is no docs/results/{name}; a run writes it")
    value: Any = json.loads(file.read_text(encoding="utf-8"))
    for step in path.strip().split("."):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            raise FigureError(f"figure {wanted}: docs/results/{name} has no {path.strip()}") from None
    return format(value, form.strip()) if form else str(value)


def unfounded(text: str) -> Iterator[str]:
    """The lines with a measured figure outside every mark, in no code block, with no link to a source."""
    bare = _FENCE.sub("", _MARK.sub("", text))
    for line in bare.splitlines():
        if _MEASURE.search(line) and "](" not in line and "[^" not in line:
            yield line.strip()


def pages() -> list[Path]:
    """Every page of the documentation, and the README."""
    return [PROJECT / "README.md", *sorted(DOCS.rglob("*.md"))]


def problems(page: Path, tables: Tables) -> list[str]:
    """What is wrong with a page's figures, as messages."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(PROJECT).as_posix()
    try:
        found = [] if filled(text, tables) == text else [f"{name}: figures are out of date; run make figures"]
    except FigureError as error:
        return [f"{name}: {error}"]
    if DECISION in page.parents:
        found += [f"{name}: a figure without a source: {line}" for line in unfounded(text)]
    return found


def main(arguments: list[str]) -> int:
    """Write the figures, or check them."""
    from tables import TABLES  # noqa: PLC0415 - beside this script, found when it is run

    if "--check" not in arguments:
        for page in pages():
            text = page.read_text(encoding="utf-8")
            try:
                new = filled(text, TABLES)
            except FigureError as error:
                print(f"{page.relative_to(PROJECT)}: {error}", file=sys.stderr)
                return 1
            if new != text:
                page.write_text(new, encoding="utf-8")
                print(f"wrote {page.relative_to(PROJECT)}")
    found = [problem for page in pages() for problem in problems(page, TABLES)]
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
