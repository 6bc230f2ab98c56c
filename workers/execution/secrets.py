"""Secret references, resolved in the worker at the last moment.

``secret://env/NAME`` is an environment variable of the worker, ``secret://file/PATH`` a file (``/`` at the start of
PATH makes it absolute, else it is looked up below the project's ``secrets`` folder). ``secret_sources`` has those that
are not on this machine. Values are never logged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from workers.core.errors import SettingError
from workers.core.values import JsonValue
from workers.execution.secret_sources import AwsSecretsManager, Keeper

_REFERENCE: Final = re.compile(r"secret://(?P<source>[a-z-]+)/(?P<name>\S+)")


class SecretSource(Protocol):
    """A place that secrets come from."""

    def __call__(self, name: str) -> str:
        """The value of the secret ``name``.

        Raises:
            SettingError: there is none.
        """
        ...


@dataclass(frozen=True)
class Secrets:
    """Resolves references.

    Args:
        sources: by the word after ``secret://``.
    """

    sources: Mapping[str, SecretSource]

    def value(self, reference: str) -> str:
        """The secret that ``reference`` points to.

        Raises:
            SettingError: the reference is not well formed, its source is unknown or has no such secret.
        """
        match = _REFERENCE.fullmatch(reference)
        source = self.sources.get(match["source"]) if match else None
        if match is None or source is None:
            known = ", ".join(f"secret://{name}/…" for name in sorted(self.sources))
            raise SettingError(
                f"'{reference}' is not a secret reference that can be resolved here.", f"Known are {known}."
            )
        return source(match["name"])

    def resolve(self, value: JsonValue) -> tuple[JsonValue, tuple[str, ...]]:
        """``value`` with every reference in it replaced, and the secrets that were put in, for redaction."""
        found: list[str] = []
        return self._walk(value, found), tuple(found)

    def _walk(self, value: JsonValue, found: list[str]) -> JsonValue:
        if isinstance(value, str) and value.startswith("secret://"):
            secret = self.value(value)
            found.append(secret)
            return secret
        if isinstance(value, list):
            return [self._walk(item, found) for item in value]
        if isinstance(value, dict):
            return {key: self._walk(item, found) for key, item in value.items()}
        return value


def local_secrets(project: Path) -> Secrets:
    """The sources that need nothing but this machine."""
    return Secrets({"env": _from_environment, "file": _FromFile(project / "secrets")})


def all_secrets(project: Path) -> Secrets:
    """Every source: this machine, AWS Secrets Manager, Keeper."""
    return Secrets({**local_secrets(project).sources, "aws-sm": AwsSecretsManager(), "keeper": Keeper()})


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SettingError(f"secret://env/{name}: the worker's environment has no variable '{name}'.")
    return value


@dataclass(frozen=True)
class _FromFile:
    folder: Path

    def __call__(self, name: str) -> str:
        path = self.folder / name
        try:
            return path.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not text"
            raise SettingError(f"secret://file/{name}: {path}: {reason}.") from error
