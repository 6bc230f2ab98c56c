"""What a platform of each size is made of, from its plan: ``terraform/platform/inventory.json``.

Usage: ``python tools/aws_inventory.py`` plans the platform once for each size and writes the file;
``tools/docs.py`` makes the tables of AWS resources and of costs from it. With the stand-in for the AWS provider no
account is needed; with the real provider a plan asks for credentials.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tools.aws_provider import AwsProvider, ensure_aws_provider  # noqa: E402
from workers.core.settings import Settings  # noqa: E402
from workers.setup import Quiet, ensure_tofu  # noqa: E402

INVENTORY: Final = PROJECT / "terraform" / "platform" / "inventory.json"
SIZES: Final = ("poc", "small", "production")
OVERRIDE: Final = 'terraform {\n  backend "local" {}\n}\n'
"""Takes the place of the S3 backend, in a copy, where there is no bucket."""

_MODULE: Final = re.compile(r"^module\.(\w+)")


def inventory(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the plan makes: how many of each type by module, and the quantities that cost money by themselves."""
    made = [_Resource(change) for change in plan["resource_changes"] if change["mode"] == "managed"]
    counted = Counter((resource.module, resource.type) for resource in made)
    resources = [{"module": module, "type": type_, "count": n} for (module, type_), n in sorted(counted.items())]
    return {"resources": resources, "quantities": dict(sorted(_quantities(made).items()))}


class _Resource:
    """A resource of a plan."""

    def __init__(self, change: Mapping[str, Any]) -> None:
        found = _MODULE.match(change["address"])
        self.module = found[1] if found else "(root)"
        self.type: str = change["type"]
        self.index = change.get("index")
        self.after: Mapping[str, Any] = change["change"]["after"] or {}


def _quantities(made: list[_Resource]) -> dict[str, float]:
    def all_of(type_: str) -> list[_Resource]:
        return [resource for resource in made if resource.type == type_]

    zones = len({subnet.after["availability_zone"] for subnet in all_of("aws_subnet")})
    interfaces = [e for e in all_of("aws_vpc_endpoint") if e.after["vpc_endpoint_type"] == "Interface"]
    return {
        **_nodes(all_of("aws_eks_node_group"), all_of("aws_launch_template")),
        "acu": _capacity(all_of("aws_rds_cluster"), len(all_of("aws_rds_cluster_instance"))),
        "alarm_metrics": sum(_metrics(alarm.after) for alarm in all_of("aws_cloudwatch_metric_alarm")),
        "dashboards": len(all_of("aws_cloudwatch_dashboard")),
        "eks_clusters": len(all_of("aws_eks_cluster")),
        "interface_endpoint_zones": len(interfaces) * zones,
        "kms_keys": len(all_of("aws_kms_key")),
        "nat_gateways": len(all_of("aws_nat_gateway")),
        "public_addresses": len(all_of("aws_eip")),
        # One more is the password that RDS keeps.
        "secrets": len(all_of("aws_secretsmanager_secret")) + len(all_of("aws_rds_cluster")),
    }


def _nodes(groups: list[_Resource], templates: list[_Resource]) -> dict[str, float]:
    """Nodes at their least number by instance type, and their disks in GB."""
    disks = {t.index: t.after["block_device_mappings"][0]["ebs"][0]["volume_size"] for t in templates}
    found: Counter[str] = Counter()
    for group in groups:
        least = group.after["scaling_config"][0]["min_size"]
        found[f"node {group.after['instance_types'][0]}"] += least
        found["node_disk_gb"] += least * disks[group.index]
    return dict(found)


def _capacity(clusters: list[_Resource], instances: int) -> float:
    least = sum(c.after["serverlessv2_scaling_configuration"][0]["min_capacity"] for c in clusters)
    return float(least * instances)


def _metrics(alarm: Mapping[str, Any]) -> int:
    return sum(1 for query in alarm.get("metric_query") or () if query.get("metric")) or 1


def planned(size: str, folder: Path, tofu: Path, provider: AwsProvider) -> dict[str, Any]:
    """The plan of a size, in a folder that is initialised, as JSON."""
    values = ("-var-file=example.tfvars", f"-var=size={size}")
    _run(tofu, provider, folder, "plan", "-input=false", f"-out={size}.plan", *values)
    shown: dict[str, Any] = json.loads(_run(tofu, provider, folder, "show", "-json", f"{size}.plan"))
    return shown


def _run(tofu: Path, provider: AwsProvider, folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "TF_CLI_ARGS": "-no-color", "CHECKPOINT_DISABLE": "1"}
    environment["TF_CLI_CONFIG_FILE"] = str(provider.cli_config or os.devnull)
    done = subprocess.run(
        [tofu, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"tofu {' '.join(arguments)} failed:\n{done.stdout}")
    return done.stdout


def _inventories() -> Iterator[tuple[str, dict[str, Any]]]:
    tofu = asyncio.run(ensure_tofu(Settings(), Quiet()))
    provider = ensure_aws_provider(Settings())
    with tempfile.TemporaryDirectory() as scratch:
        ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*")
        tree = shutil.copytree(PROJECT / "terraform", Path(scratch) / "terraform", ignore=ignored)
        folder = tree / "platform"
        (folder / "backend_override.tf").write_text(OVERRIDE, encoding="utf-8")
        _run(tofu.path, provider, folder, "init", "-input=false")
        for size in SIZES:
            yield size, inventory(planned(size, folder, tofu.path, provider))


def text(inventories: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(inventories, indent=1) + "\n"


if __name__ == "__main__":
    INVENTORY.write_text(text(dict(_inventories())), encoding="utf-8")
    print(f"wrote {INVENTORY.relative_to(PROJECT)}")
