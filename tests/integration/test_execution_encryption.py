"""State and saved plans on disk hold no clear text where the environment asks for encryption."""

from __future__ import annotations

from pathlib import Path

import pytest

from execution_fixtures import program, stack
from workers.core.environment import Encryption
from workers.core.errors import SettingError, ToolError
from workers.core.records import Operation
from workers.execution.encryption import encryption_variable
from workers.execution.terraform import Call

pytestmark = pytest.mark.tofu

CLEAR = "a text that nobody shall find"
PASSPHRASE = "correct horse battery staple"


def encrypted(passphrase: str = PASSPHRASE, *, migrate: bool = False) -> Call:
    asked = Encryption(passphrase="secret://env/X", migrate=migrate)
    return Call(env=encryption_variable(asked, passphrase, "OpenTofu"))


@pytest.fixture(autouse=True)
def tofu_only() -> None:
    if "tofu" not in program().name:
        pytest.skip("only OpenTofu encrypts")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "terraform.tfstate" in path.name]


async def test_neither_state_nor_plan_holds_clear_text(tmp_path):
    """What a module puts into its state is unreadable on disk, in the saved plan too, and the next plan is empty."""
    one = await stack(tmp_path, "values")
    root, planned = await one.plan({"text": CLEAR}, call=encrypted())
    assert CLEAR.encode() not in planned.plan
    assert planned.facts.counts.create == 0
    await one.tool.apply(root, planned.plan, call=encrypted())
    states = files(one.folder / "state")
    assert states
    assert not [path for path in states if CLEAR.encode() in path.read_bytes()]
    _, again = await one.plan({"text": CLEAR}, call=encrypted())
    assert not again.facts.has_changes


async def test_another_passphrase_reads_nothing(tmp_path):
    """With a wrong passphrase, or none, the plan fails and changes nothing."""
    one = await stack(tmp_path, "values")
    root, planned = await one.plan({"text": CLEAR}, call=encrypted())
    await one.tool.apply(root, planned.plan, call=encrypted())
    before = files(one.folder / "state")[0].read_bytes()
    for wrong in (encrypted("some other long passphrase"), Call()):
        with pytest.raises(ToolError):
            await one.plan({"text": CLEAR}, call=wrong)
    assert files(one.folder / "state")[0].read_bytes() == before


async def test_a_clear_state_is_refused_until_it_may_be_migrated(tmp_path):
    """A state from before is not taken for an encrypted one by accident; with 'migrate' the next apply encrypts it."""
    one = await stack(tmp_path, "values")
    root, planned = await one.plan({"text": CLEAR})
    await one.tool.apply(root, planned.plan, call=Call())
    with pytest.raises(ToolError):
        await one.plan({"text": "new"}, call=encrypted())
    root, planned = await one.plan({"text": CLEAR + "!"}, call=encrypted(migrate=True))
    await one.tool.apply(root, planned.plan, call=encrypted(migrate=True))
    state = one.folder / "state" / "test" / "one" / "terraform.tfstate"
    assert CLEAR.encode() not in state.read_bytes()
    _, again = await one.plan({"text": CLEAR + "!"}, operation=Operation.APPLY, call=encrypted())
    assert not again.facts.has_changes


@pytest.mark.parametrize(
    ("passphrase", "product", "words"), [("short", "OpenTofu", "16"), (PASSPHRASE, "Terraform", "Terraform")]
)
def test_what_cannot_encrypt_is_refused(passphrase, product, words):
    """A short passphrase and a tool without encryption are told before anything runs."""
    with pytest.raises(SettingError, match=words):
        encryption_variable(Encryption(passphrase="secret://env/X"), passphrase, product)
