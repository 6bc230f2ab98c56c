"""The audit trail: who asked, what was planned, who decided, what was applied; one hash chain per subject.

Each entry carries the digest of the one before it, so that an edit or a gap shows. A trail's subject is a stack
(``environment/name``) or, for hosts that no stack made, ``environment/hosts``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ConfigDict

from workers.core.errors import StoreError
from workers.core.values import JsonValue, Record, digest_value, now
from workers.runs.records import decode, encode, read_record
from workers.runs.store import AUDIT_PREFIX, Store, Versioned

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


class Kept(Record):
    """What of an exported entry is compared: which it is, and its digest."""

    model_config = ConfigDict(extra="ignore")

    subject: str
    number: int
    digest: str


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
        """Everything that has a trail, or had one that the store still knows of."""
        keys = {*await self.store.keys(AUDIT_PREFIX.rstrip("/")), *await self._changed("")}
        return tuple(sorted({key.removeprefix(AUDIT_PREFIX).rpartition("/")[0] for key in keys}))

    async def size(self, subject: str) -> tuple[int, str]:
        """How many readable entries a trail has, and the digest of the newest."""
        entries = [entry for _, entry in await self._found(subject) if entry]
        return len(entries), entries[-1].digest if entries else ""

    async def problems(self, subject: str) -> tuple[str, ...]:
        """What is wrong with a trail, in words; empty where it is whole.

        That the end was cut off shows only in a store that keeps what is removed from it.
        """
        found = [f"{subject}: {key} was {what}" for key, what in (await self._changed(subject)).items()]
        expected, previous = 1, START
        for key, entry in await self._found(subject):
            if entry is None or key != _key(subject, entry.number):
                found.append(f"{subject}: {key} is not the entry that its name says")
                continue
            if entry.number != expected:
                found.append(f"{subject}: entry {expected} is missing")
            elif entry.previous != previous:
                found.append(f"{subject}: entry {entry.number - 1} was altered")
            expected, previous = entry.number + 1, entry.digest
        return tuple(found)

    async def missing(self, kept: Iterable[Kept]) -> tuple[str, ...]:
        """Which of the entries that were kept elsewhere are not in the trail any more as they were, in words."""
        now_there: dict[tuple[str, int], str] = {}
        for subject in {entry.subject for entry in kept}:
            now_there |= {(subject, entry.number): entry.digest for _, entry in await self._found(subject) if entry}
        return tuple(
            f"{entry.subject}: entry {entry.number} is not what was exported"
            for entry in kept
            if now_there.get((entry.subject, entry.number)) != entry.digest
        )

    async def _found(self, subject: str) -> list[tuple[str, AuditEntry | None]]:
        """The trail by key; None in place of what is no entry."""
        found: list[tuple[str, AuditEntry | None]] = []
        for key in await self.store.keys(f"audit/{subject}"):
            content = await self.store.read(key)
            try:
                found.append((key, decode(AuditEntry, key, content) if content is not None else None))
            except StoreError:
                found.append((key, None))
        return found

    async def _changed(self, subject: str) -> Mapping[str, str]:
        if not isinstance(self.store, Versioned):
            return {}
        return await self.store.changed(f"audit/{subject}".rstrip("/"))


def _key(subject: str, number: int) -> str:
    return f"audit/{subject}/{number:08d}.json"
