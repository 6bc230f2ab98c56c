"""Shapes and helpers that every room shares: JSON, digests, names, time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue

__all__ = [
    "NAME_PATTERN",
    "JsonValue",
    "Record",
    "canonical_json",
    "digest_bytes",
    "digest_files",
    "digest_value",
    "is_name",
    "now",
]

NAME_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,62}$"
"""Names of environments, stacks, hosts, modules and roles. They become path parts, so nothing else is let in."""


class Record(BaseModel):
    """A frozen value that is kept in the store or read from a file; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def is_name(text: str) -> bool:
    """Whether ``text`` may be used as a name and as a part of a path."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def canonical_json(value: JsonValue) -> bytes:
    """One byte sequence per JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_bytes(content: bytes) -> str:
    """The SHA-256 of ``content`` as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def digest_value(value: JsonValue) -> str:
    """The digest of a JSON value, independent of key order."""
    return digest_bytes(canonical_json(value))


def digest_files(files: Mapping[str, bytes]) -> str:
    """The digest of a folder given as relative POSIX paths and contents; names and contents both count."""
    return digest_value({path: digest_bytes(content) for path, content in files.items()})


def now() -> datetime:
    """The present, in UTC, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
