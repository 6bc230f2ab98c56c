"""What is missing in an environment, and what a demonstration looks at."""

from __future__ import annotations

from pathlib import Path

from service_kit import parts, project
from workers.catalogue.environments import environment_names
from workers.core.records import Approval, Decision, Evidence, Run
from workers.core.values import now
from workers.service.checks import Finding, check_environment, check_project, has_problems
from workers.service.demo_checks import _decided

PROJECT = Path(__file__).resolve().parents[2]
BROKEN = """
name: broken
machine:
  module: box
  inputs: {size: 3}
connection:
  private_key: secret://env/SLUIS_TEST_NO_SUCH_KEY
variables:
  TOKEN: secret://file/none
hosts:
  db1: {address: 10.0.0.1}
people: {approvers: ops, groups: {ops: []}}
"""


def test_every_problem_of_an_environment_is_told_in_one_go(tmp_path: Path) -> None:
    """Module inputs, people, key, secrets and host keys are all looked at before anything is said."""
    folder = project(tmp_path)
    (folder / "environments" / "broken.yaml").write_text(BROKEN)
    found = check_environment(parts(folder).context, "broken")
    wrong = "\n".join(f"{c.part} {c.detail}" for c in found if c.finding is Finding.PROBLEM)
    for words in (
        "size",
        "name",
        "nobody belongs to the approving group 'ops'",
        "SLUIS_TEST_NO_SUCH_KEY",
        "TOKEN",
        "db1",
    ):
        assert words in wrong


def test_a_complete_environment_has_no_problem(tmp_path: Path) -> None:
    """An environment without a machine works, with a warning."""
    found = check_environment(parts(project(tmp_path)).context, "local")
    assert not has_problems(found)
    assert [c.finding for c in found] == [Finding.OK, Finding.WARNING]


def test_the_environments_of_the_project_can_be_checked() -> None:
    """What they say about machines fits the modules; only what each installation has to set is missing."""
    context = parts(PROJECT).context
    for name in environment_names(PROJECT):
        wrong = [c for c in check_environment(context, name) if c.finding is Finding.PROBLEM and "machine" in c.part]
        assert wrong == [], name


def test_an_environment_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """A broken or missing file is told as a problem, not raised, so that the others are looked at too."""
    folder = project(tmp_path)
    (folder / "environments" / "torn.yaml").write_text("people: [")
    assert has_problems(check_environment(parts(folder).context, "torn"))
    assert has_problems(check_environment(parts(folder).context, "nope"))


def test_a_module_that_does_not_parse_is_told_with_its_line(tmp_path: Path) -> None:
    """A broken module is one problem with file and line; the others stand."""
    folder = project(tmp_path)
    bad = folder / "terraform" / "modules" / "bad"
    bad.mkdir()
    (bad / "main.tf").write_text('variable "a" {\n  type = \n')
    checks = check_project(parts(folder).settings)
    [wrong] = [c for c in checks if c.finding is Finding.PROBLEM]
    assert "bad" in wrong.part
    assert "main.tf:" in wrong.detail
    assert any(c.part == "modules" and "box" in c.detail for c in checks)


def approval(approver: str, *, counts: bool = True) -> Approval:
    return Approval(
        change="0" * 64, decision=Decision.APPROVED, approver=approver, evidence=Evidence.ENGINE, user_task=1,
        verified_by=2, counts=counts, created=now(),
    )  # fmt: skip


def test_the_demonstration_wants_a_second_person() -> None:
    """An applied change without a counting approval of somebody else is not verified; no change needs none."""
    run = Run(
        id="1-1",
        job_type="terraform.box.apply",
        job_key=1,
        attempt=1,
        element_instance=1,
        process_instance=1,
        created=now(),
    )
    assert _decided(run, (approval("act"),), "demo").good
    assert not _decided(run, (approval("demo"),), "demo").good
    assert not _decided(run, (approval("act", counts=False),), "demo").good
    assert not _decided(run, (approval("act"),), "").good
    assert not _decided(run, (), "demo").good
    assert _decided(None, (), "demo").good
    assert not _decided(None, (approval("act"),), "demo").good
