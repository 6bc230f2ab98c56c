"""From the figures of a run to the picture and the tables in the documentation.

Usage: ``python -m bench.report RESULT.json`` publishes a result: a copy in ``bench/published.json``, the picture and
the figures in ``docs/explanation/performance.md``. Nothing there is typed by hand; a unit test compares.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from statistics import median
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
PUBLISHED: Final = PROJECT / "bench" / "published.json"
PAGE: Final = PROJECT / "docs" / "explanation" / "performance.md"
PICTURE: Final = PROJECT / "docs" / "images" / "job-loop.svg"

LABELS: Final = {
    "ours": "Sluis",
    "java-streaming": "Java client, streaming",
    "java-polling": "Java client, polling",
    "pyzeebe-tuned": "pyzeebe, tuned (64/128)",
    "pyzeebe": "pyzeebe, defaults",
}
_WIDTH, _BAR, _ROW, _LEFT = 640, 22, 34, 180
_HEAD: Final = 44
_COLOURS: Final = {"ours": "#0f6e6e"}
_LOOK: Final = 'role="img" font-family="sans-serif" font-size="13"'
_OTHER_COLOUR: Final = "#9aa5b1"


def ratios(result: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Ours against each other side: the median, over the rounds, of the two figures of the same round."""
    sides = result["sides"]
    ours = sides["ours"]["rounds"]
    return {
        name: {
            "drain": _ratio(ours["rate"], side["rounds"]["rate"]),
            "round_trip": _ratio(ours["trip"], side["rounds"]["trip"]),
        }
        for name, side in sides.items()
        if name != "ours"
    }


def _ratio(ours: Sequence[float], other: Sequence[float]) -> float:
    return round(median(a / b for a, b in zip(ours, other, strict=True)), 2)


def picture(result: Mapping[str, Any]) -> str:
    """An SVG with one bar per side: jobs per second, longer is better."""
    sides = [(name, result["sides"][name]["jobs_per_second"]) for name in LABELS if name in result["sides"]]
    most = max(rate for _, rate in sides)
    rows = [_bar(number, name, rate, most) for number, (name, rate) in enumerate(sides)]
    height = _HEAD + _ROW * len(rows) + 8
    title = f"{result['jobs']} queued no-op jobs on Camunda {result['engine']}: jobs per second"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_LOOK}>',
            f"<title>{escape(title)}</title>",
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="12" y="26" font-size="15" fill="#1f2933">{escape(title)}</text>',
            *rows,
            "</svg>",
            "",
        ]
    )


def _bar(number: int, name: str, rate: float, most: float) -> str:
    top = _HEAD + number * _ROW
    length = max(2, round((_WIDTH - _LEFT - 80) * rate / most))
    colour = _COLOURS.get(name, _OTHER_COLOUR)
    middle = top + _BAR - 6
    return (
        f'<text x="{_LEFT - 10}" y="{middle}" text-anchor="end" fill="#1f2933">{escape(LABELS[name])}</text>\n'
        f'<rect x="{_LEFT}" y="{top}" width="{length}" height="{_BAR}" fill="{colour}"/>\n'
        f'<text x="{_LEFT + length + 8}" y="{middle}" fill="#1f2933">{rate:.0f}</text>'
    )


def blocks(result: Mapping[str, Any]) -> dict[str, str]:
    """The generated parts of the page, by name."""
    return {
        "surroundings": _surroundings(result),
        "job-loop": "![Jobs per second of each client](../images/job-loop.svg)\n\n"
        + _table(
            ("client", "jobs/s", "CPU per job", "round trip", "95 % within", "Sluis drains", "Sluis answers in"),
            _side_rows(result),
        ),
        "idle": f"{result['idle']['types']} idle job types took {result['idle']['core_share']:.2%} of one core.",
    }


def _surroundings(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"Measured on {result['time'][:10]} with Camunda {result['engine']}: {machine['cores']} cores, Python "
        f"{machine['python']}, load average {machine['load_before']} before and {machine['load_after']} after; "
        f"{result['jobs']} jobs and {result['trips']} round trips for each side in each of {result['rounds']} rounds."
    )


def _side_rows(result: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    against = ratios(result)
    for name in LABELS:
        if (side := result["sides"].get(name)) is not None:
            ratio = against.get(name)
            yield (
                LABELS[name],
                f"{side['jobs_per_second']:.0f}",
                f"{side['cpu_ms_per_job']:.2f} ms",
                f"{side['round_trip_ms']:.1f} ms",
                f"{side['round_trip_ms_95']:.1f} ms",
                f"{ratio['drain']:.2f} times" if ratio else "",
                f"{ratio['round_trip']:.2f} times" if ratio else "",
            )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def insert(page: str, parts: Mapping[str, str]) -> str:
    """The page with each part between its marks ``<!-- bench: NAME -->`` and ``<!-- end -->``.

    Raises:
        ValueError: the page has no such marks.
    """
    for name, text in parts.items():
        mark = f"<!-- bench: {name} -->"
        found = re.findall(f"{mark}\n.*?<!-- end -->", page, re.DOTALL)
        if len(found) != 1:
            raise ValueError(f"{len(found)} times '{mark}' … '<!-- end -->' in the page, expected once.")
        page = page.replace(found[0], f"{mark}\n{text}\n<!-- end -->")
    return page


def publish(result: Mapping[str, Any]) -> None:
    """Write the copy, the picture and the page."""
    PUBLISHED.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    PICTURE.write_text(picture(result), encoding="utf-8")
    PAGE.write_text(insert(PAGE.read_text(encoding="utf-8"), blocks(result)), encoding="utf-8")


if __name__ == "__main__":
    publish(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
