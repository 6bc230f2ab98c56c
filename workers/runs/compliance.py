"""Compliance checks in the store: what was looked at, found, decided and accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workers.core.compliance import Acceptance, CheckRecord, ConfiguredRole, FindingDecision, Scan, ScanKind
from workers.core.records import StackId
from workers.runs.records import encode, read_record
from workers.runs.store import Store

REPORT_FORMS: Final = ("json", "md", "sarif")


@dataclass(frozen=True)
class Checks:
    """Checks with their scans, decisions and reports, and what people have accepted."""

    store: Store

    async def begin(self, check: CheckRecord) -> CheckRecord:
        """Keep a check, once; returns what counts, which is the first."""
        if await self.store.create(f"checks/{check.id}/check.json", encode(check)):
            return check
        return await self.find(check.id) or check

    async def find(self, check: str) -> CheckRecord | None:
        """The check of that id."""
        return await read_record(self.store, CheckRecord, f"checks/{check}/check.json")

    async def all(self, environment: str = "") -> tuple[CheckRecord, ...]:
        """All checks, or those of one environment, newest first."""
        keys = [key for key in await self.store.keys("checks") if key.endswith("/check.json")]
        found = [await read_record(self.store, CheckRecord, key) for key in keys]
        kept = [c for c in found if c and environment in ("", c.environment)]
        return tuple(sorted(kept, key=lambda check: check.created, reverse=True))

    async def save_scan(self, scan: Scan) -> None:
        """Keep what a scan said; a later one of the same kind in the same check takes its place."""
        await self.store.write(_scan_key(scan.check, scan.stack, scan.kind), encode(scan))

    async def scan(self, check: str, stack: str, kind: ScanKind) -> Scan | None:
        """What that scan said; None where it never came to an end."""
        return await read_record(self.store, Scan, _scan_key(check, stack, kind))

    async def add_decision(self, decision: FindingDecision) -> bool:
        """Keep what a person said, once per user task; False where that task's decision was kept before."""
        key = f"checks/{decision.check}/decisions/{decision.fingerprint}/{decision.user_task}.json"
        return await self.store.create(key, encode(decision))

    async def decisions(self, check: str, fingerprint: str) -> tuple[FindingDecision, ...]:
        """What people said on a finding in a check, oldest first."""
        keys = await self.store.keys(f"checks/{check}/decisions/{fingerprint}")
        found = [await read_record(self.store, FindingDecision, key) for key in keys]
        return tuple(sorted((d for d in found if d), key=lambda decision: decision.created))

    async def accept(self, environment: str, acceptance: Acceptance) -> None:
        """Remember that people live with a finding."""
        await self.store.write(_acceptance_key(environment, acceptance.finding.fingerprint), encode(acceptance))

    async def acceptance(self, environment: str, fingerprint: str) -> Acceptance | None:
        """What was accepted of that finding."""
        return await read_record(self.store, Acceptance, _acceptance_key(environment, fingerprint))

    async def acceptances(self, environment: str) -> tuple[Acceptance, ...]:
        """Everything that was ever accepted in an environment and not taken back."""
        keys = await self.store.keys(f"acceptances/{environment}")
        found = [await read_record(self.store, Acceptance, key) for key in keys]
        return tuple(a for a in found if a)

    async def save_report(self, check: str, form: str, content: bytes) -> None:
        """Keep the report in one of its forms; a later one takes its place."""
        await self.store.write(f"checks/{check}/report.{form}", content)

    async def report(self, check: str, form: str) -> bytes | None:
        """The report in one of its forms."""
        return await self.store.read(f"checks/{check}/report.{form}")


@dataclass(frozen=True)
class Configured:
    """Which roles were run on the hosts of a stack."""

    store: Store

    async def save(self, stack: StackId, role: ConfiguredRole) -> None:
        """Remember a role; a later run of it takes its place."""
        await self.store.write(f"configured/{stack}/{role.role}.json", encode(role))

    async def roles(self, stack: StackId) -> tuple[ConfiguredRole, ...]:
        """The roles, in the order in which they were last run."""
        keys = await self.store.keys(f"configured/{stack}")
        found = [await read_record(self.store, ConfiguredRole, key) for key in keys]
        return tuple(sorted((r for r in found if r), key=lambda role: role.ended))

    async def forget(self, stack: StackId) -> None:
        """Forget all of them: the hosts are gone."""
        for key in await self.store.keys(f"configured/{stack}"):
            await self.store.delete(key)


def _scan_key(check: str, stack: str, kind: ScanKind) -> str:
    return f"checks/{check}/scans/{stack}/{kind.value}.json"


def _acceptance_key(environment: str, fingerprint: str) -> str:
    return f"acceptances/{environment}/{fingerprint}.json"
