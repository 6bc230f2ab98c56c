"""Modules and roles from real git repositories."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.catalogue import read_catalogue
from workers.catalogue.checking import check_models
from workers.catalogue.reading import folder_of
from workers.catalogue.sources import make_source, read_sources
from workers.core.contract import Kind
from workers.core.errors import ContractError, SettingError, ToolError, UsageError
from workers.service.sources import add_source, fetch_sources

VARIABLES = "".join(f'variable "v{n}" {{\n  type    = string\n  default = "{n}"\n}}\n' for n in range(200))


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    return subprocess.run(
        ("git", "-C", str(folder), *who, *words), check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a large module that has a submodule of its own, and a role without a specification."""
    folder = tmp_path / "remote" / "things"
    for part in ("modules/big/modules/inner", "roles/plain/tasks", "roles/plain/defaults"):
        (folder / part).mkdir(parents=True)
    (folder / "modules/big/variables.tofu").write_text(VARIABLES)
    (folder / "modules/big/main.tf").write_text('module "inner" {\n  source = "./modules/inner"\n}\n')
    (folder / "modules/big/more.tf.json").write_text('{"output": {"out": {"value": "x"}}}')
    (folder / "modules/big/modules/inner/main.tf").write_text('variable "only_inside" { default = 1 }\n')
    (folder / "roles/plain/tasks/main.yml").write_text("---\n[]\n")
    (folder / "roles/plain/defaults/main.yml").write_text("---\nplain_port: 80\nplain_names: [a]\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def daemon(repository: Path) -> Iterator[str]:
    """A git daemon on the loopback address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = repository.parent
    words = (
        "git",
        "daemon",
        "--export-all",
        "--reuseaddr",
        "--listen=127.0.0.1",
        f"--port={port}",
        f"--base-path={base}",
    )
    process = subprocess.Popen((*words, str(base)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"git://127.0.0.1:{port}/things"
    try:
        end = time.monotonic() + 20
        while subprocess.run(("git", "ls-remote", address), check=False, capture_output=True).returncode:
            assert time.monotonic() < end, "the git daemon did not answer"
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def test_foreign_content_is_read_unedited_from_its_commit(repository: Path, project: Path) -> None:
    """200 variables in *.tofu and *.tf.json above a nested module, and a role with defaults only, give contracts."""
    commit, address = git(repository, "rev-parse", "HEAD"), f"file://{repository}"
    (repository / "modules/big/main.tf").write_text("later")
    git(repository, "commit", "-qam", "two")
    add_source(project, make_source(Kind.MODULE, "big", address, commit, "modules/big"))
    add_source(project, make_source(Kind.ROLE, "plain", address, commit, "roles/plain"))
    catalogue = read_catalogue(project)
    module, role = catalogue.module("big"), catalogue.role("plain")
    assert module is not None
    assert role is not None
    assert {i.name for i in module.inputs} == {f"v{n}" for n in range(200)}
    assert [o.name for o in module.outputs] == ["out"]
    assert {i.name: i.type.name.value for i in role.inputs} == {"plain_port": "number", "plain_names": "list"}
    assert {s.name: s.digest for s in read_sources(project)} == {"big": module.digest, "plain": role.digest}


def test_a_missing_folder_is_fetched_again_over_the_network(daemon: str, repository: Path, project: Path) -> None:
    """Over the git protocol, and with the same digest."""
    commit = git(repository, "rev-parse", "HEAD")
    added = add_source(project, make_source(Kind.MODULE, "big", daemon, commit, "modules/big"))
    folder = folder_of(project, Kind.MODULE) / "big"
    assert check_models(project) == ()
    shutil.rmtree(folder)
    assert [f.rule for f in check_models(project)] == ["source-missing"]
    assert fetch_sources(project) == (added,)
    assert (folder / "variables.tofu").read_text() == VARIABLES
    assert fetch_sources(project) == ()


def test_an_edited_copy_is_noticed(repository: Path, project: Path) -> None:
    """A folder that no longer has the recorded content is refused by name."""
    source = make_source(
        Kind.ROLE, "plain", f"file://{repository}", git(repository, "rev-parse", "HEAD"), "roles/plain"
    )
    add_source(project, source)
    (folder_of(project, Kind.ROLE) / "plain/defaults/main.yml").write_text("---\nplain_port: 81\n")
    with pytest.raises(ContractError, match=r"ansible\.plain"):
        fetch_sources(project)
    assert [f.rule for f in check_models(project)] == ["source-changed"]


def test_hooks_of_a_repository_and_of_the_user_do_not_run(
    repository: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a template's hook nor one that the user's settings name is run."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    commit = git(repository, "rev-parse", "HEAD")
    (tmp_path / "config").write_text(f"[core]\n\thooksPath = {hooks}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    add_source(project, make_source(Kind.ROLE, "plain", f"file://{repository}", commit, "roles/plain"))
    assert not (tmp_path / "ran").exists()


def test_what_is_not_there_leaves_nothing_behind(repository: Path, project: Path) -> None:
    """An unknown commit, an unknown folder and a folder without a module are errors; the project stays as it was."""
    address, commit = f"file://{repository}", git(repository, "rev-parse", "HEAD")
    for wrong, folder, error in (
        ("0" * 40, "", ToolError),
        (commit, "nowhere", ToolError),
        (commit, "roles", ContractError),
    ):
        with pytest.raises(error):
            add_source(project, make_source(Kind.MODULE, "big", address, wrong, folder))
    assert not list(project.iterdir())


def test_a_folder_that_is_there_is_not_overwritten(repository: Path, project: Path) -> None:
    """A module of one's own is never replaced by a fetched one."""
    (folder_of(project, Kind.MODULE) / "big").mkdir(parents=True)
    with pytest.raises(UsageError, match="there already"):
        add_source(project, make_source(Kind.MODULE, "big", f"file://{repository}", "0" * 40, ""))


@pytest.mark.parametrize(
    ("address", "commit", "folder"),
    [
        ("ext::sh -c id", "0" * 40, ""),
        ("--upload-pack=id", "0" * 40, ""),
        ("ssh://-oProxyCommand=id/x", "0" * 40, ""),
        ("https://user:secret@example.com/x", "0" * 40, ""),
        ("https://example.com/x", "main", ""),
        ("https://example.com/x", "0" * 40, "../x"),
        ("https://example.com/x", "0" * 40, "-x"),
    ],
)
def test_addresses_are_data(address: str, commit: str, folder: str) -> None:
    """No option, program, password, branch or way out of the repository is taken."""
    with pytest.raises(SettingError):
        make_source(Kind.MODULE, "big", address, commit, folder)
