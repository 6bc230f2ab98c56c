"""Artefacts in the store: content under its SHA-256, and for which environment it was fetched from where.

A process variable names one by ``artifact://<sha256>``. The content is the same for all environments; that an
environment may use it is a record of its own, made by whoever fetched it from a place that the environment allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from workers.core.errors import NotFoundError, StoreError
from workers.core.records import ArtifactRecord
from workers.core.values import digest_bytes
from workers.runs.records import encode, read_record
from workers.runs.store import Store

PREFIX: Final = "artifact://"
_REFERENCE: Final = re.compile(rf"{PREFIX}([0-9a-f]{{64}})")


def referred_digest(value: object) -> str:
    """The digest that a reference names; empty where the value is none."""
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else ""


@dataclass(frozen=True)
class Artifacts:
    """Artefacts by digest."""

    store: Store

    async def save(self, record: ArtifactRecord, content: bytes) -> None:
        """Keep an artefact, and that its environment may use it."""
        await self.store.create(f"artifacts/{record.digest}/content", content)
        await self.store.write(_record_key(record.digest, record.environment), encode(record))

    async def find(self, digest: str, environment: str) -> ArtifactRecord | None:
        """What is known of an artefact in an environment; None where it was not fetched for that environment."""
        return await read_record(self.store, ArtifactRecord, _record_key(digest, environment))

    async def stored(self, digest: str) -> bytes | None:
        """The content of that digest, whoever fetched it; None where there is none.

        Raises:
            StoreError: what is stored does not have that digest.
        """
        content = await self.store.read(f"artifacts/{digest}/content")
        if content is not None and digest_bytes(content) != digest:
            message = f"The store's 'artifacts/{digest}/content' does not have the digest that it is named by."
            raise StoreError(message, "It was altered; remove it, and it is fetched again.")
        return content

    async def content(self, digest: str, environment: str) -> bytes:
        """The content of an artefact that was fetched for the environment.

        Raises:
            NotFoundError: it was not.
            StoreError: what is stored does not have that digest.
        """
        known = await self.find(digest, environment)
        content = await self.stored(digest) if known else None
        if content is None:
            hint = "A task of the type artifact.fetch comes first, for the same environment."
            raise NotFoundError(f"The artefact {digest} was not fetched for environment {environment}.", hint)
        return content


def _record_key(digest: str, environment: str) -> str:
    return f"artifacts/{digest}/{environment}.json"
