"""``terraform.<module>.drift`` with a real tool: what was changed outside is found, named and left as it is."""

from __future__ import annotations

import json

import pytest

from compliance_fixtures import Desk, desk
from workers.core.compliance import ScanKind
from workers.core.job import Refused

pytestmark = pytest.mark.tofu

PIN = "the-pin-that-nobody-shall-read"


@pytest.fixture
async def one(tmp_path, tofu) -> Desk:
    """An applied stack with a sensitive input."""
    made = await desk(tmp_path, tofu)
    await made.apply(text="Hello", pin=PIN)
    return made


async def test_an_untouched_stack_has_not_drifted(one):
    """With the recorded inputs, which the job is not given, nothing differs."""
    drift = await one.drift()
    assert (drift["drifted"], drift["count"], drift["summary"]) == (False, 0, "no drift")


async def test_what_was_removed_outside_is_found_and_not_made_again(one):
    """The address is named, the state is as it was, the file stays away, and a second look says the same."""
    state = one.context.data / "state" / "local" / "one" / "terraform.tfstate"
    before = state.read_bytes()
    (one.folder / "note.txt").unlink()
    drift = await one.drift()
    assert [(f["rule"], f["severity"]) for f in drift["findings"]] == [("drift.create", "high")]
    assert drift["findings"][0]["place"] == "module.stack.local_file.note"
    assert not (one.folder / "note.txt").exists()
    assert state.read_bytes() == before
    assert (await one.drift())["findings"] == drift["findings"]


async def test_no_secret_leaves_the_run(one):
    """A drifted sensitive value is in no result, log or record of the run."""
    state = one.context.data / "state" / "local" / "one" / "terraform.tfstate"
    state.write_text(state.read_text().replace(PIN, "another-pin-of-somebody"))
    drift = await one.drift(check="7")
    assert [f["rule"] for f in drift["findings"]] == ["drift.update"]
    kept = [p for p in (one.context.data / "store").rglob("*") if p.is_file() and {"runs", "checks"} & set(p.parts)]
    texts = [json.dumps(drift), *(p.read_text(errors="replace") for p in kept)]
    assert len(texts) > 3
    assert not [text for text in texts if PIN in text or "another-pin-of-somebody" in text]


async def test_a_module_that_was_edited_since_is_named_as_the_reason(one):
    """What differs because of the module's files is told from what somebody did outside."""
    more = 'resource "terraform_data" "more" {\n  input = "new"\n}\n'
    (one.context.project / "terraform" / "modules" / "note" / "more.tf").write_text(more)
    await one.do("drift", check="7")
    scan = await one.context.checks.scan("7", "local/one", ScanKind.DRIFT)
    assert [f.place for f in scan.findings] == ["module.stack.terraform_data.more"]
    assert "module was changed after the last apply" in scan.findings[0].detail


async def test_a_failed_look_is_kept_with_its_reason(one):
    """PLAN_FAILED for the model, and a failed scan in the store, so that no report calls the stack clean."""
    (one.context.project / "terraform" / "modules" / "note" / "main.tf").write_text('resource "nothing" {\n')
    outcome = await one.do("drift", check="7")
    assert isinstance(outcome, Refused)
    assert outcome.code == "PLAN_FAILED"
    scan = await one.context.checks.scan("7", "local/one", ScanKind.DRIFT)
    assert scan.failed
    assert scan.findings == ()


async def test_a_stack_that_was_never_applied_cannot_drift(tmp_path, tofu):
    """It is refused with the reason, and no tool runs."""
    made = await desk(tmp_path, tofu)
    await made.do("plan", inputs={"path": str(made.folder / "note.txt")})
    outcome = await made.do("drift")
    assert isinstance(outcome, Refused)
    assert "never applied" in outcome.message
