"""What `sluis check` finds, as JSON and as SARIF for annotations in pull requests."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from workers.core.values import JsonValue


@dataclass(frozen=True)
class Finding:
    """Something in a model that disagrees with the project.

    Attributes:
        rule: name of the rule.
        file: path of the model in the project.
        element: id of the element; empty where it is the file.
        name: its name in the drawing.
        message: what is wrong.
        fix: what to do.
        line: where the element begins in the file.
    """

    rule: str
    file: str
    element: str
    name: str
    message: str
    fix: str
    line: int = 1

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--format json``."""
        return asdict(self)

    def __str__(self) -> str:
        where = f"{self.name} ({self.element})" if self.name else self.element
        return f"{self.file}:{self.line}: {where}: {self.message} {self.fix} [{self.rule}]"


def sarif(findings: tuple[Finding, ...]) -> dict[str, JsonValue]:
    """The findings as SARIF 2.1.0."""
    rules: list[JsonValue] = [{"id": rule} for rule in sorted({f.rule for f in findings})]
    driver: JsonValue = {"name": "sluis", "rules": rules}
    results: list[JsonValue] = [_result(f) for f in findings]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _result(finding: Finding) -> JsonValue:
    place: JsonValue = {
        "physicalLocation": {
            "artifactLocation": {"uri": finding.file},
            "region": {"startLine": finding.line},
        },
        "logicalLocations": [{"name": finding.name or finding.element, "fullyQualifiedName": finding.element}],
    }
    text = f"{finding.name or finding.element}: {finding.message} {finding.fix}"
    return {"ruleId": finding.rule, "level": "error", "message": {"text": text}, "locations": [place]}
