"""`make demo` as a newcomer runs it: its own engine, its own workers, a real machine; twice, and gone again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("bpmn", "terraform", "ansible", "environments")
TWO_MINUTES = 120

pytestmark = [pytest.mark.slow, pytest.mark.tofu, pytest.mark.ssh]


def sluis(folder: Path, *words: str, seconds: float = 1800) -> subprocess.CompletedProcess[str]:
    """Run one command in a project of its own, with nobody at the terminal."""
    ours = {k: v for k, v in os.environ.items() if k not in ("SLUIS_DATA", "SLUIS_PROJECT", "APPROVE")}
    return subprocess.run(
        [sys.executable, "-m", "workers.cli", *words], cwd=folder, text=True, capture_output=True, check=False,
        stdin=subprocess.DEVNULL, env=ours | {"PYTHONPATH": str(ROOT)}, timeout=seconds,
    )  # fmt: skip


def demonstrate(folder: Path) -> tuple[str, dict[str, Any]]:
    """Run the demonstration; its words and its result."""
    before = set((folder / "results").glob("demo-*.json"))
    done = sluis(folder, "demo")
    assert done.returncode == 0, done.stderr
    [new] = set((folder / "results").glob("demo-*.json")) - before
    return done.stderr, json.loads(new.read_text())


def test_the_demonstration_passes_twice_and_is_removed_without_a_trace(tmp_path: Path) -> None:
    """First a machine is made with a second person's approval; again nothing is to approve; clean removes it all."""
    folder = tmp_path / "project"
    for part in PARTS:
        ignored = shutil.ignore_patterns(".terraform*", "__pycache__")
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    try:
        words, first = demonstrate(folder)
        assert "\x1b" not in words
        assert first["outcome"] == "passed"
        assert first["changed"]
        assert [(a["approver"], a["counts"]) for a in first["approvals"]] == [("act", True)]
        assert all(check["good"] for check in first["checks"])
        assert {"Plan change", "Review change", "Apply change", "Verify website"} <= {s["step"] for s in first["steps"]}

        words, second = demonstrate(folder)
        assert "nothing to approve" in words
        assert (second["outcome"], second["changed"], second["approvals"]) == ("passed", False, [])
        assert {role["changed"] for role in second["roles"]} == {0}
        assert second["seconds"] < TWO_MINUTES
    finally:
        cleaned = sluis(folder, "clean", "--yes")
    assert cleaned.returncode == 0, cleaned.stderr
    assert not (folder / ".sluis").exists()
    assert str(folder) not in subprocess.run(["ps", "axww"], text=True, capture_output=True, check=True).stdout
