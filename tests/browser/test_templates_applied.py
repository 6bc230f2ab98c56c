"""Element templates as Camunda Modeler applies them, in Chromium, and what its checker and ours say of the models."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from needs import missing
from workers.catalogue.checking import check_models

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = PROJECT / "tools" / "bpmn"


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with one model for each template, and what was said while they were made."""
    if not shutil.which("node") or not (TOOLS / "node_modules" / "bpmn-js-element-templates").is_dir():
        missing("Node.js and the packages of tools/bpmn (make check-bpmn gets them)")
    if not Path("/usr/bin/chromium").exists():
        missing("Chromium")
    folder = tmp_path_factory.mktemp("applied")
    done = subprocess.run(
        ["node", "src/applied.js", str(folder)], cwd=TOOLS, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def ids() -> set[str]:
    """The ids of all templates."""
    files = (PROJECT / ".camunda" / "element-templates").glob("*.json")
    return {template["id"] for path in files for template in json.loads(path.read_text())}


def test_modeler_has_nothing_to_say_about_any_template_applied(applied: tuple[Path, str]) -> None:
    """Each template can be applied to a task, and with its required fields filled in Modeler's checker is content."""
    folder, said = applied
    assert {path.stem for path in folder.glob("*.bpmn")} == ids()
    assert said.count(": good;") == len(ids())


def test_a_field_that_must_be_filled_in_is_missed(applied: tuple[Path, str]) -> None:
    """The constraints are looked at: the block of a module left as it is lacks its purpose, at least."""
    lines = [line for line in applied[1].splitlines() if line.startswith("sluis.terraform.") and ".change:" in line]
    assert lines
    assert not [line for line in lines if "left empty, 0" in line]


def test_our_own_check_agrees(applied: tuple[Path, str], tmp_path: Path) -> None:
    """In the project of the catalogue such a model lacks nothing but somebody who catches the block's errors."""
    for part in ("environments", "ansible", "terraform"):
        (tmp_path / part).symlink_to(PROJECT / part)
    shutil.copytree(PROJECT / "bpmn", tmp_path / "bpmn")
    shutil.copytree(applied[0], tmp_path / "bpmn", dirs_exist_ok=True)
    found = check_models(tmp_path)
    assert {f.rule for f in found} == {"uncaught-error"}
    assert {Path(f.file).stem for f in found} == {name for name in ids() if name.endswith(".change")}
