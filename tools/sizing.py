"""The tables of the page on sizing, from what ``make bench`` has published and from the sizes of the platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
PUBLISHED: Final = PROJECT / "bench" / "published.json"
NOTHING: Final = "Nothing is published yet: `make bench` measures it."

_STACKS: Final = (10, 1_000, 10_000)
_CHANGES: Final = 0.02
"""Changes of one stack in a day, an assumption: each stack changes once in fifty days."""


def measured(published: Path = PUBLISHED) -> str:
    """What one replica did on the machine that was measured."""
    result = _read(published)
    rows = _measured(result) if result else []
    if not rows:
        return NOTHING
    machine = result["machine"]
    head = f"Measured on {result['time'][:10]}, {machine['cores']} cores, Camunda {result['engine']}, one replica:"
    return f"{head}\n\n| what | figure |\n| --- | --- |\n" + "\n".join(
        f"| {what} | {figure} |" for what, figure in rows
    )


def stacks(published: Path = PUBLISHED) -> str:
    """What so many stacks ask for in a day, and how many replicas that is."""
    result = _read(published)
    rate = _plans_per_hour(result)
    if rate is None:
        return NOTHING
    head = ("stacks", "plans for drift in a day", "changes in a day", "tofu runs in a day", "hours of one replica")
    rows = [
        (f"{n:,}", f"{n:,}", f"{n * _CHANGES:,.0f}", f"{_runs(n):,.0f}", f"{_runs(n) / rate:,.1f}") for n in _STACKS
    ]
    note = (
        f"Assumed: one plan for drift a day for each stack, {_CHANGES:g} changes a day (two runs each). A replica that "
        "works around the clock has 24 hours. The plans that were measured are of a module without a cloud: a plan of "
        "an AWS module takes as long as AWS answers, so multiply by the seconds of your own plans, see "
        "`sluis_job_seconds`."
    )
    lines = "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows))
    return f"{lines}\n\n{note}"


def _measured(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if ours := result.get("sides", {}).get("ours"):
        rows.append(("jobs without work, in a second", f"{ours['jobs_per_second']:,.0f}"))
    if (rate := _plans_per_hour(result)) is not None:
        rows.append(("plans of a small module, in an hour", f"{rate:,.0f}"))
        rows.append(("changes of it, each taken as two such runs, in an hour", f"{rate / 2:,.0f}"))
    if rounds := result.get("provisioning", {}).get("rounds"):
        seconds = median(pair["sluis"]["whole"] for pair in rounds)
        rows.append(("a machine from the request to verified, one after another, in an hour", f"{3600 / seconds:,.0f}"))
    if (memory := result.get("approvals", {}).get("memory_mb")) is not None:
        more = memory["open"] - memory["none"]
        rows.append((f"memory for {result['approvals']['count']} open approvals, in MB", f"{more:,.1f}"))
    return rows


def _plans_per_hour(result: Mapping[str, Any]) -> float | None:
    plans = result.get("plans")
    return 3600 * plans["count"] / median(pair["sluis"] for pair in plans["rounds"]) if plans else None


def _runs(count: int) -> float:
    """Plans for drift, and plan and apply of each change."""
    return count + count * _CHANGES * 2


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found
