"""Commands that the documents show."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer

from docs_reading import PROJECT, Command, commands, pages
from workers.cli.commands import app

SHOWN = [command for page in pages() for command in commands(page)]
_PLACEHOLDER = re.compile(r"<[^>]+>")
_INTO_A_FILE = re.compile(r" > \S+$")


def test_documents_show_commands() -> None:
    """The reading finds the commands at all, so that the tests below test something."""
    assert len([c for c in SHOWN if c.line.startswith("sluis ")]) > 20
    assert {"make demo", "make test", "make up"} <= {c.line for c in SHOWN}


@pytest.mark.parametrize("command", [c for c in SHOWN if c.line.startswith("sluis")], ids=str)
def test_every_sluis_command_in_the_documents_exists(command: Command) -> None:
    """A command shown in a document exists, with its options and enough arguments."""
    words = shlex.split(_INTO_A_FILE.sub("", _PLACEHOLDER.sub("X", command.line)))[1:]
    assert _problem(typer.main.get_command(app), words, complete=command.complete) == ""


@pytest.mark.parametrize("command", [c for c in SHOWN if c.line.startswith("make")], ids=str)
def test_every_make_target_in_the_documents_exists(command: Command) -> None:
    """A target of make shown in a document is in the Makefile."""
    targets = set(re.findall(r"^([a-z][\w-]*) *:(?!=)", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    wanted = [word for word in shlex.split(command.line)[1:] if "=" not in word and not word.startswith("-")]
    assert set(wanted) <= targets


def test_commands_that_do_not_exist_are_noticed() -> None:
    """The check of commands itself can fail: on a command, an option and an argument too many."""
    root = typer.main.get_command(app)
    assert "no command" in _problem(root, ["fly"])
    assert "no option" in _problem(root, ["doctor", "--wings"])
    assert "argument" in _problem(root, ["doctor", "extra"])
    assert "argument" in _problem(root, ["approve"])


def _problem(command: Any, words: list[str], *, complete: bool = True) -> str:
    """Why a command line cannot be understood, without running it; empty where it can."""
    index = 0
    while hasattr(command, "commands"):
        taken = _options_taken(command, words[index:])
        if isinstance(taken, str):
            return taken
        index += taken
        if index >= len(words):
            return ""
        if words[index] not in command.commands:
            return f"there is no command {words[index]!r}"
        command, index = command.commands[words[index]], index + 1
    return _arguments_problem(command, words[index:], complete=complete)


def _options_taken(command: Any, words: list[str]) -> int | str:
    index = 0
    while index < len(words) and words[index].startswith("-"):
        option = _option(command, words[index])
        if option is None:
            return f"there is no option {words[index]!r}"
        index += 1 if _is_flag(option) or "=" in words[index] else 2
    return index


def _arguments_problem(command: Any, words: list[str], *, complete: bool) -> str:
    given = 0
    while words:
        taken = _options_taken(command, words)
        if isinstance(taken, str):
            return taken
        words = words[taken:]
        given += 1 if words else 0
        words = words[1:]
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    least = sum(1 for p in arguments if p.required) if complete else 0
    most = None if any(p.nargs == -1 for p in arguments) else len(arguments)
    return "" if given >= least and (most is None or given <= most) else f"{given} arguments do not fit"


def _option(command: Any, word: str) -> Any:
    name = word.partition("=")[0]
    help_names = {"--help", "-h"}
    found = (p for p in command.params if name in (*p.opts, *p.secondary_opts))
    return next(found, "help" if name in help_names else None)


def _is_flag(option: Any) -> bool:
    return option == "help" or bool(getattr(option, "is_flag", False)) or bool(getattr(option, "count", False))
