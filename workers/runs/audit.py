"""The audit trail: who asked, what was planned, who decided, what was applied; one hash chain per subject.

Each entry carries the digest of the one before it, so that an edit or a gap shows. A trail's subject is a stack
(``environment/name``) or, for hosts that no stack made, ``environment/hosts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from workers.core.errors import StoreError
from workers.core.values import JsonValue, Record, digest_value, now
from workers.runs.records import encode, read_record
from workers.runs.store import Store

START: Final = "0" * 64
_ATTEMPTS: Final = 100


class AuditEntry(Record):
    """One entry of a trail.

    Attributes:
        previous: digest of the entry before, or 64 zeros.
        actor: the person or the worker who did it.
        action: ``requested``, ``planned``, ``approved``, ``rejected``, ``applied``, ``configured``, ``failed``, …
    """

    subject: str
    number: int
    time: datetime
    actor: str
    action: str
    details: dict[str, JsonValue] = {}
    previous: str

    @property
    def digest(self) -> str:
        """What the next entry refers to."""
        return digest_value(self.model_dump(mode="json"))


@dataclass(frozen=True)
class Audit:
    """Appending to trails and checking them."""

    store: Store

    async def add(self, subject: str, actor: str, action: str, **details: JsonValue) -> AuditEntry:
        """Append an entry; safe with several writers.

        Raises:
            StoreError: the trail could not be written.
        """
        for _ in range(_ATTEMPTS):
            last = await self.last(subject)
            entry = AuditEntry(
                subject=subject,
                number=last.number + 1 if last else 1,
                time=now(),
                actor=actor,
                action=action,
                details=details,
                previous=last.digest if last else START,
            )
            if await self.store.create(_key(subject, entry.number), encode(entry)):
                return entry
        raise StoreError(f"The audit trail of {subject} is written by too many at once.", "Try again.")

    async def last(self, subject: str) -> AuditEntry | None:
        """The newest entry."""
        keys = await self.store.keys(f"audit/{subject}")
        return await read_record(self.store, AuditEntry, keys[-1]) if keys else None

    async def entries(self, subject: str) -> tuple[AuditEntry, ...]:
        """The whole trail, oldest first."""
        keys = await self.store.keys(f"audit/{subject}")
        found = [await read_record(self.store, AuditEntry, key) for key in keys]
        return tuple(e for e in found if e)

    async def subjects(self) -> tuple[str, ...]:
        """Everything that has a trail."""
        keys = await self.store.keys("audit")
        return tuple(sorted({key.removeprefix("audit/").rpartition("/")[0] for key in keys}))

    async def problems(self, subject: str) -> tuple[str, ...]:
        """What is wrong with a trail, in words; empty where it is whole. A cut-off end does not show here."""
        found: list[str] = []
        expected, previous = 1, START
        for key in await self.store.keys(f"audit/{subject}"):
            entry = await read_record(self.store, AuditEntry, key)
            if entry is None or key != _key(subject, entry.number):
                found.append(f"{subject}: {key} is not the entry that its name says")
                continue
            if entry.number != expected:
                found.append(f"{subject}: entry {expected} is missing")
            elif entry.previous != previous:
                found.append(f"{subject}: entry {entry.number - 1} was altered")
            expected, previous = entry.number + 1, entry.digest
        return tuple(found)


def _key(subject: str, number: int) -> str:
    return f"audit/{subject}/{number:08d}.json"
