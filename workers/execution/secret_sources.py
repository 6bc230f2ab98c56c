"""Secret sources beyond this machine: AWS Secrets Manager and Keeper Secrets Manager.

``secret://aws-sm/NAME#KEY`` is one key of a secret that holds a JSON object, ``secret://aws-sm/NAME`` a whole secret.
Account, region and address are those of the worker's own AWS configuration. ``secret://keeper/UID#FIELD`` is a field
(or custom field) of a record, by its type or label, read with Keeper's own library, which the extra ``sluis[keeper]``
installs; its configuration is the variable ``KSM_CONFIG`` or the file that ``KSM_CONFIG_FILE`` names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from workers.core import aws
from workers.core.errors import MissingToolError, SettingError, ToolError

_ABSENT: Final = ("ResourceNotFoundException", "InvalidRequestException")


def secrets_manager() -> Any:
    """A client of AWS Secrets Manager as the worker's own AWS configuration says."""
    try:
        return aws.client("secretsmanager")
    except aws.BotoCoreError as error:
        hint = "Set AWS_REGION and give the worker an identity."
        raise SettingError(f"AWS Secrets Manager cannot be reached: {error}", hint) from error


@dataclass(frozen=True)
class AwsSecretsManager:
    """Secrets in AWS Secrets Manager."""

    connect: Callable[[], Any] = secrets_manager

    def __call__(self, name: str) -> str:
        """The value of ``NAME`` or ``NAME#KEY``.

        Raises:
            SettingError: there is no such secret or key, or we may not read it.
            ToolError: AWS did not answer.
        """
        secret, _, key = name.partition("#")
        reference = f"secret://aws-sm/{name}"
        text = self._read(secret, reference)
        return _part(text, key, reference) if key else text

    def _read(self, secret: str, reference: str) -> str:
        try:
            answer = self.connect().get_secret_value(SecretId=secret)
        except aws.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            problem = "there is no such secret" if code in _ABSENT else f"AWS refuses it ({code})"
            raise SettingError(f"{reference}: {problem}.") from error
        except aws.BotoCoreError as error:
            raise ToolError(f"{reference}: AWS Secrets Manager did not answer ({type(error).__name__}).") from error
        if "SecretString" not in answer:
            raise SettingError(f"{reference}: the secret is binary.", "Store it as text.")
        return str(answer["SecretString"])


@dataclass(frozen=True)
class Keeper:
    """Secrets in Keeper, by Keeper's own library."""

    connect: Callable[[], Any] | None = None

    def __call__(self, name: str) -> str:
        """The value of ``UID#FIELD``.

        Raises:
            SettingError: the reference names no field, or there is no such record or field.
            MissingToolError: the library is not installed.
            ToolError: Keeper did not answer or refused us.
        """
        record, _, field = name.partition("#")
        reference = f"secret://keeper/{name}"
        if not (record and field):
            raise SettingError(f"{reference}: it names no field.", "Write secret://keeper/UID#FIELD.")
        values = self._fields(record, reference).get(field, [])
        if not values:
            raise SettingError(f"{reference}: the record has no value in a field of that type or label.")
        return values[0] if isinstance(values[0], str) else json.dumps(values[0])

    def _fields(self, uid: str, reference: str) -> dict[str, list[Any]]:
        try:
            records = (self.connect or keeper)().get_secrets([uid])
        except (SettingError, MissingToolError):
            raise
        except Exception as error:  # the library raises plain exceptions
            raise ToolError(f"{reference}: Keeper did not give it ({type(error).__name__}).") from error
        if len(records) != 1:
            raise SettingError(f"{reference}: there is no such record, or it is not shared with this application.")
        entries = [*records[0].dict.get("fields", []), *records[0].dict.get("custom", [])]
        by_type = {entry["type"]: entry.get("value", []) for entry in reversed(entries) if entry.get("type")}
        return by_type | {entry["label"]: entry.get("value", []) for entry in reversed(entries) if entry.get("label")}


def keeper() -> Any:
    """A client of Keeper Secrets Manager.

    Raises:
        MissingToolError: its library is not installed.
        SettingError: it is not configured.
    """
    try:
        from keeper_secrets_manager_core import SecretsManager  # noqa: PLC0415 - optional
        from keeper_secrets_manager_core.storage import FileKeyValueStorage, InMemoryKeyValueStorage  # noqa: PLC0415
    except ImportError as error:
        raise MissingToolError("Keeper's library is not installed.", "Run pip install 'sluis[keeper]'.") from error
    if text := os.environ.get("KSM_CONFIG"):
        return SecretsManager(config=InMemoryKeyValueStorage(text))
    if file := os.environ.get("KSM_CONFIG_FILE"):
        return SecretsManager(config=FileKeyValueStorage(file))
    raise SettingError("Keeper is not configured.", "Set KSM_CONFIG or KSM_CONFIG_FILE for the worker.")


def _part(text: str, key: str, reference: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or key not in document:
        raise SettingError(f"{reference}: the secret is no JSON object with the key '{key}'.")
    value = document[key]
    return value if isinstance(value, str) else json.dumps(value)
