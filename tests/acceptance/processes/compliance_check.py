"""Compliance check: somebody changed a website by hand; it is found and put right; asked again, nothing is open."""

from __future__ import annotations

from acceptance.compliance_steps import REMEDY, check, machine, of_kind, page, prepare
from acceptance.process_runs import Happenings, ProcessRuns, asked, ended_well
from served import Served

NAME = "audited1"


def once(project: Served, number: int) -> Happenings:
    prepare(project)
    machine(project, NAME)
    page(project, NAME).write_text(f"Changed by hand, {number} times.\n")
    happenings, report = check(project, REMEDY, approvals=1)
    assert [scan["failed"] for scan in report["scans"]] == [""] * 4
    assert {f["state"] for f in of_kind(report, "hosts")} == {"remediate"}
    assert "Audited" in page(project, NAME).read_text()
    return ended_well(happenings)


def again(project: Served, number: int) -> Happenings:
    happenings, report = check(project)
    assert [scan["failed"] for scan in report["scans"]] == [""] * 4
    assert asked(happenings) == []
    assert of_kind(report, "drift", "hosts") == []
    return ended_well(happenings)


RUNS = ProcessRuns("ComplianceCheck", once, again)
