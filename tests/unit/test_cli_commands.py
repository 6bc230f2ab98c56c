"""The command line as scripts and people meet it: real processes, their streams and exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from service_kit import project
from workers.cli.commands import app
from workers.runs.audit import Audit
from workers.runs.store import DirectoryStore

ROOT = Path(__file__).parents[2]


def sluis(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``sluis`` in a folder, with nobody at the terminal and no engine in reach."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith("SLUIS_")}
    nowhere = {"SLUIS_GRPC_ADDRESS": "127.0.0.1:1", "SLUIS_REST_ADDRESS": "http://127.0.0.1:1"}
    return subprocess.run(
        [sys.executable, "-m", "workers.cli", *words], cwd=folder, text=True, capture_output=True, check=False,
        stdin=subprocess.DEVNULL, env=ours | nowhere | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | variables,
    )  # fmt: skip


def test_help_names_exit_codes_and_every_command(tmp_path: Path) -> None:
    """`sluis --help` documents the exit codes and has a line for each command."""
    shown = sluis(tmp_path, "--help").stdout
    assert "Exit codes" in shown
    for name in ("doctor", "up", "down", "status", "worker", "deploy", "start", "watch", "tasks", "approve", "reject",
                 "stacks", "stack", "runs", "run", "env", "demo", "clean", "audit"):  # fmt: skip
        assert name in shown


def test_every_command_that_prints_data_takes_json() -> None:
    """Only what serves or talks to a person, and the export, which is JSON lines anyway, goes without --json."""
    without = {" ".join(path) for path, options in options_of(typer.main.get_command(app)) if "--json" not in options}
    assert without == {"demo", "up", "clean", "worker", "audit export"}


def options_of(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Every command below, with its options."""
    for name, below in getattr(command, "commands", {}).items():
        yield from options_of(below, (*path, name))
    if not hasattr(command, "commands"):
        yield path, {option for parameter in command.params for option in parameter.opts}


def test_an_empty_folder_is_no_error(tmp_path: Path) -> None:
    """What only reads works anywhere: lists are empty, on standard output there is nothing but JSON."""
    for words in (("stacks",), ("runs",), ("env", "list")):
        done = sluis(tmp_path, *words, "--json")
        assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [], "")
    assert json.loads(sluis(tmp_path, "audit", "verify", "--json").stdout) == {"subjects": []}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("start", "Ordr", "--var", "name=web"), 2, "Did you mean 'Order'?"),
        (("start", "Order", "--var", "nmae=web"), 2, "did you mean 'name'?"),
        (("start", "Order", "--var", "name=web"), 5, "No engine answers"),
        (("watch", "1"), 5, "No engine answers"),
        (("tasks",), 5, "No engine answers"),
        (("approve", "1"), 5, "No engine answers"),
        (("reject", "1"), 2, "--reason"),
        (("deploy",), 5, "No engine answers"),
        (("stack", "show", "local/none"), 2, "There is no stack local/none"),
        (("stack", "show", "none"), 2, "ENVIRONMENT/NAME"),
        (("run", "show", "1-1"), 2, "There is no run 1-1"),
        (("run", "log", "../x"), 8, "not a key"),
        (("env", "check", "loc"), 1, "Did you mean 'local'?"),
        (("audit", "verify", "local/x"), 2, "no audit trail of local/x"),
        (("clean",), 0, "nothing to remove"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_errors_say_what_to_do_and_have_their_code(
    tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    """Every mistake ends with its exit code and a message; none with a traceback."""
    done = sluis(project(tmp_path / "p"), *words)
    assert done.returncode == code
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    """A setting that does not fit is named by its variable."""
    done = sluis(tmp_path, "doctor", SLUIS_LIGHT_SLOTS="many")
    assert done.returncode == 2
    assert "SLUIS_LIGHT_SLOTS" in done.stderr


def test_an_unexpected_error_leaves_its_details_in_a_file(tmp_path: Path) -> None:
    """A fault of ours ends with code 70 and the path of a file that has the traceback."""
    (tmp_path / ".sluis" / "store" / "stacks" / "local").mkdir(parents=True)
    script = "from workers.cli import main, stacks\nstacks.perform = 1\nmain.run()"
    done = subprocess.run(
        [sys.executable, "-c", script, "stacks"], cwd=tmp_path, text=True, capture_output=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 70
    [details] = (tmp_path / ".sluis" / "errors").iterdir()
    assert str(details) in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in details.read_text()


def test_status_without_anything_is_a_failure_for_scripts(tmp_path: Path) -> None:
    """`sluis status` ends with 1 where no engine answers, and its JSON says why."""
    done = sluis(tmp_path, "status", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["good"], found["workers"]) == (1, False, [])
    assert "No engine answers" in found["engine"]["trouble"]


def test_an_exported_audit_trail_is_compared(tmp_path: Path) -> None:
    """An entry that is gone shows against what `sluis audit export` printed; what is no export is refused."""
    folder = project(tmp_path)
    trail = Audit(DirectoryStore(folder / ".sluis" / "store"))
    for action in ("planned", "applied"):
        asyncio.run(trail.add("local/a", "demo", action))
    exported = folder / "audit.jsonl"
    exported.write_text(sluis(folder, "audit", "export").stdout)
    assert [json.loads(line)["action"] for line in exported.read_text().splitlines()] == ["planned", "applied"]
    assert sluis(folder, "audit", "verify", "--against", str(exported)).returncode == 0
    (folder / ".sluis" / "store" / "audit" / "local" / "a" / "00000002.json").unlink()
    assert sluis(folder, "audit", "verify").returncode == 0
    done = sluis(folder, "audit", "verify", "local/a", "--against", str(exported))
    assert done.returncode == 1
    assert "entry 2 is not what was exported" in " ".join(done.stdout.split())
    exported.write_text("no export\n")
    refused = sluis(folder, "audit", "verify", "--against", str(exported))
    assert refused.returncode == 2
    assert "line 1 of" in refused.stderr


def test_an_altered_audit_trail_is_noticed(tmp_path: Path) -> None:
    """`sluis audit verify` ends with 1 once an entry was changed by hand."""
    folder = project(tmp_path / "p")
    state = tmp_path / "s.tfstate"
    state.write_text('{"version": 4, "serial": 1, "lineage": "l", "resources": []}')
    for name in ("local/a", "local/b"):
        assert sluis(folder, "stack", "adopt", name, "--module", "box", "--state", str(state)).returncode == 0
    assert sluis(folder, "stack", "unlock", "local/a").returncode == 0
    assert sluis(folder, "audit", "verify").returncode == 0
    entry = folder / ".sluis" / "store" / "audit" / "local" / "a" / "00000001.json"
    entry.write_text(entry.read_text().replace('"number": 1', '"number": 2'))
    done = sluis(folder, "audit", "verify", "--json")
    problems = {s["subject"]: s["problems"] for s in json.loads(done.stdout)["subjects"]}
    assert done.returncode == 1
    assert problems["local/b"] == []
    assert problems["local/a"]


def test_the_command_starts_without_the_libraries_that_few_commands_need() -> None:
    """The libraries of AWS, web, gRPC, Slack and Maven are imported by the commands that use them only."""
    code = "import sys, workers.cli.main; print(*(set(sys.argv[1:]) & set(sys.modules)))"
    slow = ("boto3", "botocore", "fastapi", "grpc", "jgo", "jinja2", "pyzeebe", "slack_sdk", "uvicorn")
    done = subprocess.run([sys.executable, "-c", code, *slow], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
