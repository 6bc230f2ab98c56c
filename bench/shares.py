"""Where the time of one provisioning goes, from what its worker logged (see ``timed_worker.py``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

PARTS: Final = ("tool", "machine", "store", "worker", "approval", "engine")
"""tofu and Ansible; waiting for the machine; the store; the rest of the worker's jobs; what the approval adds by being
seen late; all else, which is the engine between jobs."""

Line = Mapping[str, Any]
_WAITS: Final = ("host.wait", "http.probe")
_DECIDES: Final = "approval.verify"


def shares(lines: Iterable[Line], began: datetime, shown: datetime, ended: datetime) -> dict[str, float]:
    """Seconds of each part; together they are the whole.

    Args:
        lines: the worker's log of that time: objects with event, timestamp, process_instance and run.
        began: when the process was asked for.
        shown: when the review showed in Tasklist's search; it was approved at once.
        ended: when the last job was completed.
    """
    ours = [line for line in lines if "process_instance" in line and began <= moment(line) <= ended]
    jobs = [line for line in ours if line["event"] == "job.completed"]
    kinds = {line["run"]: line["type"] for line in jobs if "run" in line}
    waits = _seconds(job for job in jobs if job["type"] in _WAITS)
    decides = _seconds(job for job in jobs if job["type"] == _DECIDES)
    tool = _seconds(line for line in ours if line["event"] == "tool.took" and kinds.get(line.get("run")) not in _WAITS)
    store = _seconds(line for line in _within_jobs(ours) if kinds.get(line.get("run")) not in _WAITS)
    before = max((moment(job) for job in jobs if moment(job) <= shown), default=shown)
    approval = decides + (shown - before).total_seconds()
    whole, in_jobs = (ended - began).total_seconds(), _seconds(jobs)
    found = {
        "tool": tool,
        "machine": waits,
        "store": store,
        "worker": in_jobs - tool - waits - store - decides,
        "approval": approval,
        "engine": whole - in_jobs - (approval - decides),
    }
    return {name: round(found[name], 3) for name in PARTS}


def moment(line: Line) -> datetime:
    """When a line was logged."""
    return datetime.fromisoformat(line["timestamp"])


def _within_jobs(lines: Iterable[Line]) -> Iterable[Line]:
    """Uses of the store by recorded jobs until their completion: what comes later keeps nobody waiting."""
    over = set()
    for line in lines:
        if line["event"] == "job.completed":
            over.add(line.get("run"))
        elif line["event"] == "store.took" and "run" in line and line["run"] not in over:
            yield line


def _seconds(lines: Iterable[Line]) -> float:
    return sum(line["seconds"] for line in lines)
