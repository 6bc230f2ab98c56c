"""Stacks whose roots get what an init of a stack like them has made, with a real OpenTofu or Terraform."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
import pytest

from aws_server import aws_server, use_aws
from execution_fixtures import FIXTURES, Events, call, program
from workers.catalogue.reading import read_contract
from workers.core.contract import Contract, Kind
from workers.core.environment import Environment, S3State
from workers.core.errors import ToolError
from workers.core.records import Operation, StackId
from workers.core.settings import Settings
from workers.core.values import JsonValue
from workers.execution.inits import Inits
from workers.execution.stack_root import RootSpec, StackRoot, write_root
from workers.execution.terraform import TerraformTool
from workers.setup.progress import Quiet
from workers.setup.tofu import ensure_tofu

pytestmark = pytest.mark.tofu

NOTE = Path(__file__).parent.parent.parent / "docs" / "tutorial" / "note" / "terraform" / "modules" / "note"
SLOW = FIXTURES / "modules" / "slow"


@dataclass
class Place:
    """Roots of one module, and a tool that notes its commands."""

    folder: Path
    tool: TerraformTool
    contract: Contract
    environment: Environment

    def root(self, stack: str, inputs: Mapping[str, JsonValue], lock_file: bytes | None = None) -> StackRoot:
        """A fresh root of that stack."""
        folder = self.folder / f"root-{stack}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        identity = StackId(environment="test", name=stack)
        spec = RootSpec(identity, self.contract, self.environment, inputs, "1-1", self.folder / "state", lock_file)
        return write_root(spec, folder)

    async def bring_up(self, stack: str, inputs: Mapping[str, JsonValue]) -> StackRoot:
        """Plan and apply it, as two jobs do: each in a root of its own."""
        root = self.root(stack, inputs)
        planned = await self.tool.plan(root, operation=Operation.APPLY, call=call(Events()))
        again = self.root(stack, inputs, root.lock_file())
        await self.tool.apply(again, planned.plan, call=call(Events()))
        return again

    def commands(self) -> list[str]:
        """The tool's commands since the last time."""
        log = self.folder / "commands"
        said = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return said

    def state(self, stack: str) -> str:
        """The file with the state of a stack."""
        return (self.folder / "state" / "test" / stack / "terraform.tfstate").read_text()


@pytest.fixture(params=["", "terraform"], ids=["tofu", "terraform"])
async def place(request, tmp_path) -> Place:
    """Stacks without providers of their own, with tofu, and with terraform where it is installed."""
    return await make(tmp_path, SLOW, program(request.param))


async def make(folder: Path, module: Path, tool: Path, cli_config: Path | None = None) -> Place:
    """Stacks of a module, with a tool that keeps its providers in a cache."""
    noting = folder / "noting-tool"
    noting.write_text(f'#!/bin/sh\n[ "$1" = version ] || echo "$1" >>{folder}/commands\nexec {tool} "$@"\n')
    noting.chmod(0o700)
    probed = await TerraformTool.probe(noting, cli_config, folder / "plugins")
    return Place(folder, probed, _contract(module), Environment(name="test"))


def _contract(module: Path) -> Contract:
    found = read_contract(Kind.MODULE, module)
    assert isinstance(found, Contract)
    return found


async def test_one_init_serves_all_stacks_of_a_module(place):
    """Plans and applies of two stacks need one init, and each has its state in its own place."""
    await place.bring_up("one", {"first": "of one"})
    await place.bring_up("two", {"first": "of two"})
    assert place.commands() == ["init", *(["plan", "show", "apply", "output"] * 2)]
    assert "of one" in place.state("one")
    assert "of two" not in place.state("one")
    assert "of two" in place.state("two")
    assert "of one" not in place.state("two")


async def test_another_module_gets_an_init_of_its_own(place, tmp_path):
    """One changed file of the module is enough."""
    await place.bring_up("one", {})
    copy = tmp_path / "slow"
    shutil.copytree(SLOW, copy)
    (copy / "more.tf").write_text('output "more" {\n  value = 1\n}\n')
    await replace(place, contract=_contract(copy)).bring_up("two", {})
    assert place.commands().count("init") == 2


@pytest.mark.parametrize("part", ["backend", "modules"])
async def test_the_tool_gets_the_init_that_it_asks_for(place, part):
    """What was remembered does not fit: the tool sees it before it does anything, and the plan comes out well."""
    await place.bring_up("one", {})
    spoil(place.tool.inits, part)
    place.commands()
    root = place.root("two", {"first": "of two"})
    planned = await place.tool.plan(root, operation=Operation.APPLY, call=call(Events()))
    assert place.commands() == ["plan", "init", "plan", "show"]
    assert planned.facts.counts.create == 3
    await place.tool.apply(root, planned.plan, call=call(Events()))
    assert "of two" in place.state("two")
    assert "of two" not in place.state("one")


async def test_an_apply_that_has_begun_is_not_run_again(place, tmp_path):
    """A resource that fails with the very words by which the tool asks for an init: the apply ends with its error."""
    module = tmp_path / "talking"
    module.mkdir()
    command = 'echo Run \\"tofu init\\" now; exit 1'
    (module / "main.tf").write_text(
        f'resource "terraform_data" "one" {{\n  provisioner "local-exec" {{\n    command = "{command}"\n  }}\n}}\n'
    )
    talking = replace(place, contract=_contract(module))
    root = talking.root("one", {})
    planned = await talking.tool.plan(root, operation=Operation.APPLY, call=call(Events()))
    talking.commands()
    with pytest.raises(ToolError, match='Run "tofu init" now'):
        await talking.tool.apply(talking.root("one", {}, root.lock_file()), planned.plan, call=call(Events()))
    assert talking.commands() == ["apply"]


def spoil(inits: Inits, part: str) -> None:
    """Change what was remembered."""
    for key, made in inits._made.items():
        note = json.loads(json.dumps(made.note))
        note["backend"]["config"]["workspace_dir"] = "/somewhere"
        other = {"backend": {"note": note}, "modules": {"modules": b'{"Modules":[]}'}}[part]
        inits._made[key] = replace(made, **other)


async def test_a_provider_is_linked_where_it_was_found(tmp_path):
    """A root of another stack has the same provider and lock file; where the provider has gone, there is an init."""
    tofu = await ensure_tofu(Settings(), Quiet())
    place = await make(tmp_path, NOTE, tofu.path, tofu.cli_config)
    roots = [await place.bring_up(name, {"path": f"{tmp_path}/{name}.txt", "text": name}) for name in ("one", "two")]
    assert place.commands().count("init") == 1
    assert roots[0].lock_file() == roots[1].lock_file() is not None
    assert providers(roots[0]) == providers(roots[1]) != []
    assert (tmp_path / "two.txt").read_text() == "two\n"
    for key, made in place.tool.inits._made.items():
        gone = dict.fromkeys(made.providers, tmp_path / "gone")
        place.tool.inits._made[key] = replace(made, providers=gone)
    await place.bring_up("three", {"path": f"{tmp_path}/three.txt", "text": "three"})
    assert place.commands().count("init") == 1


def providers(root: StackRoot) -> list[Path]:
    """Where its providers are."""
    return [place.resolve() for place in (root.folder / ".terraform" / "providers").glob("*/*/*/*/*")]


async def test_a_provider_that_was_changed_is_not_run(tmp_path):
    """The tool compares a provider with the lock file, as it does after an init."""
    tofu = await ensure_tofu(Settings(), Quiet())
    place = await make(tmp_path, NOTE, tofu.path, tofu.cli_config)
    await place.bring_up("one", {"path": f"{tmp_path}/one.txt", "text": "one"})
    for key, made in place.tool.inits._made.items():
        links = dict.fromkeys(made.providers, tmp_path / "changed")
        for target in made.providers.values():
            shutil.copytree(target, tmp_path / "changed", dirs_exist_ok=True)
        place.tool.inits._made[key] = replace(made, providers=links)
    next((tmp_path / "changed").iterdir()).write_text("changed")
    place.commands()
    root = place.root("two", {"path": f"{tmp_path}/two.txt", "text": "two"})
    await place.tool.plan(root, operation=Operation.APPLY, call=call(Events()))
    assert place.commands() == ["plan", "init", "plan", "show"]
    assert tmp_path / "changed" not in providers(root)


async def test_stacks_with_state_in_s3(tmp_path, monkeypatch):
    """One init serves two stacks of one bucket, each state under its own key."""
    with aws_server() as address:
        use_aws(monkeypatch, address)
        boto3.client("s3").create_bucket(Bucket="states")
        state = S3State(type="s3", bucket="states", region="us-east-1", endpoint=address)
        place = await make(tmp_path, SLOW, program())
        place.environment = Environment(name="test", state=state)
        for name in ("one", "two"):
            await place.bring_up(name, {"first": f"of {name}"})
        assert place.commands().count("init") == 1
        for name, other in (("one", "two"), ("two", "one")):
            body = boto3.client("s3").get_object(Bucket="states", Key=state.key("test", name))["Body"].read().decode()
            assert f"of {name}" in body
            assert f"of {other}" not in body
