"""The test plan: what it names is there."""

from __future__ import annotations

import re

import pytest

from docs_reading import PROJECT, text_of

PLAN = text_of(PROJECT / "docs" / "project" / "test-plan.md")
_PATH = re.compile(r"`([^`]+)`")


def section(title: str) -> str:
    """The text below a heading."""
    return PLAN.partition(f"## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The lines of the table below a heading, as cells; without head and rule."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


SCENARIOS = rows("Scenarios")
TYPES = rows("Types of tests")


def test_there_are_enough_scenarios_each_with_a_name_of_its_own() -> None:
    """At least eight scenarios, no two with the same id, numbered without a gap."""
    names = [cells[0] for cells in SCENARIOS]
    assert len(names) >= 8
    assert names == [f"S{number}" for number in range(1, len(names) + 1)]


@pytest.mark.parametrize("cells", SCENARIOS, ids=lambda cells: str(cells[0]))
def test_a_scenario_has_a_type_a_criterion_and_a_test_that_is_there(cells: list[str]) -> None:
    """Every scenario is of known types, says when it has succeeded, and names tests that exist."""
    _, title, kinds, criterion, shown = cells
    assert title
    assert criterion
    assert set(kinds.split(", ")) <= {row[0] for row in TYPES}
    paths = _PATH.findall(shown)
    assert [path for path in paths if path.startswith("tests/")]
    assert [path for path in paths if not (PROJECT / path).is_file()] == []


@pytest.mark.parametrize("cells", TYPES, ids=lambda cells: str(cells[0]))
def test_a_type_of_test_is_somewhere_and_is_started_by_something(cells: list[str]) -> None:
    """Every type of test names folders or files that exist, and a target of make."""
    _, question, where, started = cells
    assert question.endswith("?")
    paths = _PATH.findall(where)
    assert paths
    assert [path for path in paths if not (PROJECT / path).exists()] == []
    assert "`make " in started


def test_every_kind_of_test_that_was_asked_for_is_planned() -> None:
    """Unit, integration, performance, security, idempotency, failure recovery, and all that the folders hold."""
    asked = {"unit", "property", "integration", "end to end", "performance", "security", "idempotency"}
    assert asked | {"failure recovery", "browser"} <= {row[0] for row in TYPES}
    folders = {path.parent.name for path in (PROJECT / "tests").glob("*/test_*.py")}
    assert [folder for folder in folders if f"`tests/{folder}" not in section("Types of tests")] == []
