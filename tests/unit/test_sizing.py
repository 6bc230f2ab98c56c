"""The page on sizing: its figures follow from what was measured."""

from __future__ import annotations

import json

from tools.sizing import NOTHING, measured, stacks

RESULT = {
    "time": "2026-11-01T00:00:00+00:00",
    "engine": "8.6.0",
    "machine": {"cores": 2},
    "sides": {"ours": {"jobs_per_second": 1234.4}},
    "plans": {"count": 20, "rounds": [{"sluis": 10.0}, {"sluis": 20.0}, {"sluis": 12.0}]},
    "provisioning": {"rounds": [{"sluis": {"tool": 30.0, "whole": 36.0}}]},
    "approvals": {"count": 30, "memory_mb": {"none": 100.0, "open": 101.5}},
}


def test_nothing_measured_is_said(tmp_path):
    """Without a published result the page says so, and invents nothing."""
    assert measured(tmp_path / "none.json") == stacks(tmp_path / "none.json") == NOTHING


def test_the_figures_are_those_of_the_result(tmp_path):
    """Jobs, plans and machines in a time are computed from the medians of the result."""
    path = tmp_path / "published.json"
    path.write_text(json.dumps(RESULT))
    table = measured(path)
    assert "| jobs without work, in a second | 1,234 |" in table
    assert "| plans of a small module, in an hour | 6,000 |" in table
    assert "one after another, in an hour | 100 |" in table
    assert "| memory for 30 open approvals, in MB | 1.5 |" in table


def test_stacks_become_hours_of_a_replica(tmp_path):
    """A thousand stacks are a thousand plans for drift, and two runs for each change, at the measured rate."""
    path = tmp_path / "published.json"
    path.write_text(json.dumps(RESULT))
    assert "| 1,000 | 1,000 | 20 | 1,040 | 0.2 |" in stacks(path)


def test_a_result_of_the_job_loop_alone_is_enough(tmp_path):
    """A result that lacks parts fills the rows that it can."""
    path = tmp_path / "published.json"
    path.write_text(json.dumps({key: RESULT[key] for key in ("time", "engine", "machine", "sides")}))
    assert "1,234" in measured(path)
    assert stacks(path) == NOTHING
