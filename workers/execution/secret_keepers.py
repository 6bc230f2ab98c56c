"""Where sensitive outputs go: into a secret store, from which they come back as references."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workers.core import aws
from workers.core.errors import StoreError
from workers.core.values import JsonValue
from workers.execution.secret_sources import secrets_manager


class SecretKeeper(Protocol):
    """Keeps the sensitive outputs of stacks."""

    def keep(self, stack: str, values: Mapping[str, JsonValue]) -> dict[str, str]:
        """Keep these values and no others for ``environment/name``; gives a reference for each.

        Raises:
            StoreError: they cannot be kept.
        """
        ...


@dataclass(frozen=True)
class FolderKeeper:
    """One file per output, readable by us only.

    Args:
        folder: where; every stack has a folder of its own below it.
    """

    folder: Path

    def keep(self, stack: str, values: Mapping[str, JsonValue]) -> dict[str, str]:
        """See `SecretKeeper.keep`."""
        target = self.folder / stack
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
            for name, value in values.items():
                _write(fresh / name, as_text(value))
            shutil.rmtree(target, ignore_errors=True)
            fresh.rename(target) if values else fresh.rmdir()
        except OSError as error:
            raise StoreError(
                f"The sensitive outputs of {stack} cannot be kept in {target}: {error.strerror}."
            ) from error
        return {name: f"secret://file/{target.resolve() / name}" for name in values}


@dataclass(frozen=True)
class AwsKeeper:
    """One secret per stack in AWS Secrets Manager, a JSON object with the outputs as its keys.

    Args:
        prefix: what the names of the secrets begin with.
        kms_key_id: the key that encrypts them; empty for the account's own.
        connect: makes the client.
    """

    prefix: str
    kms_key_id: str = ""
    connect: Callable[[], Any] = secrets_manager

    def keep(self, stack: str, values: Mapping[str, JsonValue]) -> dict[str, str]:
        """See `SecretKeeper.keep`."""
        name = f"{self.prefix}/{stack}"
        try:
            self._put(self.connect(), name, json.dumps({key: as_text(value) for key, value in values.items()}))
        except (aws.ClientError, aws.BotoCoreError) as error:
            raise StoreError(
                f"The sensitive outputs of {stack} cannot be kept in AWS Secrets Manager: {error}"
            ) from error
        return {key: f"secret://aws-sm/{name}#{key}" for key in values}

    def _put(self, client: Any, name: str, text: str) -> None:
        try:
            client.put_secret_value(SecretId=name, SecretString=text)
        except client.exceptions.ResourceNotFoundException:
            if text == "{}":
                return
            key = {"KmsKeyId": self.kms_key_id} if self.kms_key_id else {}
            client.create_secret(Name=name, SecretString=text, **key)


def as_text(value: JsonValue) -> str:
    """A value as a secret is kept: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _write(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
