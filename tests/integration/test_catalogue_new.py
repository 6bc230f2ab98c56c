"""What ``sluis new`` makes, judged by the tools."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers.catalogue import read_catalogue
from workers.catalogue.generating import differences, generated
from workers.catalogue.new_folder import make_folder
from workers.core.contract import Kind
from workers.core.errors import UsageError
from workers.setup.tofu import Tofu

PROJECT = Path(__file__).parents[2]


def run(folder: Path, *words: str, **variables: str) -> None:
    done = subprocess.run(
        words, check=False, cwd=folder, capture_output=True, text=True, env={**os.environ, **variables}
    )
    assert done.returncode == 0, done.stdout + done.stderr


def sluis(project: Path, *words: str) -> None:
    run(project, sys.executable, "-m", "workers.cli", *words, PYTHONPATH=str(PROJECT), SLUIS_PROJECT=str(project))


@pytest.mark.tofu
def test_a_new_module_passes_every_check(tofu: Tofu, tmp_path: Path) -> None:
    """Format, validation and tests of tofu, our reading of it, and the generated files are good as they are made."""
    sluis(tmp_path, "new", "module", "queue")
    folder = tmp_path / "terraform/modules/queue"
    for words in (("fmt", "-check", "-recursive"), ("init", "-input=false"), ("validate",), ("test",)):
        run(folder, str(tofu.path), *words)
    sluis(tmp_path, "generate", "--check")


def test_a_new_role_passes_every_check(tmp_path: Path) -> None:
    """ansible-lint's production profile, our reading of it, and the generated files are good as they are made."""
    sluis(tmp_path, "new", "role", "log_rotation")
    lint = Path(sys.executable).parent / "ansible-lint"
    path = f"{lint.parent}{os.pathsep}{os.environ['PATH']}"
    run(tmp_path, str(lint), "--offline", "--strict", "--profile", "production", "ansible", PATH=path)
    sluis(tmp_path, "generate", "--check")


@pytest.mark.parametrize("kind", Kind)
def test_a_new_folder_is_in_the_catalogue_and_is_not_made_twice(tmp_path: Path, kind: Kind) -> None:
    """It is read without a problem, its files differ from none, and a second one of the name is refused."""
    make_folder(tmp_path, kind, "thing")
    catalogue = read_catalogue(tmp_path)
    assert [c.name for c in catalogue.contracts] == ["thing"]
    assert differences(tmp_path, generated(catalogue)).stale
    with pytest.raises(UsageError, match="there already"):
        make_folder(tmp_path, kind, "thing")


@pytest.mark.parametrize("name", ["", "../x", "A", "a-b", "a/b", "1a", "a\n"])
def test_a_name_that_is_none_makes_nothing(tmp_path: Path, name: str) -> None:
    """Nothing is written for a name that could not be a module, a role, or a path."""
    with pytest.raises(UsageError, match="no name"):
        make_folder(tmp_path, Kind.ROLE, name)
    assert not list(tmp_path.iterdir())
