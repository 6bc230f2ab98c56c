"""Pages on the platform in AWS: its resources, what they cost, and the metrics that alarms are made of.

Made from ``terraform/platform/inventory.json`` (see ``tools/aws_inventory.py``), from ``aws_resources.json`` (what each
type is for), ``aws_prices.json`` (unit prices with their sources) and ``terraform/platform/monitoring/metrics.json``.
``tools/docs.py`` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
PLATFORM: Final = PROJECT / "terraform" / "platform"
_NOTE: Final = "<!-- Generated from {source} by tools/docs.py; edit the source and run it again. -->"


def resources_page() -> str:
    """Every resource with its purpose, module and what makes it cost."""
    purposes = _read(PROJECT / "tools" / "aws_resources.json")
    inventories = _read(PLATFORM / "inventory.json")
    rows = [
        (f"`{type_}`", f"`{module}`", *map(str, counts), purposes[type_]["purpose"], purposes[type_]["cost"])
        for (module, type_), counts in sorted(_counts(inventories).items())
    ]
    totals = [str(sum(r["count"] for r in inventory["resources"])) for inventory in inventories.values()]
    rows.append(("all", "", *totals, "", ""))
    intro = (
        "What [the platform](../../terraform/platform/README.md) makes, counted in its plan with the values of "
        "`terraform/platform/example.tfvars`, for each size. A module is a folder of `terraform/platform`. What "
        "processes make in environments is not in here, and neither are load balancers and disks that pods ask for."
    )
    head = ("Resource", "Module", *inventories, "Purpose", "Costs")
    return _page("terraform/platform/inventory.json", "AWS resources", intro, _table(head, rows))


def costs_page() -> str:
    """What each size costs in a month, from unit prices and quantities."""
    prices, inventories = _read(PROJECT / "tools" / "aws_prices.json"), _read(PLATFORM / "inventory.json")
    amounts = {size: monthly(prices, size, inventory) for size, inventory in inventories.items()}
    keys = [key for key in prices["prices"] if any(key in amounts[size] for size in amounts)]
    rows = [(prices["prices"][key]["what"], *(_cell(amounts[size].get(key)) for size in amounts)) for key in keys]
    rows.append(("**Together**", *(f"**{sum(cost for _, cost in a.values()):,.0f}**" for a in amounts.values())))
    return _page(
        "terraform/platform/inventory.json and tools/aws_prices.json",
        "What the platform costs",
        _costs_intro(prices),
        _table(("", *amounts), rows),
        "## Not in here\n\n"
        "- **Camunda's licence.** Camunda 8 needs one in production from 8.6 on; ask Camunda for a price.\n"
        "- Taxes, support plans, savings plans and reserved capacity.\n"
        "- What processes make in environments, data that leaves AWS, requests to S3 and KMS, and whatever nodes and "
        "database take beyond their least number under load.\n",
        "## What is assumed\n\n"
        "The plan does not say how much is used. These quantities are assumptions; change them in "
        "`tools/aws_prices.json` and run `tools/docs.py`.\n\n" + _usage(prices, tuple(amounts)),
        "## Unit prices\n\n" + _sources(prices),
    )


def totals() -> dict[str, float]:
    """What each size costs in a month, in US dollars."""
    prices, inventories = _read(PROJECT / "tools" / "aws_prices.json"), _read(PLATFORM / "inventory.json")
    return {
        size: sum(cost for _, cost in monthly(prices, size, inventory).values())
        for size, inventory in inventories.items()
    }


def monthly(prices: Mapping[str, Any], size: str, inventory: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Quantity and cost in a month, by price.

    Raises:
        KeyError: a quantity has no price.
    """
    used = {key: amounts[size] for key, amounts in prices["usage"].items()}
    found = {}
    for key, quantity in {**inventory["quantities"], **used}.items():
        price = prices["prices"][key]
        times = prices["hours_per_month"] if price["per"] == "hour" else 1
        if quantity:
            found[key] = (quantity, quantity * price["usd"] * times)
    return found


def metrics_page() -> str:
    """The metrics in CloudWatch, and the alarms on them."""
    metrics = _read(PLATFORM / "monitoring" / "metrics.json")
    rows = [
        (
            f"`{name}`",
            "; ".join(", ".join(f"`{d}`" for d in set_) for set_ in entry["dimensions"]),
            entry["statistic"],
            entry["why"],
        )
        for name, entry in sorted(metrics.items())
    ]
    intro = (
        "The collector of the chart reads `/metrics` of each worker once a minute and writes these figures as metrics "
        "of the namespace `Sluis`, in CloudWatch's embedded metric format. The names are those of "
        "[the metrics of a worker](metrics.md). `Installation` is the platform's `name`. Dashboard and alarms of "
        "`terraform/platform/monitoring` are made from the same table, "
        "`terraform/platform/monitoring/metrics.json`, and so is the collector's configuration, the output "
        "`collector_config` of the platform."
    )
    head = ("Metric", "Dimensions", "Statistic", "What for")
    return _page("terraform/platform/monitoring/metrics.json", "Metrics in CloudWatch", intro, _table(head, rows))


def _counts(inventories: Mapping[str, Any]) -> dict[tuple[str, str], list[int]]:
    """How many of each type each module makes, in the order of the sizes."""
    found: dict[tuple[str, str], list[int]] = {}
    for place, inventory in enumerate(inventories.values()):
        for resource in inventory["resources"]:
            counts = found.setdefault((resource["module"], resource["type"]), [0] * len(inventories))
            counts[place] = resource["count"]
    return found


def _costs_intro(prices: Mapping[str, Any]) -> str:
    return (
        f"US dollars in a month of {prices['hours_per_month']} hours, on demand, at the prices of "
        f"**{prices['region']}**: those are the ones that public sources name. Other regions differ: compare with "
        "AWS's calculator before you decide. Quantities come from the plan, see [AWS resources](aws-resources.md). "
        "Each cell is the quantity, and what it costs."
    )


def _cell(found: tuple[float, float] | None) -> str:
    return f"{found[0]:g} · {found[1]:,.2f}" if found else "—"


def _usage(prices: Mapping[str, Any], sizes: Sequence[str]) -> str:
    rows = [
        (prices["prices"][key]["what"], *(f"{amounts[size]:g}" for size in sizes))
        for key, amounts in prices["usage"].items()
    ]
    return _table(("", *sizes), rows)


def _sources(prices: Mapping[str, Any]) -> str:
    rows = [
        (price["what"], f"{price['usd']:g}", price["per"], price["as_of"], f"<{price['source']}>")
        for price in prices["prices"].values()
    ]
    return _table(("", "US dollars", "per", "as of", "source"), rows)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _page(source: str, title: str, *parts: str) -> str:
    return "\n\n".join([_NOTE.format(source=source), f"# {title}", *(part.strip() for part in parts)]) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (header, *rows)]
    lines.insert(1, "|" + " --- |" * len(header))
    return "\n".join(lines)
