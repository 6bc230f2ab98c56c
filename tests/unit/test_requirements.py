"""The table of requirements: what it names is there."""

from __future__ import annotations

import re

import pytest

from docs_reading import PROJECT, text_of

PAGE = PROJECT / "docs" / "project" / "requirements.md"
_ROW = re.compile(r"^\| ([A-Z]\d+) \|(.+)\|$", re.MULTILINE)
_PATH = re.compile(r"`([^`]+)`")

ROWS = [(row[1], row[2].split("|")) for row in _ROW.finditer(text_of(PAGE))]


def test_every_requirement_has_a_name_of_its_own() -> None:
    """The table has lines, and no two of them share an id."""
    names = [name for name, _ in ROWS]
    assert names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("name", "cells"), ROWS, ids=[name for name, _ in ROWS])
def test_a_requirement_leads_to_code_and_to_a_test(name: str, cells: list[str]) -> None:
    """Every path that a requirement names is there, and it names code and at least one test."""
    assert len(cells) == 5, f"{name} has other cells than requirement, model, code, test and how far"
    _, model, code, test, _ = (_PATH.findall(cell) for cell in cells)
    assert code
    assert test
    assert [path for path in [*model, *code, *test] if not (PROJECT / path).exists()] == []
    assert [path for path in model if not path.startswith("bpmn/")] == []
    assert [path for path in test if not path.startswith("tests/")] == []
