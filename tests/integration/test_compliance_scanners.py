"""Checkov and Conftest as they are, on modules and plans; what they print becomes findings, and trouble an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compliance_fixtures import PROJECT, SECRET, desk
from execution_fixtures import Events
from handlers_kit import Lease, job
from needs import missing
from workers.core.compliance import ScanKind, Severity
from workers.core.errors import MissingToolError, ToolError
from workers.core.job import Done, Refused
from workers.core.settings import Settings
from workers.execution.process import Control
from workers.execution.scanners import checkov_findings, conftest_findings, read_checkov, read_conftest
from workers.handlers.scanning import scan_workers
from workers.setup.scanners import scanner_command

BUCKET = 'resource "aws_s3_bucket" "open" {\n  bucket = "open"\n  acl    = "public-read"\n}\n'
PLAN = {
    "resource_changes": [
        {
            "address": "aws_db_instance.one",
            "type": "aws_db_instance",
            "change": {"after": {"storage_encrypted": False}},
        },
        {
            "address": "aws_vpc_security_group_ingress_rule.ssh",
            "type": "aws_vpc_security_group_ingress_rule",
            "change": {"after": {"cidr_ipv4": "0.0.0.0/0", "from_port": 0, "to_port": 65535}},
        },
        {"address": "aws_db_instance.gone", "type": "aws_db_instance", "change": {"after": None}},
    ]
}


def command(name: str) -> tuple[str, ...]:
    """How the scanner is called here."""
    try:
        return scanner_command(Settings(), name)
    except MissingToolError as error:
        missing(error)
        raise


async def test_checkov_names_what_is_wrong_with_a_module(tmp_path: Path) -> None:
    """A public bucket is found, by rule and resource, with line and help; examples are left out."""
    (tmp_path / "main.tf").write_text(BUCKET)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "main.tf").write_text(BUCKET.replace('"open" {', '"example" {'))
    found = await checkov_findings(command("checkov"), tmp_path, "local/web1", control=Control(), sink=Events())
    public = next(f for f in found if f.rule == "CKV_AWS_20")
    assert (public.place, public.kind, public.severity) == ("aws_s3_bucket.open", ScanKind.MODULE, Severity.MEDIUM)
    assert public.detail == "main.tf, line 1"
    assert {f.place for f in found} == {"aws_s3_bucket.open"}


async def test_a_module_that_checkov_cannot_read_is_not_clean(tmp_path: Path) -> None:
    """A file that does not parse is an error that names it."""
    (tmp_path / "main.tf").write_text('resource "aws_s3_bucket" {\n')
    with pytest.raises(ToolError, match=r"main\.tf"):
        await checkov_findings(command("checkov"), tmp_path, "local/web1", control=Control(), sink=Events())


def test_a_module_that_does_not_concern_checkov_is_clean() -> None:
    """What it prints then has no results, or is empty."""
    nothing = {"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0, "resource_count": 0}
    assert read_checkov(nothing, "local/web1") == ()
    assert read_checkov([], "local/web1") == ()
    with pytest.raises(ToolError):
        read_checkov(nothing | {"parsing_errors": 1}, "local/web1")


async def test_the_policies_of_the_project_find_what_they_are_for(tmp_path: Path) -> None:
    """An open port and a database in clear, with rule, place and severity; what goes away is left alone."""
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    found = await conftest_findings(
        command("conftest"), PROJECT / "policy", tmp_path / "plan.json", "local/web1", control=Control(), sink=Events()
    )
    assert {(f.rule, f.place, f.severity) for f in found} == {
        ("data_protection.database_not_encrypted", "aws_db_instance.one", Severity.HIGH),
        ("network.open_administration", "aws_vpc_security_group_ingress_rule.ssh", Severity.HIGH),
    }


async def test_a_policy_that_does_not_parse_is_an_error(tmp_path: Path) -> None:
    """It is not taken for a policy that finds nothing."""
    (tmp_path / "plan.json").write_text("{}")
    (tmp_path / "bad.rego").write_text("package main\ndeny[msg] { x }\n")
    with pytest.raises(ToolError, match="rego_parse_error"):
        await conftest_findings(
            command("conftest"), tmp_path, tmp_path / "plan.json", "local/web1", control=Control(), sink=Events()
        )


def test_a_plain_policy_needs_no_metadata() -> None:
    """Its words stand for the place, a warning counts less than a failure."""
    failure, warning = {"msg": "No.", "metadata": {"query": "data.main.deny"}}, {"msg": "Hm."}
    found = read_conftest([{"namespace": "main", "failures": [failure], "warnings": [warning]}], "local/web1")
    assert [(f.rule, f.place, f.severity) for f in found] == [
        ("main.deny", "No.", Severity.MEDIUM),
        ("main.policy", "Hm.", Severity.LOW),
    ]


@pytest.mark.tofu
async def test_a_policy_looks_at_the_plan_of_the_look_for_drift(tmp_path: Path, tofu) -> None:
    """The scan takes the plan by its run, keeps what it found, and fails without one, or without its program."""
    made = await desk(tmp_path, tofu)
    assert SECRET
    (made.context.project / "policy").mkdir()
    (made.context.project / "policy" / "main.rego").write_text(
        "package main\nimport rego.v1\n"
        'deny contains {"msg": "A note", "rule": "note", "place": r.address} if {\n'
        '  some r in input.resource_changes\n  r.type == "local_file"\n}\n'
    )
    await made.apply()
    run = (await made.drift(check="7"))["run"]
    context, found = made.context, command("conftest")
    object.__setattr__(context, "program", lambda _: found)
    scan = scan_workers(context)[0].handler
    given = {"environment": "local", "stack": "one", "check": "7", "kind": "policy"}
    done = await scan(job("compliance.scan", 50, **given, plan=run), Lease())
    assert isinstance(done, Done), done
    kept = await context.checks.scan("7", "local/one", ScanKind.POLICY)
    assert [(f.rule, f.place) for f in kept.findings] == [("main.note", "module.stack.local_file.note")]
    without = await scan(job("compliance.scan", 51, **given), Lease())
    assert isinstance(without, Refused)
    kept = await context.checks.scan("7", "local/one", ScanKind.POLICY)
    assert "no plan" in kept.failed
    given["kind"] = "module"

    def nowhere(name: str) -> tuple[str, ...]:
        raise MissingToolError(f"{name} is not on this machine.")

    object.__setattr__(context, "program", nowhere)
    lacking = await scan(job("compliance.scan", 52, **given), Lease())
    assert isinstance(lacking, Refused)
    assert (lacking.code, "checkov is not" in lacking.message) == ("SCAN_FAILED", True)
