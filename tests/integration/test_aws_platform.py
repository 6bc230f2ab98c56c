"""The platform: the tests of its parts, its life from the first plan to nothing left, and what its plans promise.

With the real provider (where a registry answers) the parts' own tests and `validate` run; a plan would need an
account. With the stand-in everything runs; what that proves is in docs/explanation/verification-on-aws.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from aws_fixtures import TERRAFORM, Root, copied
from needs import missing
from tools.aws_inventory import INVENTORY, OVERRIDE, SIZES, inventory
from tools.aws_provider import AwsProvider, ensure_aws_provider
from workers.core.errors import MissingToolError
from workers.core.settings import Settings
from workers.setup.tofu import Tofu

pytestmark = pytest.mark.tofu

PLATFORM = TERRAFORM / "platform"
PARTS = sorted(str(tests.parent.relative_to(TERRAFORM)) for tests in PLATFORM.rglob("tests") if tests.is_dir())
VALUES = "-var-file=example.tfvars"


@dataclass(frozen=True)
class Life:
    """What became of a platform: its plan, what it was when it stood, and what was left of it.

    Attributes:
        made: the resources that stood, by type.
    """

    plan: dict[str, Any]
    made: dict[str, list[dict[str, Any]]]
    left: str


@pytest.fixture(scope="module")
def provider() -> AwsProvider:
    """The AWS provider, or its stand-in."""
    try:
        return ensure_aws_provider(Settings())
    except MissingToolError as error:
        missing(error)
        raise


@pytest.fixture(scope="module")
def root(tofu: Tofu, provider: AwsProvider, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Root]:
    """A folder below ``terraform/``, copied and initialised, with its state beside it."""

    def ready(folder: str) -> Root:
        found = copied(tofu.path, provider, folder, tmp_path_factory.mktemp("tree"), Settings().cache / "plugins")
        if folder == "platform":
            (found.folder / "backend_override.tf").write_text(OVERRIDE)
            found.run("init", "-input=false")
        return found

    return ready


@pytest.fixture(scope="module")
def platform(root: Callable[[str], Root], provider: AwsProvider) -> Root:
    """The platform, ready for plans."""
    if not provider.simulated:
        pytest.skip("a plan with the real provider needs an AWS account")
    return root("platform")


@pytest.fixture(scope="module")
def life(platform: Root) -> Life:
    """The life of a platform of the size production."""
    values = (VALUES, "-var=size=production")
    plan = platform.planned(*values)
    platform.run("apply", "-input=false", "plan")
    made = _by_type(json.loads(platform.run("show", "-json")))
    platform.run("plan", "-input=false", "-detailed-exitcode", *values)
    platform.run("destroy", "-input=false", "-auto-approve", *values)
    return Life(plan, made, platform.run("state", "list"))


def _by_type(state: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}

    def walk(module: dict[str, Any]) -> None:
        for resource in module.get("resources", []):
            if resource["mode"] == "managed":
                found.setdefault(resource["type"], []).append(resource["values"])
        for child in module.get("child_modules", []):
            walk(child)

    walk(state["values"]["root_module"])
    return found


@pytest.mark.parametrize("part", PARTS)
def test_each_parts_own_tests_pass(root: Callable[[str], Root], part: str) -> None:
    """Every assertion and every refusal of the part's .tftest.hcl files holds, and there are some."""
    told = root(part).run("test")
    assert int(re.findall(r"(\d+) passed, 0 failed", told)[0]) >= 2


def test_the_bootstrap_lives_and_leaves_nothing(root: Callable[[str], Root], provider: AwsProvider) -> None:
    """The bucket of the platform's state plans, applies, is then without changes, and is destroyed to nothing."""
    if not provider.simulated:
        pytest.skip("a plan with the real provider needs an AWS account")
    plan = root("platform/bootstrap").live("-var=account=123456789012")
    assert any(c["type"] == "aws_s3_bucket_versioning" for c in plan["resource_changes"])


def test_the_platform_lives_and_leaves_nothing(life: Life) -> None:
    """A platform plans, applies, is then without changes, and is destroyed to nothing."""
    changes = [c for c in life.plan["resource_changes"] if c["mode"] == "managed"]
    assert len(changes) > 150
    assert all(c["change"]["actions"] == ["create"] for c in changes)
    assert life.left == ""


@pytest.mark.parametrize("size", SIZES)
def test_the_inventory_is_that_of_the_plan(platform: Root, life: Life, size: str) -> None:
    """The documentation's tables of resources and costs come from what a plan of that size makes today."""
    plan = life.plan if size == "production" else platform.planned(VALUES, f"-var=size={size}")
    assert json.loads(INVENTORY.read_text())[size] == inventory(plan), "run tools/aws_inventory.py and tools/docs.py"


def test_an_environment_of_another_account_is_made_as_the_readme_says(platform: Root) -> None:
    """The example in the README gives the two roles and the key ``cloud`` of the environment's file."""
    example = re.search(r"```hcl\n(.*?)```", (PLATFORM / "README.md").read_text(), re.DOTALL)
    assert example
    other = replace(platform, folder=platform.folder.parents[1])
    (other.folder / "main.tf").write_text('provider "aws" {\n  region = "eu-central-1"\n}\n\n' + example[1])
    other.run("init", "-input=false")
    other.live()


def test_every_role_has_the_boundary(life: Life) -> None:
    """No role of the platform can go beyond its boundary, and none has a policy that allows everything."""
    boundary = life.made["aws_iam_policy"][0]["arn"]
    assert {role["permissions_boundary"] for role in life.made["aws_iam_role"]} == {boundary}
    for policy in life.made["aws_iam_role_policy"]:
        for statement in json.loads(policy["policy"])["Statement"]:
            assert statement["Effect"] == "Deny" or "*" not in _listed(statement.get("Action")), policy["name"]


def test_every_bucket_is_closed(life: Life) -> None:
    """Each bucket is private, versioned, encrypted, and answers over TLS only."""
    buckets = {bucket["id"] for bucket in life.made["aws_s3_bucket"]}
    assert len(buckets) == 3
    for kind in (
        "public_access_block",
        "versioning",
        "server_side_encryption_configuration",
        "lifecycle_configuration",
    ):
        assert {found["bucket"] for found in life.made[f"aws_s3_bucket_{kind}"]} == buckets, kind
    policies = life.made["aws_s3_bucket_policy"]
    assert {policy["bucket"] for policy in policies} == buckets
    assert all("OnlyOverTls" in policy["policy"] for policy in policies)


def test_only_people_come_in_from_outside(life: Life) -> None:
    """From outside of the network only named ranges get in, over HTTPS; SSH goes from nodes to machines only."""
    rules = life.made["aws_vpc_security_group_ingress_rule"]
    outside = [rule for rule in rules if rule["cidr_ipv4"] and not rule["cidr_ipv4"].startswith("10.30.")]
    assert [(rule["cidr_ipv4"], rule["from_port"], rule["to_port"]) for rule in outside] == [
        ("203.0.113.0/24", 443, 443)
    ]
    groups = {group["name"]: group["id"] for group in life.made["aws_security_group"]}
    ssh = [rule for rule in rules if rule["from_port"] <= 22 <= rule["to_port"]]
    assert [(rule["security_group_id"], rule["referenced_security_group_id"]) for rule in ssh] == [
        (groups["sluis-machines"], groups["sluis-nodes"])
    ]


def test_ssh_goes_to_machines_and_named_hosts_only(life: Life) -> None:
    """The nodes' SSH ends at the workload subnets and at the ranges of hosts that the platform was told."""
    rules = life.made["aws_vpc_security_group_egress_rule"]
    ssh = {rule["cidr_ipv4"] for rule in rules if rule["from_port"] and rule["from_port"] <= 22 <= rule["to_port"]}
    assert ssh == {"10.30.64.0/18", "192.0.2.0/24"}


def test_logs_are_encrypted_and_end(life: Life) -> None:
    """Each log group has a key and an end date."""
    assert all(group["kms_key_id"] and group["retention_in_days"] for group in life.made["aws_cloudwatch_log_group"])


def test_the_way_out_is_in_every_zone(life: Life) -> None:
    """In production each private subnet's way out is in its own zone, and the database's subnets have none."""
    subnets = {subnet["id"]: subnet for subnet in life.made["aws_subnet"]}
    tables = {a["route_table_id"]: subnets[a["subnet_id"]] for a in life.made["aws_route_table_association"]}
    gateways = {gateway["id"]: subnets[gateway["subnet_id"]] for gateway in life.made["aws_nat_gateway"]}
    ways = [
        (tables[r["route_table_id"]], gateways[r["nat_gateway_id"]])
        for r in life.made["aws_route"]
        if r["nat_gateway_id"]
    ]
    assert len(ways) == 6
    assert all(subnet["availability_zone"] == gateway["availability_zone"] for subnet, gateway in ways)
    routed = {tables[route["route_table_id"]]["tags"]["Tier"] for route in life.made["aws_route"]}
    assert routed == {"orchestrator", "workload", "public"}


def test_a_plan_role_cannot_change_anything(life: Life) -> None:
    """The role that plans assume may only describe, get and list; that of applies may not touch the platform."""
    names = {role["id"]: role["name"] for role in life.made["aws_iam_role"]}
    by_role = {(names[p["role"]], p["name"]): json.loads(p["policy"]) for p in life.made["aws_iam_role_policy"]}
    plan = [policy for (role, _), policy in by_role.items() if role == "sluis-example-test-plan"]
    actions = [a for policy in plan for s in policy["Statement"] for a in _listed(s["Action"])]
    assert actions
    assert all(re.match(r"[a-z0-9-]+:(Describe|Get|List)", action) for action in actions)
    denied = [s["Sid"] for s in by_role["sluis-example-test-apply", "write"]["Statement"] if s["Effect"] == "Deny"]
    assert denied == ["ChangeNothingOfThePlatform", "NoBucketOfThePlatform"]


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []
