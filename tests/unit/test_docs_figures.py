"""Figures in the documents, and the menu of the site."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from docs_reading import PROJECT

sys.path.append(str(PROJECT / "tools"))
import aws_pages
import figures
import tables

MARKED = (
    "Of <!-- figure: runs.json all.0 -->?<!-- end --> runs, <!-- figure: runs.json share|.0% -->?<!-- end --> passed."
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder with one result file."""
    (tmp_path / "runs.json").write_text(json.dumps({"all": [25], "share": 0.96}))
    return tmp_path


def test_a_figure_is_what_its_source_says(results: Path) -> None:
    """A marked figure is taken from the result file, in the form that the page wants."""
    text = figures.filled(MARKED, {}, results)
    assert ">25<" in text
    assert ">96%<" in text
    assert figures.filled(text, {}, results) == text


@pytest.mark.parametrize("wanted", ["runs.json nothing", "runs.json all.7", "never-written.json x"])
def test_a_figure_without_a_source_is_an_error(results: Path, wanted: str) -> None:
    """A figure whose file or value is not there stops the writing and is named."""
    with pytest.raises(figures.FigureError, match=wanted.partition(" ")[0]):
        figures.filled(f"<!-- figure: {wanted} -->1<!-- end -->", {}, results)


def test_a_typed_figure_is_noticed() -> None:
    """A measure in a sentence counts as unfounded unless it is marked, linked, or code."""
    assert list(figures.unfounded("It took 12 seconds.")) == ["It took 12 seconds."]
    assert list(figures.unfounded("It costs $ 5.")) == ["It costs $ 5."]
    assert list(figures.unfounded("It took <!-- figure: a b -->12 s<!-- end -->.")) == []
    assert list(figures.unfounded("It took 12 s ([source](https://example.com)).")) == []
    assert list(figures.unfounded("```\nsleep 12 s\n```")) == []


def test_the_weighted_score_follows_the_weights() -> None:
    """Doubling the weight of a criterion moves the mean towards its scores."""
    cells = {"a": {"score": 5}, "b": {"score": 1}}
    data = {
        "candidates": {"a": {"title": "A"}, "b": {"title": "B"}},
        "criteria": [{"name": "x", "scores": cells}, {"name": "y", "scores": {"a": {"score": 1}, "b": {"score": 5}}}],
    }
    assert tables.weighted(data, {"x": 1, "y": 1}) == {"a": 3, "b": 3}
    assert tables.weighted(data, {"x": 3, "y": 1}) == {"a": 4, "b": 2}


def test_every_figure_in_the_documents_is_current() -> None:
    """The pages say what the result files say; make figures writes them."""
    assert [p for page in figures.pages() for p in figures.problems(page, tables.TABLES)] == []


def test_the_budget_is_the_last_line_of_the_page_on_costs() -> None:
    """The budget names the sums that the reference of costs has."""
    together = next(line for line in aws_pages.costs_page().splitlines() if "**Together**" in line)
    sums = [cell.strip(" *") for cell in together.split("|")[2:-1]]
    assert [row.split("|")[2].strip() for row in tables.budget().splitlines()[2:]] == sums
