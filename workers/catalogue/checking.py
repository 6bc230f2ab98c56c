"""Every model of a project against its catalogue, forms and environments, before anything is deployed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from workers.catalogue.drawing import Drawing, read_drawing
from workers.catalogue.environments import environment_names, read_environment
from workers.catalogue.findings import Finding
from workers.catalogue.reading import read_catalogue
from workers.catalogue.rules_calls import calls
from workers.catalogue.rules_mappings import shadowed
from workers.catalogue.rules_tasks import decisions, forms, job_types, people, timers
from workers.catalogue.sources import FILE, read_sources
from workers.catalogue.surroundings import Surroundings, surroundings
from workers.core.contract import Catalogue, CatalogueProblem, Kind
from workers.core.errors import SettingError, UsageError

_RULES: Final[tuple[Callable[[Drawing, Surroundings], Iterator[Finding]], ...]] = (
    calls,
    job_types,
    forms,
    decisions,
    people,
    timers,
    shadowed,
)


def check_models(project: Path) -> tuple[Finding, ...]:
    """All findings, by file and line."""
    drawings, unreadable = _drawings(project)
    catalogue = read_catalogue(project)
    around = _surroundings(project, catalogue, drawings)
    found = [finding for drawing in drawings for rule in _RULES for finding in rule(drawing, around)]
    folders = [_folder(project, problem) for problem in catalogue.problems]
    unique = dict.fromkeys([*unreadable, *folders, *_sources(project, catalogue), *found])
    return tuple(sorted(unique, key=lambda f: (f.file, f.line, f.element, f.rule)))


def _drawings(project: Path) -> tuple[list[Drawing], list[Finding]]:
    drawings: list[Drawing] = []
    unreadable: list[Finding] = []
    for path in sorted((project / "bpmn").glob("*.bpmn")):
        file = path.relative_to(project).as_posix()
        try:
            drawings.append(read_drawing(file, path.read_bytes()))
        except SettingError as error:
            unreadable.append(Finding("unreadable", file, "", path.name, error.message, error.hint))
    return drawings, unreadable


def _surroundings(project: Path, catalogue: Catalogue, drawings: list[Drawing]) -> Surroundings:
    forms_, tables = (
        [path.read_bytes() for path in sorted((project / "bpmn").glob(pattern))] for pattern in ("*.form", "*.dmn")
    )
    return surroundings(catalogue, drawings, forms_, tables, _groups(project), environment_names(project))


def _groups(project: Path) -> frozenset[str]:
    """Every group that an environment names; none, so that no rule judges by them, where one cannot be read."""
    try:
        named = [read_environment(project, name).people for name in environment_names(project)]
    except UsageError:
        return frozenset()
    return frozenset(group for people_ in named for group in (people_.approvers, *people_.groups))


def _sources(project: Path, catalogue: Catalogue) -> Iterator[Finding]:
    """Copies from other repositories that are not there, or not as they were fetched."""
    try:
        sources = read_sources(project)
    except SettingError as error:
        yield Finding("unreadable", FILE, "", FILE, error.message, error.hint)
        return
    for source in sources:
        found = catalogue.module(source.name) if source.kind is Kind.MODULE else catalogue.role(source.name)
        name = f"{source.kind.value}.{source.name}"
        if found is None:
            yield Finding("source-missing", FILE, "", name, "is not there, or cannot be read.", "`sluis source fetch`.")
        elif found.digest != source.digest:
            message = "is not what was fetched; its content has another digest."
            yield Finding("source-changed", FILE, "", name, message, "Undo the edit, or add the source again.")


def _folder(project: Path, problem: CatalogueProblem) -> Finding:
    file = problem.path.relative_to(project).as_posix() if problem.path.is_relative_to(project) else str(problem.path)
    word = "module" if problem.kind is Kind.MODULE else "role"
    return Finding(f"unreadable-{word}", file, "", problem.name, problem.message, "Mend it.", max(problem.line, 1))
