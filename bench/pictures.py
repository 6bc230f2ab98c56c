"""The picture of the job loop's benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

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
