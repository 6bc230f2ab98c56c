"""OpenTofu's own encryption of state and saved plans, told to it by the environment variable ``TF_ENCRYPTION``.

The key never stands in a file: the configuration is not part of the stack root. Terraform has nothing like it.
Source: opentofu.org/docs/language/state/encryption.
"""

from __future__ import annotations

import json
from typing import Final

from workers.core.environment import Encryption
from workers.core.errors import SettingError
from workers.core.values import JsonValue

VARIABLE: Final = "TF_ENCRYPTION"
_SHORTEST: Final = 16  # what OpenTofu asks for
_METHOD: Final = "method.aes_gcm.sluis"  # a reference, which JSON writes without ${}
_CLEAR: Final = "method.unencrypted.old"


def encryption_variable(encryption: Encryption, passphrase: str, product: str) -> dict[str, str]:
    """The environment variable that makes OpenTofu encrypt.

    Args:
        encryption: what the environment file says.
        passphrase: the passphrase that it refers to; empty where a KMS key is used.
        product: the tool that is run, ``OpenTofu`` or ``Terraform``.

    Raises:
        SettingError: the tool cannot encrypt, or the passphrase is too short.
    """
    if product != "OpenTofu":
        raise SettingError(
            f"The environment asks for encryption, which {product} does not have.",
            "Use OpenTofu, or leave 'encryption' out and rely on the state backend's own.",
        )
    protected: dict[str, JsonValue] = {"method": _METHOD, "enforced": not encryption.migrate}
    configuration: dict[str, JsonValue] = {
        "key_provider": _key_provider(encryption, passphrase),
        "method": {
            "aes_gcm": {"sluis": {"keys": f"${{key_provider.{_kind(encryption)}.sluis}}"}},
            "unencrypted": {"old": {}},
        },
        "state": {**protected, **({"fallback": {"method": _CLEAR}} if encryption.migrate else {})},
        "plan": {"method": _METHOD, "enforced": True},
    }
    return {VARIABLE: json.dumps(configuration)}


def _kind(encryption: Encryption) -> str:
    return "aws_kms" if encryption.kms_key_id else "pbkdf2"


def _key_provider(encryption: Encryption, passphrase: str) -> JsonValue:
    if encryption.kms_key_id:
        settings = {"kms_key_id": encryption.kms_key_id, "region": encryption.region, "key_spec": "AES_256"}
        return {"aws_kms": {"sluis": {name: value for name, value in settings.items() if value}}}
    if len(passphrase) < _SHORTEST:
        raise SettingError(f"encryption.passphrase: OpenTofu asks for at least {_SHORTEST} characters.")
    return {"pbkdf2": {"sluis": {"passphrase": passphrase}}}
