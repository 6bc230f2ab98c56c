"""Generated stack roots: backends, providers, tags, variables, copies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workers.core.contract import Contract, Input, Kind, Output
from workers.core.environment import Cloud, Environment, S3State
from workers.core.errors import ContractError, InputError, StoreError
from workers.core.records import StackId
from workers.execution.stack_root import (
    LOCK_FILE,
    MAIN_FILE,
    ROLE_VARIABLE,
    RootSpec,
    StackRoot,
    ephemeral_values,
    render_root,
    write_root,
)
from workers.execution.workspace import private_folder, write_folder

AWS = (("aws", "hashicorp/aws"),)
CLOUD = Cloud(
    account="123456789012",
    region="eu-west-1",
    plan_role_arn="arn:plan",
    apply_role_arn="arn:apply",
    external_id="x",
    default_tags={"team": "a"},
)


@pytest.fixture
def module(tmp_path) -> Path:
    """A module folder with a script and a lock file of its own."""
    folder = tmp_path / "module"
    (folder / "scripts").mkdir(parents=True)
    (folder / "main.tf").write_text("# nothing\n")
    (folder / LOCK_FILE).write_text("# of the module's own tests\n")
    (folder / "scripts" / "make").write_text("#!/bin/sh\n")
    (folder / "scripts" / "make").chmod(0o755)
    return folder


def spec(module: Path, values=None, environment: Environment | None = None, **more) -> RootSpec:
    """A specification; ``more`` goes to the contract."""
    contract = Contract(Kind.MODULE, "m", module, "0" * 64, **more)
    where = environment or Environment(name="test")
    return RootSpec(
        StackId(environment="test", name="one"), contract, where, values or {}, "77-1", module.parent / "state"
    )


def main(one: RootSpec) -> dict:
    """The generated configuration."""
    return json.loads(render_root(one).files[MAIN_FILE])


def test_local_state_has_a_folder_per_environment_and_stack(module):
    """Two stacks never meet in one state."""
    path = main(spec(module))["terraform"]["backend"]["local"]["path"]
    assert path == str(module.parent / "state" / "test" / "one" / "terraform.tfstate")


def test_s3_state_is_locked_and_encrypted(module):
    """The S3 backend has a key per stack, S3's own lock and encryption; another endpoint gets what it needs."""
    state = S3State(type="s3", bucket="b", region="eu-west-1", kms_key_id="k")
    s3 = main(spec(module, environment=Environment(name="test", state=state)))["terraform"]["backend"]["s3"]
    assert s3 == {
        "bucket": "b",
        "key": "state/test/one/terraform.tfstate",
        "region": "eu-west-1",
        "encrypt": True,
        "use_lockfile": True,
        "kms_key_id": "k",
    }
    other = Environment(name="test", state=state.model_copy(update={"endpoint": "http://127.0.0.1:1"}))
    s3 = main(spec(module, environment=other))["terraform"]["backend"]["s3"]
    assert s3["endpoints"] == {"s3": "http://127.0.0.1:1"}
    assert s3["use_path_style"] is True


def test_aws_gets_region_account_and_tags(module):
    """The run tag is set at creation and ignored afterwards, so that no plan shows it as a change."""
    aws = main(spec(module, environment=Environment(name="test", cloud=CLOUD), providers=AWS))["provider"]["aws"]
    assert aws["default_tags"] == {"tags": {"team": "a", "sluis:stack": "test/one", "sluis:run": "77-1"}}
    assert aws["ignore_tags"] == {"keys": ["sluis:run"]}
    assert (aws["region"], aws["allowed_account_ids"]) == ("eu-west-1", ["123456789012"])
    assert aws["assume_role"] == {
        "role_arn": f"${{var.{ROLE_VARIABLE}}}",
        "session_name": "sluis-77-1",
        "external_id": "x",
    }


def test_plan_and_apply_assume_their_own_roles(module):
    """The role is an ephemeral value, so that a saved plan can be applied with another one."""
    one = spec(module, environment=Environment(name="test", cloud=CLOUD), providers=AWS)
    assert ephemeral_values(one, "plan") == {ROLE_VARIABLE: "arn:plan"}
    assert ephemeral_values(one, "apply") == {ROLE_VARIABLE: "arn:apply"}
    assert main(one)["variable"][ROLE_VARIABLE]["ephemeral"] is True


def test_a_module_without_aws_gets_no_provider(module):
    """A cloud in the environment does not force its provider on a module that does not ask for it."""
    assert "provider" not in main(spec(module, environment=Environment(name="test", cloud=CLOUD)))


def test_inputs_and_outputs_keep_their_marks(module):
    """Sensitive and ephemeral variables and sensitive outputs are declared as such; absent inputs are not passed."""
    inputs = (Input("plain"), Input("hidden", sensitive=True), Input("fleeting", ephemeral=True), Input("absent"))
    outputs = (Output("shown"), Output("secret", sensitive=True))
    one = spec(module, {"plain": 1, "hidden": "h", "fleeting": "f"}, inputs=inputs, outputs=outputs)
    files, configuration = render_root(one).files, main(one)
    assert configuration["variable"] == {
        "fleeting": {"type": "any", "ephemeral": True}, "hidden": {"type": "any", "sensitive": True},
        "plain": {"type": "any"},
    }  # fmt: skip
    assert configuration["module"]["stack"] == {
        "source": "./module",
        "fleeting": "${var.fleeting}",
        "hidden": "${var.hidden}",
        "plain": "${var.plain}",
    }
    assert configuration["output"] == {
        "shown": {"value": "${module.stack.shown}"},
        "secret": {"value": "${module.stack.secret}", "sensitive": True},
    }
    assert json.loads(files["inputs.auto.tfvars.json"]) == {"plain": 1}
    assert json.loads(files["sensitive.auto.tfvars.json"]) == {"hidden": "h"}
    assert ephemeral_values(one, "plan") == {"fleeting": "f"}
    assert b'"f"' not in b"".join(files.values())


def test_the_module_is_copied_as_it_is(module, tmp_path):
    """Scripts stay executable; the module's own lock file gives way to the stack's."""
    folder = tmp_path / "root"
    folder.mkdir()
    one = spec(module)
    root = write_root(
        RootSpec(one.stack, one.contract, one.environment, {}, "1-1", one.state_folder, b"# kept\n"), folder
    )
    assert (folder / "module" / "scripts" / "make").stat().st_mode & 0o777 == 0o700
    assert not (folder / "module" / LOCK_FILE).exists()
    assert root.lock_file() == b"# kept\n"
    assert root.cloud is False


def test_a_root_is_used_as_it_is(module):
    """A folder with a backend of its own is copied to the top, with inputs beside it and no generated file."""
    files = render_root(spec(module, {"a": 1}, is_root=True, inputs=(Input("a"),))).files
    assert MAIN_FILE not in files
    assert set(files) == {"main.tf", "scripts/make", LOCK_FILE, "inputs.auto.tfvars.json"}


def test_a_name_of_ours_is_refused(module):
    """A module whose variable has the name of our own is told to rename it."""
    with pytest.raises(ContractError, match=ROLE_VARIABLE):
        render_root(spec(module, inputs=(Input(ROLE_VARIABLE),)))
    with pytest.raises(InputError, match="other: the module has no such variable"):
        render_root(spec(module, {"other": 1}))


def test_identity_goes_only_where_it_is_needed(tmp_path, module):
    """Our AWS identity is passed to roots with a provider or an S3 backend, and to roots that we did not write."""
    for environment, expected in ((Environment(name="test"), False), (Environment(name="test", cloud=CLOUD), True)):
        folder = tmp_path / str(expected)
        folder.mkdir()
        assert write_root(spec(module, environment=environment, providers=AWS), folder).cloud is expected
    assert StackRoot(tmp_path / "own").cloud is True


def test_private_folders_are_private_and_gone(tmp_path, monkeypatch):
    """Nobody else may read them, and nothing is left; a name cannot lead out of one."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with private_folder() as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        write_folder(folder, {"a/b": b"x"})
        assert (folder / "a" / "b").stat().st_mode & 0o777 == 0o600
        for name in ("../x", "/x", ""):
            with pytest.raises(StoreError):
                write_folder(folder, {name: b""})
    assert not folder.exists()
