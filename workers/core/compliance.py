"""The words of a compliance check: finding, scan, acceptance, check."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from workers.core.names import Name
from workers.core.values import JsonValue, Record, digest_value

CheckId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class Severity(StrEnum):
    """How much a finding matters, from least to most."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place from least to most."""
        return list(Severity).index(self)


class ScanKind(StrEnum):
    """What looks at a stack."""

    DRIFT = "drift"
    POLICY = "policy"
    MODULE = "module"
    HOSTS = "hosts"


class Finding(Record):
    """Something that is not as it should be. Its fingerprint stays the same from check to check."""

    stack: str = Field(description="environment/name.")
    kind: ScanKind = Field(description="The scan that found it.")
    rule: str = Field(
        max_length=200, description="What is asked for, e.g. 'CKV_AWS_18', 'drift.update', 'cis_audit.ssh_root_login'."
    )
    place: str = Field(max_length=1000, description="Where: address of a resource, or host and task.")
    severity: Severity
    title: str = Field(max_length=300, description="One line for people.")
    detail: str = Field("", max_length=2000, description="More for people; nothing secret.")
    help: str = Field("", max_length=500, description="What to do, or where that is written.")
    role: str = Field("", description="The role that would put it right, where one would.")

    @property
    def fingerprint(self) -> str:
        """What the finding is known by: stack, kind, rule and place, and neither its words nor line numbers."""
        parts: list[JsonValue] = [self.stack, self.kind.value, self.rule, self.place]
        return digest_value(parts)[:16]


class Scan(Record):
    """What one scan of one stack said in one check; a scan that failed is kept with its reason."""

    check: CheckId
    stack: str
    kind: ScanKind
    scanner: str = Field("", description="Program and version, e.g. 'checkov 3.3.30'.")
    failed: str = Field("", description="Why nothing is known; empty where the scan was done.")
    findings: tuple[Finding, ...] = ()
    run: str = ""
    ended: datetime


class ConfiguredRole(Record):
    """A role that was run on the hosts of a stack."""

    role: Name
    inputs: dict[str, JsonValue] = {}
    run: str
    ended: datetime


class FindingDecision(Record):
    """What one person said on one finding, by the user task that they completed."""

    check: CheckId
    fingerprint: Fingerprint
    user_task: int
    verified_by: int = Field(description="Key of the finding.decide job that recorded it.")
    person: str
    decision: str = Field(description="accept, remediate or ignore; empty where nothing was said.")
    until: date | None = None
    reason: str = ""
    counts: bool = True
    note: str = Field("", description="Why it does not count.")
    created: datetime


class Acceptance(Record):
    """A finding that people live with until a date: who, until when and why."""

    finding: Finding
    people: tuple[str, ...]
    until: date
    reason: str
    check: CheckId
    created: datetime

    def covers(self, finding: Finding, today: date) -> bool:
        """Whether it still speaks for the finding: not expired, and the finding is not more severe than it was."""
        same = self.finding.fingerprint == finding.fingerprint
        return same and today <= self.until and finding.severity.rank <= self.finding.severity.rank


class CheckRecord(Record):
    """One compliance check of an environment."""

    id: CheckId
    environment: Name
    stacks: tuple[Name, ...]
    requester: str = ""
    created: datetime


SCANS: Final = tuple(ScanKind)
"""The scans that every stack gets."""
