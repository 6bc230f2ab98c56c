"""The pages on AWS: their figures come from the plan and the price list, and from nowhere else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tools.aws_pages import costs_page, metrics_page, monthly, resources_page
from workers.web.metrics import Metrics

PROJECT = Path(__file__).resolve().parents[2]
PLATFORM = PROJECT / "terraform" / "platform"


def read(path: str) -> dict:
    """A data file of the project."""
    return json.loads((PROJECT / path).read_text())


INVENTORIES = read("terraform/platform/inventory.json")
PRICES = read("tools/aws_prices.json")


def test_every_resource_has_a_purpose_and_nothing_else_has() -> None:
    """Each type of resource that a plan makes is explained, and no type that none makes."""
    made = {r["type"] for inventory in INVENTORIES.values() for r in inventory["resources"]}
    purposes = set(read("tools/aws_resources.json"))
    assert made - purposes == set()
    assert f"| `{min(made)}` |" in resources_page()


def test_the_sum_is_the_sum_of_the_lines() -> None:
    """What a size costs together is quantity times price over all lines."""
    found = monthly(PRICES, "poc", INVENTORIES["poc"])
    nodes = INVENTORIES["poc"]["quantities"]["node t3.xlarge"]
    assert found["node t3.xlarge"] == (nodes, pytest.approx(nodes * PRICES["prices"]["node t3.xlarge"]["usd"] * 730))
    total = sum(cost for _, cost in found.values())
    assert f"**{total:,.0f}**" in costs_page()


def test_a_larger_size_costs_more() -> None:
    """The sizes are in the order of what they cost."""
    sums = [sum(cost for _, cost in monthly(PRICES, size, INVENTORIES[size]).values()) for size in INVENTORIES]
    assert sums == sorted(sums)


def test_a_quantity_without_a_price_is_noticed() -> None:
    """A new kind of machine cannot cost nothing by mistake."""
    with pytest.raises(KeyError):
        monthly(PRICES, "poc", {"quantities": {"node x9.large": 1}})


def test_every_price_says_where_it_comes_from() -> None:
    """Each unit price has an address and a date."""
    for name, price in PRICES["prices"].items():
        assert price["source"].startswith("https://"), name
        assert re.search(r"20\d\d-\d\d", price["as_of"]), name


def test_the_metrics_in_cloudwatch_are_those_of_the_workers() -> None:
    """Dashboard, alarms and collector name metrics that workers expose, with labels that these have."""
    families = {f"{f.name}{'_total' if f.type == 'counter' else ''}": f for f in Metrics().registry.collect()}
    labels = {"sluis_jobs_total": {"type", "outcome"}}
    for name, entry in read("terraform/platform/monitoring/metrics.json").items():
        assert name in families, name
        asked = {d for dimensions in entry["dimensions"] for d in dimensions} - {"Installation"}
        assert asked <= labels.get(name, set()), name
        assert f"`{name}`" in metrics_page()


def test_alarms_ask_for_metrics_that_are_carried() -> None:
    """Each alarm's metric is in the table that the collector is configured from."""
    asked = set(re.findall(r'metric(?:_name)?\s*=\s*"(sluis_\w+)"', (PLATFORM / "monitoring/alarms.tf").read_text()))
    assert asked
    assert asked <= set(read("terraform/platform/monitoring/metrics.json"))


def test_every_aws_module_has_its_permissions() -> None:
    """An environment can be given each AWS module of the catalogue: its permissions are listed, reads apart."""
    listed = read("terraform/platform/environment/permissions.json")
    assert set(listed) == {folder.name for folder in (PROJECT / "terraform/modules").glob("aws_*")}
    for name, permissions in listed.items():
        assert all(re.match(r"[a-z0-9-]+:(Describe|Get|List)", a) for a in permissions["read"]), name
        assert not any("*" in action for action in permissions["write"]), name
