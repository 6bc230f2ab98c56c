"""Our reading of modules against OpenTofu's own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from catalogue_oracle import as_tofu_type, as_tofu_value, tofu_reads
from workers.catalogue import read_contract
from workers.core.contract import Contract, Kind
from workers.setup.tofu import Tofu

ROOT = Path(__file__).parents[2]
MODULES = [ROOT / "tests/fixtures/catalogue/hard", *sorted((ROOT / "terraform/modules").glob("[a-z]*"))]

pytestmark = pytest.mark.tofu


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.name)
def test_we_read_what_opentofu_reads(tofu: Tofu, path: Path, tmp_path: Path) -> None:
    """Names, types, defaults, descriptions and sensitivity are the same as OpenTofu's for every variable and output."""
    module = shutil.copytree(path, tmp_path / path.name)
    theirs, ours = tofu_reads(str(tofu.path), module), read_contract(Kind.MODULE, module)
    assert isinstance(ours, Contract)
    assert {
        i.name: {
            "type": as_tofu_type(i.type),
            "default": as_tofu_value(i.default, i.type),
            "description": i.description,
            "required": i.required,
            "sensitive": i.sensitive,
            "ephemeral": i.ephemeral,
        }
        for i in ours.inputs
    } == {
        name: {
            "type": variable.get("type", "dynamic"),
            "default": variable.get("default"),
            "description": variable.get("description", "").strip(),
            "required": variable.get("required", False),
            "sensitive": variable.get("sensitive", False),
            "ephemeral": variable.get("ephemeral", False),
        }
        for name, variable in theirs["variables"].items()
    }
    assert {o.name: (o.description, o.sensitive) for o in ours.outputs} == {
        name: (output.get("description", ""), output.get("sensitive", False))
        for name, output in theirs.get("outputs", {}).items()
    }


@pytest.mark.parametrize(
    "text", ['variable "a" {', 'variable "a" { type = strin }', 'variable "a" {}\nvariable "a" {}\n']
)
def test_what_we_refuse_opentofu_refuses(tofu: Tofu, tmp_path: Path, text: str) -> None:
    """A module that we call broken is one that OpenTofu would not load either."""
    module = tmp_path / "m"
    module.mkdir()
    (module / "main.tf").write_text(text)
    assert not isinstance(read_contract(Kind.MODULE, module), Contract)
    with pytest.raises(subprocess.CalledProcessError):
        tofu_reads(str(tofu.path), module)
