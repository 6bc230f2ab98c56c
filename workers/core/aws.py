"""AWS's own library, imported when it is first used: that takes a second, and most commands never need it.

``aws.ClientError`` and ``aws.BotoCoreError`` are looked up when an error is caught, ``aws.client`` when a client is
made; so a module may name them without paying for them.
"""

from __future__ import annotations

from typing import Any


def client(service: str, **options: Any) -> Any:
    """A client of an AWS service.

    Args:
        service: its name, as boto3 knows it.
        options: as for ``boto3.client``; ``config`` may be a mapping of ``botocore.config.Config``'s arguments.

    Raises:
        botocore.exceptions.BotoCoreError: region or identity are not configured.
    """
    import boto3  # noqa: PLC0415 - see above
    from botocore.config import Config  # noqa: PLC0415

    config = options.pop("config", None)
    return boto3.client(service, **options, **({"config": Config(**config)} if config else {}))


def __getattr__(name: str) -> Any:
    if name not in ("BotoCoreError", "ClientError"):
        raise AttributeError(name)
    from botocore import exceptions  # noqa: PLC0415 - see above

    return getattr(exceptions, name)
