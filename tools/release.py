"""Check that everything in the tree names the version of a tag, and print it.

python tools/release.py v0.2.0
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = {
    "workers/__init__.py": r'^__version__ = "(.+)"$',
    "helm/sluis/Chart.yaml": r"^version: (.+)$",
    "helm/sluis/Chart.yaml (appVersion)": r'^appVersion: "(.+)"$',
    "CHANGELOG.md": r"^## \[(\d.+?)\]",
}


def found(root: Path = ROOT) -> dict[str, str]:
    """The version that each place names; of the changelog the newest that is released."""
    texts = {place: (root / place.split()[0]).read_text(encoding="utf-8") for place in PLACES}
    matches = {place: re.search(pattern, texts[place], re.MULTILINE) for place, pattern in PLACES.items()}
    return {place: match[1] if match else "none" for place, match in matches.items()}


def problems(tag: str, places: dict[str, str]) -> list[str]:
    """Why the tag may not be released; empty where it may."""
    if not re.fullmatch(r"v\d+\.\d+\.\d+([-.]?[0-9A-Za-z.]+)?", tag):
        return [f"{tag} is no version tag: v1.2.3."]
    return [f"{place} says {version}, the tag {tag}." for place, version in places.items() if version != tag[1:]]


def main(arguments: list[str]) -> int:
    """Print the version, or what does not fit."""
    wrong = problems(arguments[0], found())
    print("\n".join(wrong) if wrong else arguments[0][1:], file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
