"""Commands that need neither engine nor tools start without loading them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workers.cli.commands import app
from workers.cli.main import LIGHT, named

HEAVY = ["boto3", "fastapi", "httpx", "jgo", "grpc", "pyzeebe", "workers.engine", "workers.execution", "workers.web"]


def test_light_commands_load_neither_engine_nor_cloud() -> None:
    """What they import is what they use; the rest would cost seconds at every commit."""
    code = f"import json, sys, workers.cli.main; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["check"], "check"),
        (["-p", "check", "deploy"], "deploy"),
        (["--project", "x", "generate", "--check"], "generate"),
        (["--project=x", "new", "role", "y"], "new"),
        (["--help"], ""),
        ([], ""),
    ],
)
def test_the_command_is_found_behind_the_options(arguments: list[str], command: str) -> None:
    """The value of an option is not taken for a command."""
    assert named(arguments) == command


def test_light_commands_are_commands_of_the_whole_program() -> None:
    """Help and completion, which load everything, know them too."""
    groups = {group.name for group in app.registered_groups}
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    assert set(LIGHT) <= groups | commands


@pytest.mark.parametrize("arguments", [["check", "--help"], ["generate", "--help"], ["new", "role", "--help"]])
def test_light_commands_are_called_as_ever(arguments: list[str]) -> None:
    """Their help names the program and the command."""
    done = subprocess.run([sys.executable, "-m", "workers.cli", *arguments], capture_output=True, text=True, check=True)
    assert " ".join(arguments[:-1]) in done.stdout


def test_the_hooks_for_other_projects_run_light_commands() -> None:
    """What `.pre-commit-hooks.yaml` offers is a command of the program, and quick enough for every commit."""
    hooks = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in hooks} == {"sluis-check", "sluis-generate"}
    assert [named(hook["entry"].split()[1:]) in LIGHT for hook in hooks] == [True, True]


BROKEN = """<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="D" targetNamespace="t">
<bpmn:process id="P" isExecutable="true">
<bpmn:userTask id="Task_Ask" name="Ask 100%"/></bpmn:process></bpmn:definitions>
"""


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_findings_are_printed_in_the_form_that_is_asked_for(tmp_path: Path, form: str) -> None:
    """Each form names file, line, element and rule, and the exit code is 1; annotations are escaped as GitHub asks."""
    (tmp_path / "bpmn").mkdir()
    (tmp_path / "bpmn" / "P.bpmn").write_text(BROKEN)
    command = [sys.executable, "-m", "workers.cli", "-p", str(tmp_path), "check", "--format", form]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    if form == "json":
        [found] = json.loads(done.stdout)
        assert (found["rule"], found["file"], found["line"]) == ("user-task-kind", "bpmn/P.bpmn", 3)
    elif form == "sarif":
        [result] = json.loads(done.stdout)["runs"][0]["results"]
        assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "Task_Ask"
    elif form == "github":
        assert done.stdout.startswith("::error file=bpmn/P.bpmn,line=3,title=user-task-kind::Ask 100%25: ")
    else:
        assert done.stdout.startswith("bpmn/P.bpmn:3: Ask 100% (Task_Ask): ")
        assert "[user-task-kind]" in done.stdout
