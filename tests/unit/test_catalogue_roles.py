"""Ansible roles as contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.catalogue import describe_type, read_contract, validate_inputs
from workers.core.contract import CatalogueProblem, Contract, Kind

SPECS = """\
argument_specs:
  main:
    short_description: Serve a site. Well.
    options:
      site_port:
        type: int
        default: 80
        description:
          - The port that V(nginx) listens on.
          - More.
      site_key: {type: str, required: true, no_log: true}
      site_mode: {choices: [fast, safe]}
      site_tags: {type: list, elements: str, choices: [a, b]}
      site_users:
        type: list
        elements: dict
        options:
          name: {type: str, required: true}
          uid: {type: int}
      site_extra: {type: dict}
      site_root: {type: path, required: true}
"""


def role(folder: Path, files: dict[str, str]) -> Contract | CatalogueProblem:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return read_contract(Kind.ROLE, folder)


@pytest.mark.parametrize("name", ["meta/argument_specs.yml", "meta/argument_specs.yaml", "meta/main.yml"])
def test_argument_specification(tmp_path: Path, name: str) -> None:
    """Types, choices, elements, nested options, sensitivity and defaults come from the specification."""
    found = role(tmp_path / "site", {name: SPECS, "defaults/main.yml": "site_root: /srv\n"})
    assert {i.name: describe_type(i.type) for i in found.inputs} == {
        "site_extra": "map",
        "site_key": "text",
        "site_mode": 'one of "fast", "safe"',
        "site_port": "whole number",
        "site_root": "text",
        "site_tags": 'list of one of "a", "b"',
        "site_users": "list of objects with name (text), uid (whole number, optional)",
    }
    assert found.input("site_key").sensitive
    assert [i.name for i in found.inputs if i.required] == ["site_key"]
    assert (found.input("site_port").default, found.input("site_root").default) == (80, "/srv")
    assert found.input("site_port").description.startswith("The port that nginx listens on.")
    assert found.description == "Serve a site."
    assert found.job_types == ("ansible.site.check", "ansible.site.run")


def test_without_a_specification_the_defaults_give_names_and_types(tmp_path: Path) -> None:
    """A public role without a specification works unedited: private names stay out, templates may become anything."""
    defaults = (
        "---\nport: 80\nname: x\nurl: 'http://{{ name }}'\nusers: []\nmap: {a: 1}\nflag: yes\nnothing:\n_private: 1\n"
        "day: 2024-01-02\npassword: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\nraw: !unsafe '{{ x }}'\n"
    )
    found = role(tmp_path / "old", {"defaults/main.yml": defaults, "tasks/main.yml": "[]"})
    assert {i.name: describe_type(i.type) for i in found.inputs} == {
        "day": "text", "flag": "true or false", "map": "map", "name": "text", "nothing": "any value",
        "password": "any value", "port": "number", "raw": "any value", "url": "any value", "users": "list",
    }  # fmt: skip
    assert not any(i.required for i in found.inputs)
    assert found.input("password").sensitive


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("type: int\n        default", "type: integer\n        default", 6, "'integer' is not a type"),
        ("no_log: true", "no_log: maybe", 11, "no_log should be true or false"),
        ("{choices: [fast, safe]}", "text", 12, "should say its type"),
        ("uid: {type: int}", "uid: {type: intt}", 19, "'intt' is not a type"),
        ("site_mode:", "site-mode:", 12, "not a name of a variable"),
        ("main:", "install:", 1, "entry point main"),
        ("short_description: ", "short_description: !!python/object:os.system ", 3, "not YAML"),
        ("    options:", "    options: [", 5, "not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    """A specification that Ansible would refuse, or that is not plain data, is a problem at its line."""
    assert old in SPECS
    problem = role(tmp_path / "site", {"meta/argument_specs.yml": SPECS.replace(old, new, 1)})
    assert isinstance(problem, CatalogueProblem)
    assert words in problem.message
    assert problem.line == line or "YAML" in words


def test_a_yaml_bomb_is_refused(tmp_path: Path) -> None:
    """Aliases that unfold into billions of values are a problem, at once."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    problem = role(tmp_path / "bomb", {"defaults/main.yml": bomb})
    assert "unfolds" in problem.message


def test_yaml_that_contains_itself_is_refused(tmp_path: Path) -> None:
    """A value that is its own element is a problem and not an endless loop."""
    problem = role(tmp_path / "loop", {"defaults/main.yml": "a: &a [*a]\n"})
    assert isinstance(problem, CatalogueProblem)


def test_a_folder_without_a_role_is_a_problem(tmp_path: Path) -> None:
    """A folder with only a README is no role."""
    assert "no role" in role(tmp_path / "docs", {"README.md": "x"}).message


def test_choices_of_list_elements_are_checked(tmp_path: Path) -> None:
    """As in Ansible, choices of a list are those of its elements."""
    found = role(tmp_path / "site", {"meta/argument_specs.yml": SPECS})
    given = {"site_key": "k", "site_root": "/", "site_tags": ["a", "c"]}
    assert validate_inputs(found, given) == ('site_tags[1]: got "c", expected one of "a", "b".',)
