"""The tour of the tutorial, typed command by command into a served project."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from served import PROJECT, Served

pytestmark = [pytest.mark.engine, pytest.mark.tofu]

TUTORIAL = PROJECT / "docs" / "tutorial" / "first-ten-minutes.md"
NOTE = "/tmp/sluis-note.txt"  # where the tutorial has it written


def typed() -> list[str]:
    """The commands of the tutorial in their order, without those that start the engine."""
    blocks = TUTORIAL.read_text(encoding="utf-8").split("```bash\n")[1:]
    lines = [line for block in blocks for line in block.partition("```")[0].splitlines()]
    return [line for line in lines if not line.startswith(("make ", "export "))]


def test_the_commands_of_the_tutorial_do_what_it_says(project: Served, tmp_path: Path):
    """Each command of the tutorial works, in order: the note is written after the approval and gone at the end."""
    project = with_passwords(project)
    shutil.copytree(PROJECT / "docs", project.folder / "docs")
    note = tmp_path / "note.txt"
    try:
        seen = [(line, follow(project, line.replace(NOTE, str(note)))) for line in typed()]
    finally:
        shutil.rmtree(project.folder / "terraform/modules/note", ignore_errors=True)
        (project.folder / "bpmn/WriteNote.bpmn").unlink(missing_ok=True)
    told = dict(seen)
    assert told[f"cat {NOTE}"] == "Hello\n"
    assert "whole" in told["sluis audit verify local/note"]
    assert not note.exists()
    assert project.data_of("stack", "show", "local/note")["record"]["state"] == "destroyed"


def with_passwords(project: Served) -> Served:
    """The project with the passwords of the embedded engine's users, which the tutorial's reader has at hand."""
    known = {f"SLUIS_PASSWORD_{user.upper()}": user for user in ("demo", "act")}
    return replace(project, environment={**known, **project.environment})


def follow(project: Served, line: str) -> str:
    """Type one command, and wait for what the tutorial tells the reader to wait for."""
    words = shlex.split(line)
    if words[0] != "sluis":
        return subprocess.run(words, cwd=project.folder, capture_output=True, text=True, check=True).stdout
    if words[1] == "start":
        return start(project, words[1:])
    if words[1] == "approve":
        return approve(project, words[1:])
    words = [latest_run(project) if word == "<run>" else word for word in words]
    done = project.cli(*words[1:])
    assert done.returncode == 0 or words[1] == "doctor", f"{line}: {done.stderr}"
    return done.stdout


def start(project: Served, words: list[str]) -> str:
    """Start the process; the one with a wrong path is followed to its end, which is not the good one."""
    instance = project.data_of(*words)["instance"]
    if "path=relative.txt" in words:
        assert project.cli("watch", str(instance)).returncode == 1
        message = project.data_of("runs", "--limit", "1")[0]["message"]
        assert "path" in message
        return message
    return json.dumps(instance)


def approve(project: Served, words: list[str]) -> str:
    """Approve the one open task, and wait until the process has ended well."""
    task = open_task(project)
    done = project.cli(*[str(task["task"]) if word == "<task>" else word for word in words])
    assert done.returncode == 0, done.stderr
    assert project.watch(task["root"])[-1]["good"]
    return done.stdout


def open_task(project: Served) -> dict:
    """The approval that waits for the note, once the engine shows it."""
    deadline = time.monotonic() + 120
    while True:
        found = [task for task in project.data_of("tasks") if task["stack"] == "local/note"]
        if found:
            return found[0]
        assert time.monotonic() < deadline, "no approval for local/note"
        time.sleep(0.5)


def latest_run(project: Served) -> str:
    """The newest run."""
    return project.data_of("runs", "--limit", "1")[0]["id"]
