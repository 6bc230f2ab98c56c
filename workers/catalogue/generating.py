"""Everything that is derived from the contracts, as files of the project: written, or held against what is there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workers.catalogue.job_templates import job_templates
from workers.catalogue.pages import contract_page, index_page, page_name
from workers.catalogue.schema import contract_schema
from workers.catalogue.start_forms import start_form
from workers.catalogue.templates import templates
from workers.core.contract import Catalogue
from workers.core.values import JsonValue

_TEMPLATES: Final = ".camunda/element-templates"
_PAGES: Final = "docs/reference/catalogue"
_FORMS: Final = ".camunda/start-forms"
_OURS: Final = ((_TEMPLATES, "sluis-*.json"), (_FORMS, "*.form"), (_PAGES, "*.md"), (_PAGES, "*.schema.json"))


@dataclass(frozen=True)
class Differences:
    """Files that do not say what the contracts say.

    Attributes:
        stale: missing or different.
        left: generated once, for a contract that is there no more.
    """

    stale: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def generated(catalogue: Catalogue) -> dict[str, str]:
    """The content of every generated file, by its path in the project."""
    files = {
        f"{_PAGES}/README.md": index_page(catalogue.contracts),
        f"{_TEMPLATES}/sluis-jobs.json": _dump(list(job_templates())),
    }
    for contract in catalogue.contracts:
        name = page_name(contract)
        files[f"{_TEMPLATES}/sluis-{name}.json"] = _dump(list(templates(contract)))
        files[f"{_FORMS}/{name}.form"] = _dump(start_form(contract))
        files[f"{_PAGES}/{name}.md"] = contract_page(contract)
        files[f"{_PAGES}/{name}.schema.json"] = _dump(contract_schema(contract))
    return files


def differences(project: Path, files: dict[str, str]) -> Differences:
    """What ``write`` would change."""
    present = {str(p.relative_to(project)) for folder, glob in _OURS for p in (project / folder).glob(glob)}
    stale = tuple(name for name, content in files.items() if _read(project / name) != content)
    return Differences(stale, tuple(sorted(present - set(files))))


def write(project: Path, files: dict[str, str]) -> Differences:
    """Write what differs and remove what is left over; gives back what it did."""
    found = differences(project, files)
    for name in found.stale:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(files[name], encoding="utf-8")
    for name in found.left:
        (project / name).unlink()
    return found


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _dump(value: JsonValue) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
