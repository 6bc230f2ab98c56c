"""The table of the acceptance runs says what the runs left, and nothing better."""

from __future__ import annotations

import contextlib
import json

import pytest

from results import Result
from tools.results import main, read, summary, table


def leave(folder, process, number, error=None):
    """A run as the acceptance tests leave it."""
    path = folder / "acceptance" / f"{process}-{number or 'again'}.json"
    with contextlib.suppress(AssertionError), Result(process, path, number=number):
        assert not error, error


def test_a_process_that_succeeds_every_time_says_so(tmp_path, capsys):
    """Five runs and the repeated one become one row, and the command succeeds."""
    for number in (1, 2, 3, 4, 5, 0):
        leave(tmp_path, "VmProvisioning", number)
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "| VmProvisioning | 5 | 5 | 0 | 0 | 0 | the same | none |"
    assert json.loads((tmp_path / "acceptance.json").read_text())[0]["successes"] == 5
    assert "| VmProvisioning | 5 | 5 |" in (tmp_path / "acceptance.md").read_text()


@pytest.mark.parametrize(("number", "cells"), [(2, "| 2 | 1 |"), (0, "| differs | again: ")])
def test_a_failed_run_is_counted_with_its_error(tmp_path, capsys, number, cells):
    """A failed run, or a repetition that differs, stands in the table and fails the command."""
    for good in (1, 2, 0):
        leave(tmp_path, "VmProvisioning", good, None if good != number else "the page | was empty\nmore")
    assert main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert cells in printed
    assert "AssertionError: the page \\| was empty |" in printed


def test_no_results_are_a_failure(tmp_path, capsys):
    """Where no process was run there is no table to be proud of."""
    assert main([str(tmp_path)]) == 1
    assert "no process was run" in capsys.readouterr().err


def test_processes_stand_in_a_row_each(tmp_path):
    """Runs of several processes are kept apart."""
    for process in ("B", "A"):
        leave(tmp_path, process, 1)
    rows = summary(read(tmp_path / "acceptance"))
    assert [(row["process"], row["runs"], row["again"]) for row in rows] == [("A", 1, None), ("B", 1, None)]
    assert "not tried" in table(rows)
