"""Every role keeps the form that the catalogue and the reader rely on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from workers.catalogue.new_folder import make_folder
from workers.core.contract import Kind

ROLES = Path(__file__).resolve().parents[2] / "ansible" / "roles"
NAMES = sorted(path.parent.parent.name for path in ROLES.glob("*/meta/argument_specs.yml"))


def read(role: str, *parts: str) -> Any:
    """One YAML file of a role; an empty mapping where there is none."""
    path = ROLES.joinpath(role, *parts)
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def options(role: str) -> dict[str, dict[str, Any]]:
    """The role's inputs as its contract has them."""
    return read(role, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]


def tasks(role: str) -> list[dict[str, Any]]:
    """All tasks and handlers of a role, those in blocks included."""
    found: list[dict[str, Any]] = []
    waiting = [task for part in ("tasks", "handlers") for path in ROLES.glob(f"{role}/{part}/*.yml")
               for task in yaml.safe_load(path.read_text())]  # fmt: skip
    while waiting:
        task = waiting.pop()
        found.append(task)
        waiting += [inner for part in ("block", "rescue", "always") for inner in task.get(part, [])]
    return found


@pytest.mark.parametrize("role", NAMES)
def test_defaults_equal_the_contract(role: str) -> None:
    """What the contract calls a default is what the role uses."""
    declared = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert read(role, "defaults", "main.yml") == declared


@pytest.mark.parametrize("role", NAMES)
def test_variables_carry_the_name_of_their_role(role: str) -> None:
    """No variable of a role can meet that of another one."""
    public = {*read(role, "defaults", "main.yml"), *options(role)}
    private = {*read(role, "vars", "main.yml"), *(task["register"] for task in tasks(role) if "register" in task)}
    assert [name for name in public if not name.startswith(f"{role}_")] == []
    assert [name for name in private if not name.startswith(f"__{role}_")] == []


@pytest.mark.parametrize("role", NAMES)
def test_only_modules_that_come_with_ansible_core(role: str) -> None:
    """A role needs no collection from elsewhere."""
    words = {word for task in tasks(role) for word in task if "." in word}
    assert words
    assert [word for word in words if not word.startswith("ansible.builtin.")] == []


@pytest.mark.parametrize("role", NAMES)
def test_contents_are_imports(role: str) -> None:
    """tasks/main.yml reads as a table of contents: what it does itself is to group, import, say and flush."""
    allowed = {"import_tasks", "include_tasks", "debug", "meta"}
    waiting = list(read(role, "tasks", "main.yml"))
    for task in waiting:
        waiting += task.get("block", [])
    used = {word.rpartition(".")[2] for task in waiting for word in task if "." in word}
    assert used <= allowed


@pytest.mark.parametrize("role", NAMES)
def test_readme_names_every_input(role: str) -> None:
    """The README's table has exactly the inputs of the contract, and a default for each."""
    readme = (ROLES / role / "README.md").read_text()
    assert sorted(re.findall(rf"^\| `({role}_\w+)` \|", readme, re.MULTILINE)) == sorted(options(role))


@pytest.mark.parametrize("role", NAMES)
def test_every_input_is_described(role: str) -> None:
    """Whoever fills in a form learns what each input is for, those inside of lists included."""
    waiting = list(options(role).items())
    for name, option in waiting:
        assert option.get("description", "").strip(), name
        assert option.get("type"), name
        waiting += option.get("options", {}).items()


def test_roles_were_found() -> None:
    """The tests above speak about something."""
    assert {"os_baseline", "web_server"} <= set(NAMES)


def test_a_new_role_keeps_the_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `sluis new role` makes passes every test of this file as it is."""
    make_folder(tmp_path, Kind.ROLE, "log_rotation")
    monkeypatch.setattr("test_roles_contracts.ROLES", tmp_path / "ansible" / "roles")
    for judge in (
        test_defaults_equal_the_contract,
        test_variables_carry_the_name_of_their_role,
        test_only_modules_that_come_with_ansible_core,
        test_contents_are_imports,
        test_readme_names_every_input,
        test_every_input_is_described,
    ):
        judge("log_rotation")
