"""Which stacks share an init, and for how long."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workers.core.contract import Contract, Input, Kind
from workers.core.environment import Environment, S3State
from workers.core.errors import ToolError
from workers.core.records import StackId
from workers.execution import inits
from workers.execution.inits import Inits, Likeness, wants_init
from workers.execution.stack_root import RootSpec, StackRoot, write_root

STATE = S3State(type="s3", bucket="b", region="eu-west-1")


@pytest.fixture
def module(tmp_path) -> Path:
    """A module of one file."""
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "main.tf").write_text("# nothing\n")
    return folder


def root(module: Path, name: str, lock_file: bytes | None = None, state: S3State | None = None, **more) -> StackRoot:
    """A root of a stack of that name; ``more`` goes to the module's only input and to the contract."""
    environment = Environment(name="test", **({"state": state} if state else {}))
    own = more.pop("contract", {})
    contract = Contract(Kind.MODULE, "m", module, "0" * 64, inputs=(Input("text"),), **own)
    folder = module.parent / name
    folder.mkdir(parents=True)
    identity, states = StackId(environment="test", name=name), module.parent / more.pop("states", "state")
    return write_root(RootSpec(identity, contract, environment, more, "1-1", states, lock_file), folder)


def key(one: StackRoot) -> str:
    """What its init goes by."""
    like = Likeness.of(one)
    assert like
    return like.key


def initialised(one: StackRoot) -> StackRoot:
    """The root as the tool's init leaves it."""
    like = Likeness.of(one)
    assert like
    work = one.folder / ".terraform"
    (work / "modules").mkdir(parents=True)
    (work / "modules" / "modules.json").write_text('{"Modules":[{"Key":"stack","Source":"./module","Dir":"module"}]}')
    note = {"version": 3, "backend": {"type": "local", "config": {like.setting: like.address}, "hash": 1}}
    (work / "terraform.tfstate").write_text(json.dumps(note))
    return one


def noted(one: StackRoot) -> dict:
    """The note of its backend."""
    return json.loads((one.folder / ".terraform" / "terraform.tfstate").read_text())["backend"]


def test_stacks_of_a_module_share_an_init(module):
    """Name, place of the state and values of inputs make no difference."""
    assert key(root(module, "one", text="a")) == key(root(module, "two", text="b"))


def test_what_an_init_goes_by_makes_a_difference(module):
    """The module's files, the backend but for its address, and the lock file."""
    keys = {
        key(root(module, "plain")),
        key(root(module, "locked", b"# lock\n")),
        key(root(module, "bucket", state=STATE)),
        key(root(module, "other-bucket", state=STATE.model_copy(update={"bucket": "c"}))),
    }
    (module / "more.tf").write_text("# more\n")
    assert len(keys | {key(root(module, "more"))}) == 5


def test_a_backend_that_is_not_understood_shares_nothing(module):
    """The address stands in other words in the configuration, or there is no generated configuration at all."""
    assert Likeness.of(root(module, "odd", states="${odd}")) is None
    assert Likeness.of(root(module, "own", contract={"is_root": True})) is None


@pytest.mark.parametrize(
    "text",
    ["[]", "{", '{"terraform": [{"backend": {"local": {"path": "x"}}}], "module": {"stack": {}}}', '{"resource": {}}'],
)
def test_a_root_of_somebody_else_shares_nothing(tmp_path, text):
    """A module that is a root itself may have a file of the same name."""
    (tmp_path / "main.tf.json").write_text(text)
    assert Likeness.of(StackRoot(tmp_path)) is None


def test_the_note_names_the_stack_itself(module):
    """What another stack's init left is put there with the address of this one, and without the other's hash."""
    known, one, two = Inits(), root(module, "one"), root(module, "two")
    like = Likeness.of(one)
    known.keep(like, initialised(one))
    assert known.restore(Likeness.of(two), two)
    assert noted(two)["config"]["path"] == str(module.parent / "state" / "test" / "two" / "terraform.tfstate")
    assert noted(two)["hash"] == 0
    assert noted(one)["hash"] == 1


def test_a_root_that_is_ready_is_left_as_it_is(module):
    """A second command in a root changes nothing there."""
    known, one = Inits(), root(module, "one")
    like = Likeness.of(one)
    known.keep(like, initialised(one))
    assert known.restore(Likeness.of(one), one)
    assert noted(one)["hash"] == 1


def test_a_root_in_which_an_init_did_not_end_gets_one(module):
    """What is half there is not mixed with what another init has made."""
    known, one, two = Inits(), root(module, "one"), root(module, "two")
    known.keep(Likeness.of(one), initialised(one))
    (two.folder / ".terraform" / "providers").mkdir(parents=True)
    assert not known.restore(Likeness.of(two), two)


def test_a_root_that_cannot_be_written_is_left_to_the_tool(module, monkeypatch):
    """On a full disk nothing half stays, and the init that follows says what is wrong."""
    known, one, two = Inits(), root(module, "one"), root(module, "two")
    known.keep(Likeness.of(one), initialised(one))

    def full(*_args: object) -> bytes:
        raise OSError(28, "No space left on device")

    like = Likeness.of(two)
    monkeypatch.setattr(inits, "_addressed", full)
    assert not known.restore(like, two)
    assert not list((two.folder / ".terraform").iterdir())


def test_what_was_made_long_ago_is_not_used(module, monkeypatch):
    """A newer provider may be there by now."""
    known, one, two = Inits(), root(module, "one"), root(module, "two")
    like = Likeness.of(one)
    known.keep(like, initialised(one))
    monkeypatch.setattr(inits, "_FRESH_SECONDS", -1)
    assert not known.restore(Likeness.of(two), two)


@pytest.mark.parametrize("odd", ["copy of a module", "copy of a provider", "another note"])
def test_what_cannot_be_shared_is_not_kept(module, odd):
    """Modules and providers that were copied into the root go with it; a note of another form is not ours to edit."""
    known, one, two = Inits(), root(module, "one"), root(module, "two")
    like, work = Likeness.of(one), initialised(one).folder / ".terraform"
    if odd == "copy of a module":
        text = '{"Modules":[{"Key":"x","Source":"git::x","Dir":".terraform/modules/x"}]}'
        (work / "modules" / "modules.json").write_text(text)
    elif odd == "copy of a provider":
        (work / "providers" / "host" / "name" / "type" / "1.0.0" / "linux_amd64").mkdir(parents=True)
    else:
        (work / "terraform.tfstate").write_text('{"version": 9}')
    known.keep(like, one)
    assert not known.restore(Likeness.of(two), two)


def test_a_root_that_was_not_fit_is_as_before(module):
    """After ``forget`` an init finds what it would have found, the lock file too, and nobody else gets it."""
    known, one = Inits(), root(module, "one", b"# lock\n")
    like = Likeness.of(one)
    (initialised(one).folder / ".terraform.lock.hcl").write_text("# more\n")
    known.keep(like, one)
    two = root(module, "two", b"# lock\n")
    other = Likeness.of(two)
    assert other
    assert known.restore(other, two)
    assert two.lock_file() == b"# more\n"
    known.forget(other, two)
    assert two.lock_file() == b"# lock\n"
    assert not list((two.folder / ".terraform").iterdir())
    assert not known.restore(other, two)


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ('plan failed: Backend initialization required, please run "tofu init": Reason: …', True),
        ('plan failed: main.tf:1: Module not installed: This module is not yet installed. Run "tofu init" to …', True),
        ("plan failed: the cached package does not match any of the checksums recorded, run tofu init to ensure", True),
        ("plan failed: there is no package for registry.opentofu.org/hashicorp/aws 6.1.0 cached in .terraform", True),
        ("apply failed: creating the bucket: access denied", False),
    ],
)  # fmt: skip
def test_only_a_root_that_was_not_fit_gets_another_init(message, wanted):
    """Any other failure of a command is the command's own."""
    assert wants_init(ToolError(message, 1)) is wanted
