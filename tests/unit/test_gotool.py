"""The checking tools that are Go programs."""

from __future__ import annotations

import sys

import pytest

from docs_reading import PROJECT
from workers.core.errors import MissingToolError, SluisError

sys.path.append(str(PROJECT / "tools"))
import gotool

TOOLS = ("actionlint", "gitleaks", "helm", "helm-unittest", "kine", "kube-apiserver")


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_is_pinned(name):
    """Each has a program, a version and checksums in its own folder."""
    path, version = gotool.package(name)
    assert "/" in path
    assert version.startswith("v")
    assert f" {version} h1:" in (PROJECT / "tools" / name / "go.sum").read_text()


def test_a_folder_that_names_no_tool_is_said(tmp_path, monkeypatch):
    """A go.mod without a tool is an error that names the file."""
    (tmp_path / "tools" / "x").mkdir(parents=True)
    (tmp_path / "tools" / "x" / "go.mod").write_text("module x\n")
    monkeypatch.setattr(gotool, "ROOT", tmp_path)
    with pytest.raises(SluisError, match=r"tools/x/go\.mod names no tool"):
        gotool.package("x")


@pytest.mark.parametrize(("on_ci", "code"), [(False, 0), (True, 4)])
def test_a_tool_that_cannot_be_had_is_said(monkeypatch, capsys, on_ci, code):
    """Elsewhere the check is left out with a word; on CI it fails, so that nothing is left out there in silence."""

    async def none(name):
        raise MissingToolError("there is no Go")

    monkeypatch.setattr(gotool, "ensure", none)
    monkeypatch.setattr(gotool.shutil, "which", lambda name: None)
    monkeypatch.setattr(gotool, "ON_CI", on_ci)
    assert gotool.main(["helm", "version"]) == code
    assert "helm is not here, so this is not checked: there is no Go" in capsys.readouterr().err


def test_one_on_the_path_serves_where_none_can_be_built(monkeypatch):
    """A machine with helm and without Go checks with its helm."""

    async def none(name):
        raise MissingToolError("there is no Go")

    monkeypatch.setattr(gotool, "ensure", none)
    monkeypatch.setattr(gotool.shutil, "which", lambda name: "/bin/false")
    assert gotool.main(["helm", "version"]) == 1
