"""``sluis check``."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer

from workers.catalogue.checking import check_models
from workers.catalogue.findings import Finding, sarif
from workers.cli.invocation import AsJson, of
from workers.cli.screen import screen
from workers.core.values import JsonValue


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(check)


def check(
    context: typer.Context,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="github: annotations of a pull request.")
    ] = Format.TEXT,
    as_json: AsJson = False,
) -> None:
    """Say in which ways the models in bpmn/ disagree with modules, roles, forms and environments. Needs no engine.

    Exit code 1 where there is a finding. `sluis deploy` refuses then.

    JSON: [{"rule", "file", "element", "name", "message", "fix", "line"}].

    Example: [bold]sluis check --format sarif[/bold]
    """
    found = check_models(of(context).settings().project)
    _print(found, Format.JSON if as_json else format_)
    if found:
        raise typer.Exit(1)


def _print(found: tuple[Finding, ...], format_: Format) -> None:
    shown = screen()
    if format_ in (Format.JSON, Format.SARIF):
        data: JsonValue = sarif(found) if format_ is Format.SARIF else [f.as_json() for f in found]
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        return
    for finding in found:
        shown.line(_annotation(finding) if format_ is Format.GITHUB else str(finding))
    if not found:
        shown.note("The models fit the catalogue.")


def _annotation(finding: Finding) -> str:
    text = f"{finding.name or finding.element}: {finding.message} {finding.fix}"
    safe = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::error file={finding.file},line={finding.line},title={finding.rule}::{safe}"
