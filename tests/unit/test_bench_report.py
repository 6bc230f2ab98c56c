"""The figures of the benchmark as picture and tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.pictures import picture
from bench.report import PAGE, PICTURE, PUBLISHED, insert, lacking
from bench.shares import PARTS, shares
from bench.tables import Ratio, aims, blocks, ratios


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
        "sides": {"ours": figures([100, 400, 300], [5, 8, 6]), "pyzeebe-tuned": figures([50, 100, 100], [10, 8, 8])},
        "provisioning": {
            "ratio": 1.2,
            "sluis": {
                "whole": 12.0,
                "tool": 9.0,
                "machine": 1.0,
                "store": 0.1,
                "worker": 0.5,
                "approval": 0.9,
                "engine": 0.5,
            },
            "script": {"whole": 10.0, "tool": 9.0, "machine": 1.0},
        },
        "plans": {
            "count": 20,
            "speed": 0.97,
            "rounds": [
                {
                    "sluis": 10.0,
                    "xargs": 9.7,
                    "xargs_by_processes": {"1": 15.0, "2": 9.7},
                    "cpu_ms": {"xargs": 400, "tools": 410, "worker": 30, "engine": 120},
                }
            ],
        },
        "approvals": {
            "count": 1000,
            "memory_mb": {"none": 100.0, "open": 111.0},
            "descriptors": {"none": 20, "open": 20},
            "locks_held": 0,
        },
        "catalogue": {"seconds": {"check": 3.21}},
        "logs": {
            "live": [{"watchers": 50, "cpu_share_of_one_core": 0.12}],
            "long_log_bytes": 50_000_000,
            "open_seconds": [0.1, 0.3, 0.2],
        },
    }


def test_a_ratio_is_the_median_of_the_ratios_within_each_round(result: dict[str, Any]) -> None:
    """A machine that was slow in one round does not change a ratio, since both sides had it."""
    assert ratios(result) == {"pyzeebe-tuned": {"drain": Ratio(3.0, 2.0, 4.0), "round_trip": Ratio(0.75, 0.5, 1.0)}}


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


def test_the_work_of_engine_and_search_is_told_apart_from_ours(result: dict[str, Any]) -> None:
    """400 ms with xargs, 440 ms of tofu and worker: without engine and search it would be 0.91 times as fast."""
    assert "which has cores of its own in production: 0.91 times `xargs`." in blocks(result)["plans"]


def test_a_page_without_marks_is_refused(result: dict[str, Any]) -> None:
    """Figures that have no place in the page are an error, not lost."""
    with pytest.raises(ValueError, match="bench: surroundings"):
        insert("nothing here", blocks(result))


def test_an_aim_that_was_missed_is_said_to_be_missed(result: dict[str, Any]) -> None:
    """What was measured is held against the aim, and the page says yes or no."""
    missed = {what.partition(":")[0] for what, _, reached in aims(result) if not reached}
    assert missed == {
        "drain, against tuned pyzeebe",
        "provisioning, against a script of the same commands",
        "1000 open approvals",
    }
    assert "| 1000 open approvals: at most 10 MB more memory | +11.0 MB | **no** |" in blocks(result)["aims"]
    assert "| 1000 open approvals: no lock held | 0 | yes |" in blocks(result)["aims"]


def test_only_a_whole_run_is_published(result: dict[str, Any]) -> None:
    """A run of some parts is no replacement for figures of one machine on one day."""
    assert lacking(result) == []
    del result["plans"], result["sides"]
    assert lacking(result) == ["sides", "plans"]


def test_the_parts_of_a_provisioning_make_the_whole() -> None:
    """Tool, machine, store, worker, approval and engine share the time from the request to the last completion."""
    began = datetime(2026, 1, 1, tzinfo=UTC)

    def line(second: float, event: str, **fields: object) -> dict[str, object]:
        return {
            "timestamp": (began + timedelta(seconds=second)).isoformat(),
            "event": event,
            "process_instance": 1,
            **fields,
        }

    lines = [
        line(2.9, "tool.took", run="1-1", seconds=1.5),
        line(3.0, "store.took", run="1-1", seconds=0.25),
        line(3.0, "job.completed", run="1-1", type="terraform.m.plan", seconds=2.0),
        line(3.1, "store.took", run="1-1", seconds=9.0),
        {"timestamp": began.isoformat(), "event": "store.took", "seconds": 9.0},
        line(4.0, "job.completed", type="policy.check", seconds=0.5),
        line(7.0, "job.completed", type="approval.verify", seconds=1.0),
        line(8.0, "tool.took", run="2-1", seconds=0.75),
        line(8.5, "job.completed", run="2-1", type="host.wait", seconds=1.0),
        line(10.0, "job.completed", type="notify.send", seconds=0.25),
    ]
    found = shares(lines, began, began + timedelta(seconds=5.5), began + timedelta(seconds=10))
    assert found == {"tool": 1.5, "machine": 1.0, "store": 0.25, "worker": 1.0, "approval": 2.5, "engine": 3.75}
    assert list(found) == list(PARTS)


@pytest.mark.skipif(not PUBLISHED.exists(), reason="no result is published yet")
def test_the_published_page_and_picture_are_those_of_the_published_result() -> None:
    """No figure of the page about speed was typed or left behind by an older result."""
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    assert insert(page, blocks(published)) == page
    assert PICTURE.read_text(encoding="utf-8") == picture(published)
