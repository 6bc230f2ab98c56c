"""The figures of the benchmark as picture and tables."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.report import PAGE, PICTURE, PUBLISHED, blocks, insert, picture, ratios


def figures(rate: list[float], trip: list[float]) -> dict[str, Any]:
    return {
        "jobs_per_second": sorted(rate)[len(rate) // 2],
        "cpu_ms_per_job": 0.5,
        "round_trip_ms": sorted(trip)[len(trip) // 2],
        "round_trip_ms_95": max(trip),
        "rounds": {"rate": rate, "trip": trip, "cpu": [0.5] * len(rate)},
    }


@pytest.fixture
def result() -> dict[str, Any]:
    return {
        "time": "2026-11-24T12:00:00+00:00",
        "engine": "8.6.0",
        "machine": {"cores": 2, "python": "3.11.2", "load_before": 0.1, "load_after": 2.0},
        "jobs": 1500,
        "trips": 100,
        "rounds": 3,
        "idle": {"types": 600, "core_share": 0.0123},
        "sides": {"ours": figures([100, 400, 300], [5, 8, 6]), "pyzeebe": figures([50, 100, 100], [10, 8, 8])},
    }


def test_a_ratio_is_the_median_of_the_ratios_within_each_round(result: dict[str, Any]) -> None:
    """A machine that was slow in one round does not change a ratio, since both sides had it."""
    assert ratios(result) == {"pyzeebe": {"drain": 3.0, "round_trip": 0.75}}


def test_the_picture_has_one_bar_for_each_side_in_proportion(result: dict[str, Any]) -> None:
    """The SVG is well-formed and the faster side's bar is longer by as much as it is faster."""
    tree = ET.fromstring(picture(result))
    bars = [int(one.attrib["width"]) for one in tree.findall("{*}rect")[1:]]
    assert len(bars) == 2
    assert bars[0] == pytest.approx(3 * bars[1], abs=2)


def test_figures_go_between_their_marks_and_nothing_else_changes(result: dict[str, Any]) -> None:
    """Inserting keeps the text around the marks, and twice is the same as once."""
    page = "a\n<!-- bench: idle -->\nold\n<!-- end -->\nb\n"
    once = insert(page, {"idle": blocks(result)["idle"]})
    assert once == "a\n<!-- bench: idle -->\n600 idle job types took 1.23% of one core.\n<!-- end -->\nb\n"
    assert insert(once, {"idle": blocks(result)["idle"]}) == once


def test_a_page_without_marks_is_refused(result: dict[str, Any]) -> None:
    """Figures that have no place in the page are an error, not lost."""
    with pytest.raises(ValueError, match="bench: surroundings"):
        insert("nothing here", blocks(result))


@pytest.mark.skipif(not PUBLISHED.exists(), reason="no result is published yet")
def test_the_published_page_and_picture_are_those_of_the_published_result() -> None:
    """No figure of the page about speed was typed or left behind by an older result."""
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    assert insert(page, blocks(published)) == page
    assert PICTURE.read_text(encoding="utf-8") == picture(published)
