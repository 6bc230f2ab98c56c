"""The tables that tools/figures.py writes into the documents, each made from a file and never typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tools import aws_pages, outcomes, sizing

PROJECT: Final = Path(__file__).resolve().parent.parent
COMPARISON: Final = PROJECT / "docs" / "project" / "comparison.yaml"


def comparison() -> str:
    """Every criterion with its weight and the score of each candidate; the last line has the weighted sums."""
    data = _comparison()
    names = list(data["candidates"])
    rows = [
        [criterion["name"], str(criterion["weight"]), *(str(criterion["scores"][n]["score"]) for n in names)]
        for criterion in data["criteria"]
    ]
    sums = weighted(data, {c["name"]: c["weight"] for c in data["criteria"]})
    titles = [data["candidates"][n]["title"] for n in names]
    return table(
        ["criterion", "weight", *titles], [*rows, ["**weighted**", "", *(f"**{sums[n]:.2f}**" for n in names)]]
    )


def comparison_reasons() -> str:
    """Why each candidate has its score, cell by cell, with the source."""
    data = _comparison()
    parts = []
    for criterion in data["criteria"]:
        rows = [
            [data["candidates"][name]["title"], str(cell["score"]), f"{cell['why']} [source]({cell['source']})"]
            for name, cell in criterion["scores"].items()
        ]
        parts.append(f"### {criterion['name']}\n\n{criterion['means']}\n\n{table(['candidate', 'score', 'why'], rows)}")
    return "\n\n".join(parts)


def sensitivity() -> str:
    """Who comes first when one criterion's weight is doubled, or the criterion is left out."""
    data = _comparison()
    plain = {c["name"]: float(c["weight"]) for c in data["criteria"]}
    rows = [["as weighted", *_first_two(data, plain)]]
    for name, weight in plain.items():
        for words, factor in (("doubled", 2.0), ("left out", 0.0)):
            rows.append([f"{name} {words}", *_first_two(data, {**plain, name: weight * factor})])
    rows.append(["all weights equal", *_first_two(data, dict.fromkeys(plain, 1.0))])
    return table(["weights", "first", "second", "lead"], rows)


def budget() -> str:
    """What the platform costs on AWS in a month and in a year, by size."""
    rows = [[size, f"{cost:,.0f}", f"{12 * cost:,.0f}"] for size, cost in aws_pages.totals().items()]
    return table(["size", "US dollars in a month", "US dollars in a year"], rows)


def weighted(data: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, float]:
    """The weighted mean score of each candidate."""
    whole = sum(weights.values())
    return {
        name: sum(weights[c["name"]] * c["scores"][name]["score"] for c in data["criteria"]) / whole
        for name in data["candidates"]
    }


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _first_two(data: Mapping[str, Any], weights: Mapping[str, float]) -> list[str]:
    (first, most), (second, next_most) = sorted(weighted(data, weights).items(), key=lambda item: -item[1])[:2]
    titles = data["candidates"]
    return [titles[first]["title"], titles[second]["title"], f"{most - next_most:.2f}"]


def _comparison() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(COMPARISON.read_text(encoding="utf-8"))
    return found


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "budget": budget,
    "comparison": comparison,
    "comparison-reasons": comparison_reasons,
    "sensitivity": sensitivity,
    "sizing-measured": sizing.measured,
    "sizing-stacks": sizing.stacks,
    **outcomes.TABLES,
}
