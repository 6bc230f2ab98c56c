"""The page of test results says what runs left, and where nothing is published it says that."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from results import Result
from tools import outcomes, results

CASES = [
    {"fault": "worker killed: apply", "at": "apply", "survived": "yes", "ended": "EndEvent_Done", "lost": []},
    {"fault": "disk full", "at": "plan", "survived": "no", "ended": "", "lost": ["a | lock"]},
]


def leave(path: Path, scenario: str, error: str = "", **facts: object) -> None:
    """A run as a test leaves it."""
    with contextlib.suppress(AssertionError), Result(scenario, path, **facts):
        assert not error, error


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What runs of every kind left: two processes of which one fails, a scenario three times, two runs of faults."""
    folder = tmp_path / "results"
    for process, error in (("VmProvisioning", ""), ("ConfigureHost", "the host | was away")):
        leave(folder / "acceptance" / f"{process}-1.json", process, error, number=1)
    results.main([str(folder)])
    for number in (1, 2, 3):
        leave(folder / f"web-approve-{number}.json", "web-approve", "too late" if number == 3 else "")
    row = {"question": "Is it safe?", "tool": "scanner", "looked_at": "3 files", "findings": 0, "exceptions": 2}
    (folder / "audit.json").write_text(json.dumps({"started": "2026-11-20T10:00:00+00:00", "rows": [row]}))
    (folder / "junit").mkdir()
    missing = '<error message="failed on setup with &quot;Failed: missing on CI: Chromium&quot;"/>'
    for number, children in enumerate(([""], ["<failure/>"], ["", "<skipped/>"], ["<skipped/>"] * 2, [missing])):
        name = "tests.integration.test_catalogue_new"
        cases = "".join(f'<testcase classname="{name}" name="test_it">{child}</testcase>' for child in children)
        text = f"<testsuites><testsuite>{cases}</testsuite></testsuites>"
        (folder / "junit" / f"test-whole-2026112{number}T100000.xml").write_text(text)
    (folder / "chaos-20261120T100000.json").write_text(json.dumps(CASES))
    (folder / "chaos-20261121T100000.json").write_text(json.dumps(CASES[:1]))
    return folder


@pytest.mark.parametrize("table", outcomes.TABLES.values(), ids=outcomes.TABLES)
def test_what_is_not_published_says_so(tmp_path: Path, table: object) -> None:
    """Without a result file there is no table, no figure and no word of success."""
    assert callable(table)
    assert table(tmp_path).startswith("Not published yet: ")
    assert "|" not in table(tmp_path)


def test_published_results_are_what_the_runs_left(left: Path, tmp_path: Path) -> None:
    """Runs, successes, faults and errors stand on the page as the files have them; what was left out did not run."""
    target = tmp_path / "published"
    assert outcomes.publish(left, target) == [
        "acceptance.json", "audit.json", "chaos.json", "runs.json", "scenarios.json",
    ]  # fmt: skip
    processes = outcomes.processes(target)
    assert "| ConfigureHost | 1 | 0 | — | — | — | not tried | 1: AssertionError: the host \\| was away |" in processes
    assert "| VmProvisioning | 1 | 1 | 0 | 0 | 0 | not tried | none |" in processes
    assert "Not in the published run: ComplianceCheck, " in processes
    assert "| web-approve | 3 | 2 | 0 | 0 | 0 |" in outcomes.scenarios(target)
    assert outcomes.faults(target).startswith("2026-11-20: 1 of 2 faults were survived.")
    assert "| disk full | no | a \\| lock |" in outcomes.faults(target)
    assert "| web-approve | AssertionError: too late |" in outcomes.errors(target)
    assert "| S20 | A new module and a new role by one command | 3 | 1 |" in outcomes.planned(target)
    assert "| S1 | A machine is asked for, approved, made, configured and verified | 0 | 0 |" in outcomes.planned(
        target
    )
    assert "| Is it safe? | scanner | 3 files | 0 | 2 |" in outcomes.audit(target)


def test_what_a_folder_does_not_have_stays_published(left: Path, tmp_path: Path) -> None:
    """Publishing new faults leaves the published runs of processes alone."""
    target = tmp_path / "published"
    outcomes.publish(left, target)
    before = outcomes.processes(target)
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "chaos-20261122T100000.json").write_text(json.dumps(CASES))
    assert outcomes.publish(tmp_path / "only", target) == ["chaos.json"]
    assert outcomes.processes(target) == before
    assert outcomes.faults(target).startswith("2026-11-22")


def test_runs_of_the_plan_add_up(left: Path, tmp_path: Path) -> None:
    """A report counts once, however often it is published, and those of other days stay."""
    target = tmp_path / "published"
    outcomes.publish(left, target)
    outcomes.publish(left, target)
    (reports := tmp_path / "later" / "junit").mkdir(parents=True)
    first = left / "junit" / "test-whole-20261120T100000.xml"
    (reports / "test-whole-20261124T100000.xml").write_text(first.read_text())
    assert outcomes.publish(tmp_path / "later", target) == ["runs.json"]
    assert "| S20 | A new module and a new role by one command | 4 | 2 |" in outcomes.planned(target)
    assert outcomes.planned(target).startswith("Between 2026-11-20 and 2026-11-24.")


def test_runs_without_an_error_say_so(left: Path, tmp_path: Path) -> None:
    """No row of errors where no run had one."""
    target = tmp_path / "published"
    outcomes.publish(left, target)
    for name in ("acceptance.json", "scenarios.json"):
        rows = json.loads((target / name).read_text())
        (target / name).write_text(json.dumps([{**row, "errors": []} for row in rows]))
    assert outcomes.errors(target) == "No published run ended with an error."
