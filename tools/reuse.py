"""Count what a process reuses and what was made for it alone, in elements and lines.

Usage: ``python tools/reuse.py PROCESS`` prints the figures as JSON; ``--write`` also writes them to
docs/reference/reuse.json and the page docs/explanation/reuse.md; ``--check`` says whether these are out of date
(exit code 1): another set of parts, or a figure that is off by more than a tenth.

Made for it alone is its model and each form that no other model shows. Reused are the blocks that it calls, the modules
and roles that it names, the job types that it asks for, and the forms that other models show too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from workers.catalogue.drawing import B, Drawing, extension, read_drawing  # noqa: E402
from workers.catalogue.environments import environment_names, read_environment  # noqa: E402
from workers.catalogue.surroundings import called_process  # noqa: E402

FIGURES: Final = Path("docs/reference/reuse.json")
PAGE: Final = Path("docs/explanation/reuse.md")
_DRIFT: Final = 0.1
_NODES: Final = re.compile(r"(\w*[eE]vent|\w*[gG]ateway|\w*[tT]ask|callActivity|subProcess)")
_FOLDERS: Final = {"modules": "terraform/modules", "roles": "ansible/roles"}
_DOCUMENTS: Final = (".md",)
Figures = dict[str, Any]


def figures(project: Path, process: str) -> Figures:
    """What the process is made of.

    Raises:
        SystemExit: there is no such process.
    """
    models = {path.stem: read_drawing(path.name, path.read_bytes()) for path in (project / "bpmn").glob("*.bpmn")}
    if process not in models:
        raise SystemExit(f"There is no {process} in bpmn/. There is: {', '.join(sorted(models))}.")
    own = models[process]
    blocks = _called(models, process)
    others = {name: model for name, model in models.items() if name not in (process, *blocks)}
    shown = {form for name in (*others, *blocks) for form in _forms(models[name])}
    drawn = [own, *(models[name] for name in blocks)]
    forms = {form for model in drawn for form in _forms(model)}
    jobs = {job for model in drawn for job in _jobs(model)}
    return {
        "process": process,
        "new": {
            "model": _model(project, own),
            "forms": [_file(project / "bpmn" / f"{form}.form") for form in sorted(_forms(own) - shown)],
        },
        "reused": {
            "blocks": [
                {**_model(project, models[name]), "also_used_by": _users(others, lambda m, n=name: n in _calls(m))}
                for name in blocks
            ],
            **{kind: _parts(project, kind, own, others) for kind in _FOLDERS},
            "forms": [
                {
                    **_file(project / "bpmn" / f"{form}.form"),
                    "also_used_by": _users(others, lambda m, f=form: f in _forms(m)),
                }
                for form in sorted(forms & shown)
            ],
            "tables": [_file(project / "bpmn" / "ChangePolicy.dmn")] if "policy.check" in jobs else [],
            "job_types": sorted(jobs),
        },
    }


def totals(found: Figures) -> dict[str, int]:
    """The sums that the page begins with."""
    reused = found["reused"]
    files = [part for kind in ("blocks", "modules", "roles", "forms", "tables") for part in reused[kind]]
    return {
        "new elements": found["new"]["model"]["elements"],
        "new lines": found["new"]["model"]["lines"] + sum(form["lines"] for form in found["new"]["forms"]),
        "reused elements": sum(block["elements"] for block in reused["blocks"]),
        "reused lines": sum(part["lines"] for part in files),
        "steps that call a block or run a known job": found["new"]["model"]["reusing"],
    }


def page(found: Figures) -> str:
    """The page about them."""
    note = f"<!-- Generated from {FIGURES} by tools/reuse.py --write; edit the tool and run it again. -->"
    new, reused = found["new"], found["reused"]
    rows = [(word, str(number)) for word, number in totals(found).items()]
    made = [
        ("model", new["model"]["name"], new["model"]["lines"]),
        *(("form", f["name"], f["lines"]) for f in new["forms"]),
    ]
    words = {"blocks": "block", "modules": "module", "roles": "role", "forms": "form", "tables": "decision table"}
    kept = [
        (word, f"`{part['name']}`", str(part["lines"]), ", ".join(part.get("also_used_by", [])) or "—")
        for kind, word in words.items()
        for part in reused[kind]
    ]
    return "\n".join(
        [
            note,
            "",
            f"# What {found['process']} is made of",
            "",
            _INTRODUCTION.format(process=found["process"]),
            "",
            *_table(("", "count"), rows),
            "",
            "## Made for it alone",
            "",
            *_table(("", "file", "lines"), [(kind, f"`{name}`", str(lines)) for kind, name, lines in made]),
            "",
            _SUMMARY.format(**new["model"]),
            "",
            "## Reused as it is",
            "",
            *_table(("", "name", "lines", "also used by"), kept),
            "",
            f"Job types, in the process and its blocks: {', '.join(f'`{job}`' for job in reused['job_types'])}.",
            "",
        ]
    )


_INTRODUCTION: Final = """`{process}` shows whether a new workflow needs new code. It is a static site behind nginx with
TLS: a machine, a certificate, a web server, a monitoring agent, a probe, with rejection, failure and clean-up.

![The process {process}](../images/models/{process}.svg)

Counted is by file. Made for it alone is its model and each form that no other model shows. Reused are the blocks that
it calls, the modules and roles that it names, the decision table, and other forms; each of them works without it. Lines
are lines of the files, without documents and tests; those of a model include its drawing. A part without another user
was written for the catalogue at the same time as the process."""

_SUMMARY: Final = """Python, Terraform and Ansible: nothing. The model has {elements} elements and {flows} flows;
{reusing} of the elements call a block or run a job that was there."""


def drifted(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Where two sets of figures differ in more than a small number."""
    if place.endswith("/also_used_by"):
        gone = sorted(set(before or ()) - set(after or ()))
        yield from (f"{place}: {name} uses it no more" for name in gone)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from drifted(before.get(key), after.get(key), f"{place}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from drifted(one, other, f"{place}/{number}")
    elif isinstance(before, int) and isinstance(after, int):
        if abs(before - after) > max(1, _DRIFT * before):
            yield f"{place}: {before} is {after} now"
    elif before != after:
        yield f"{place}: {before} is {after} now"


def write(project: Path, process: str) -> None:
    """Write figures and page."""
    found = figures(project, process)
    (project / FIGURES).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (project / PAGE).write_text(page(found), encoding="utf-8")


def outdated(project: Path, process: str) -> tuple[str, ...]:
    """What is out of date in the figures and the page."""
    before = json.loads((project / FIGURES).read_text(encoding="utf-8"))
    wrong = list(drifted(before, figures(project, process)))
    if (project / PAGE).read_text(encoding="utf-8") != page(before):
        wrong.append(f"{PAGE} is not what {FIGURES} says")
    return tuple(wrong)


def _model(project: Path, model: Drawing) -> Figures:
    nodes = [e for e in model.root.iter() if _NODES.fullmatch(e.tag.removeprefix(B))]
    return {
        "name": model.file,
        "elements": len(nodes),
        "flows": len(list(model.elements("sequenceFlow"))),
        "reusing": sum(called_process(e) != "" or extension(e, "taskDefinition") is not None for e in nodes),
        "lines": _lines(project / "bpmn" / model.file),
    }


def _called(models: dict[str, Drawing], process: str) -> list[str]:
    """The blocks that a process calls, and those that they call."""
    found: list[str] = []
    waiting = [process]
    while waiting:
        for name in _calls(models[waiting.pop()]):
            if name in models and name not in found:
                found.append(name)
                waiting.append(name)
    return sorted(found)


def _calls(model: Drawing) -> set[str]:
    return {called_process(call) for call in model.elements("callActivity")} - {""}


def _users(others: dict[str, Drawing], uses: Callable[[Drawing], bool]) -> list[str]:
    return sorted(name for name, model in others.items() if uses(model))


def _parts(project: Path, kind: str, own: Drawing, others: dict[str, Drawing]) -> list[Figures]:
    known = sorted(path for path in (project / _FOLDERS[kind]).iterdir() if path.is_dir())
    return [
        {
            "name": path.name,
            "lines": sum(_lines(file) for file in sorted(path.rglob("*")) if _counts(file, path)),
            "also_used_by": _users(others, lambda m, n=path.name: _names(project, kind, m, n)),
        }
        for path in known
        if _names(project, kind, own, path.name)
    ]


def _names(project: Path, kind: str, model: Drawing, name: str) -> bool:
    """Whether a model names a module or role; the module of a machine is named by the environments."""
    if any(f'"{name}"' in text for _, text in model.expressions):
        return True
    machines = [read_environment(project, e).machine for e in environment_names(project)]
    asks = kind == "modules" and "request.check" in _jobs(model)
    return asks and any(machine is not None and machine.module == name for machine in machines)


def _jobs(model: Drawing) -> set[str]:
    definitions = (extension(e, "taskDefinition") for e in model.root.iter() if e.tag.startswith(B))
    types = (d.get("type", "") for d in definitions if d is not None)
    return {re.sub(r'^= *"(\w+\.)" *\+ *(\w+) *\+ *"(\.\w+)"$', r"\1<\2>\3", t) for t in types}


def _forms(model: Drawing) -> set[str]:
    forms: Iterator[ET.Element | None] = (extension(e, "formDefinition") for e in model.root.iter())
    return {form.get("formId", "") for form in forms if form is not None}


def _file(path: Path) -> Figures:
    return {"name": path.name, "lines": _lines(path)}


def _counts(file: Path, folder: Path) -> bool:
    inside = file.relative_to(folder).parts
    hidden = any(part.startswith(".") or part in ("tests", "examples", "__pycache__") for part in inside)
    return file.is_file() and not hidden and file.suffix not in _DOCUMENTS


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (heads, tuple("---" for _ in heads), *rows)]


def main() -> int:
    """Count, and write or check where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("process", nargs="?", default="StaticSite")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check:
        wrong = outdated(PROJECT, options.process)
        sys.stderr.write("".join(f"{line}\n" for line in wrong))
        return int(bool(wrong))
    if options.write:
        write(PROJECT, options.process)
    found = figures(PROJECT, options.process)
    sys.stdout.write(json.dumps({"totals": totals(found), **found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
