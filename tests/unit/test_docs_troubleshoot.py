"""The page on troubleshooting beside the errors of the code."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache

import pytest

from docs_reading import PROJECT, text_of
from workers.core import errors
from workers.core.job import BpmnErrorCode

PAGE = PROJECT / "docs" / "how-to" / "troubleshoot.md"
CLASSES = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.SluisError)]
_ENTRY = re.compile(r"^### (.+?)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
ENTRIES = {match[1]: match[2] for match in _ENTRY.finditer(text_of(PAGE))}
_PARTS = ("- **You see:** ", "- **Why:** ", "- **What to do:** ")


def heading(kind: type[errors.SluisError]) -> str:
    """How the page heads the entry of a class."""
    return f"`{kind.__name__}`, exit code {kind.exit_code}"


def test_every_bpmn_error_and_every_class_of_errors_has_an_entry_and_nothing_else_has() -> None:
    """The page has one entry for each BPMN error code and each class with its exit code, and none too many."""
    assert set(ENTRIES) == {f"`{code}`" for code in BpmnErrorCode} | {heading(kind) for kind in CLASSES}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_what_one_sees_why_and_what_to_do(name: str) -> None:
    """Each entry has its three parts, in order."""
    places = [ENTRIES[name].find(part) for part in _PARTS]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_messages_that_the_page_quotes_are_those_of_the_code(name: str) -> None:
    """Whatever stands between typographic quotes is said by the code, but for what differs from case to case."""
    seen = " ".join(ENTRIES[name].partition(_PARTS[1])[0].split())
    pieces = [piece.strip() for quoted in re.findall("“([^”]+)”", seen) for piece in quoted.split("…")]
    assert [piece for piece in pieces if len(piece) > 2 and not any(piece in text for text in _said())] == []


@cache
def _said() -> tuple[str, ...]:
    """Every text in the code; those that are written in several pieces as a whole."""
    trees = [ast.parse(text_of(path)) for path in (PROJECT / "workers").rglob("*.py")]
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return tuple({node.value for node in nodes if isinstance(node.value, str)})
