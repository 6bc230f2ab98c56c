"""Exceptions from what Checkov asks for."""

from __future__ import annotations

from tools.scan import TERRAFORM, skips_without_reason


def test_every_exception_has_its_reason():
    """No finding is skipped in silence, and there are exceptions to look at."""
    assert any("checkov:skip=" in file.read_text() for file in TERRAFORM.rglob("*.tf"))
    assert list(skips_without_reason(TERRAFORM)) == []


def test_an_exception_without_a_reason_is_noticed(tmp_path):
    """A skip that says nothing, or next to nothing, is a problem that names the finding."""
    skips = ("CKV_AWS_1", "CKV_AWS_2:no", "CKV_AWS_3:Nobody waits for events of it")
    (tmp_path / "main.tf").write_text("".join(f"# checkov:skip={skip}\n" for skip in skips))
    problems = list(skips_without_reason(tmp_path))
    assert [("CKV_AWS_1" in p, "CKV_AWS_2" in p) for p in problems] == [(True, False), (False, True)]
