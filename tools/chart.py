"""Write the schema and the README of a chart from its values.yaml, and keep them equal to it.

A value's comment says what it is (``# -- …``, may go on in the next lines) and, in JSON, what else it must be
(``# @schema {…}``). Types come from the defaults. Every object is closed: a name that nobody knows is refused.

    python tools/chart.py            writes values.schema.json and README.md
    python tools/chart.py --check    says which are out of date
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "helm" / "sluis"
PAGE = ROOT / "docs" / "reference" / "chart.md"
PAGE_HEAD = """<!-- Generated from helm/sluis/values.yaml by tools/chart.py; edit the source and run it again. -->

# Values of the Helm chart

What `helm/sluis` may be told; [how to install it](../how-to/run-on-kubernetes.md). A name that is not here is refused.
Every pool of `pools` may say whatever `defaults` has, for itself.
"""
KINDS = ("terraform", "ansible", "light")
_TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object", type(None): "null"}
_RULE = "# @schema "
_WORDS = "# -- "


@dataclass(frozen=True)
class Value:
    """One value of the file.

    Attributes:
        path: the keys that lead to it.
        default: what it is unless somebody says otherwise.
        meaning: its sentence; empty for a group.
        rule: what the schema says beside its type.
    """

    path: tuple[str, ...]
    default: Any
    meaning: str
    rule: dict[str, Any]

    @property
    def name(self) -> str:
        """As in ``--set``."""
        return ".".join(self.path)


def read(text: str) -> tuple[Value, ...]:
    """Every value of a values file, groups before what is in them.

    Raises:
        ValueError: a value without a sentence, or a sentence without a value.
    """
    lines = text.splitlines()
    found = tuple(_values(yaml.compose(text, yaml.SafeLoader), lines, ()))
    silent = [value.name for value in found if not value.meaning and not _is_group(value)]
    if silent:
        raise ValueError(f"values without a sentence: {', '.join(silent)}")
    return found


def schema(values: tuple[Value, ...]) -> dict[str, Any]:
    """The JSON Schema of the values."""
    top: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": {}}
    for value in values:
        _place(top, value)
    pool = json.loads(json.dumps(top["properties"]["defaults"]))
    pool["properties"]["serves"] = {
        "type": "array", "items": {"enum": list(KINDS)}, "minItems": 1, "uniqueItems": True,
        "description": "The kinds of work that its workers serve.",
    }  # fmt: skip
    pool["required"] = ["serves"]
    top["properties"]["pools"] |= {
        "additionalProperties": {"oneOf": [{"$ref": "#/$defs/pool"}, {"type": "null"}]},
        "propertyNames": {"pattern": "^[a-z][a-z0-9-]{0,20}$"},
    }
    top["properties"]["global"] = {"type": "object"}  # Helm puts it there when the chart is a part of another
    return {"$schema": "http://json-schema.org/draft-07/schema#", "$defs": {"pool": pool}, **top}


def readme(values: tuple[Value, ...], introduction: str) -> str:
    """The README: its hand-written part, and the table of values."""
    rows = [
        f"| `{value.name}` | {_shown(value.default)} | {value.meaning} |".replace("||", "\\|\\|")
        for value in values
        if value.meaning
    ]
    return introduction + "\n".join(["", "| Value | Default | Meaning |", "| --- | --- | --- |", *rows, ""])


def pages(chart: Path = CHART, page: Path = PAGE) -> dict[Path, str]:
    """The generated files and what they should say."""
    values = read((chart / "values.yaml").read_text(encoding="utf-8"))
    introduction = (chart / "README.head.md").read_text(encoding="utf-8")
    return {
        chart / "values.schema.json": json.dumps(schema(values), indent=2) + "\n",
        chart / "README.md": readme(values, introduction),
        page: readme(values, PAGE_HEAD),
    }


def main(arguments: list[str]) -> int:
    """Write or check; the number of files that are out of date."""
    wrong = [path for path, text in pages().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in wrong:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)} is out of date: run `python tools/chart.py`.")
        else:
            path.write_text(pages()[path], encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return len(wrong) if "--check" in arguments else 0


def _values(node: yaml.MappingNode, lines: list[str], path: tuple[str, ...]) -> Iterator[Value]:
    for key, content in node.value:
        meaning, rule = _comment(lines, key.start_mark.line)
        own = (*path, key.value)
        default = yaml.SafeLoader("").construct_document(content)
        yield Value(own, default, meaning, rule)
        # What a sentence says as a whole has no sentences in it.
        if isinstance(content, yaml.MappingNode) and not meaning:
            yield from _values(content, lines, own)


def _comment(lines: list[str], line: int) -> tuple[str, dict[str, Any]]:
    """The sentence and the rule above a key."""
    above: list[str] = []
    while line > 0 and lines[line - 1].strip().startswith("#"):
        line -= 1
        above.insert(0, lines[line].strip())
    rules = [text.removeprefix(_RULE) for text in above if text.startswith(_RULE)]
    text = " ".join(text.lstrip("# ") for text in above if not text.startswith(_RULE))
    words = re.search(r"-- (.*)", text) if any(t.startswith(_WORDS) for t in above) else None
    return (words[1].strip() if words else ""), (json.loads(rules[0]) if rules else {})


def _is_group(value: Value) -> bool:
    return isinstance(value.default, dict) and bool(value.default)


def _place(top: dict[str, Any], value: Value) -> None:
    """Put a value's schema where its path leads."""
    inner = top
    for key in value.path[:-1]:
        inner = inner["properties"][key]
    own: dict[str, Any] = {"type": _TYPES[type(value.default)]}
    if value.meaning:
        own["description"] = value.meaning
    elif isinstance(value.default, dict):
        own |= {"additionalProperties": False, "properties": {}}
    rule = {key: content for key, content in value.rule.items() if not key.startswith("$")}
    inner["properties"][value.path[-1]] = own | rule


def _shown(default: Any) -> str:
    text = json.dumps(default)
    return "—" if default in ("", {}, []) else f"`{text}`" if len(text) <= 120 else "see values.yaml"  # noqa: PLR2004


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
