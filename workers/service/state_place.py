"""The state of a stack, where its environment keeps it: read as it is, and put there once by adoption."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.core import aws
from workers.core.environment import S3State
from workers.core.errors import BusyError, StoreError
from workers.core.records import StackId
from workers.handlers.context import Context

Connect = Callable[..., Any]
_TAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict")


def state_path(context: Context, stack: StackId) -> Path:
    """Where a stack of an environment with local state keeps it."""
    return context.data / "state" / stack.environment / stack.name / "terraform.tfstate"


def read(context: Context, stack: StackId, connect: Connect = aws.client) -> str:
    """The state as text; empty where there is none.

    Args:
        context: what the installation has.
        stack: whose state.
        connect: makes a client of AWS; as `aws.client`.

    Raises:
        StoreError: it cannot be read.
    """
    place = context.environment(stack.environment).state
    if not isinstance(place, S3State):
        file = state_path(context, stack)
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    try:
        answer = _s3(place, connect).get_object(Bucket=place.bucket, Key=place.key(stack.environment, stack.name))
        return str(answer["Body"].read().decode(errors="replace"))
    except aws.ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            return ""
        raise StoreError(f"The state of {stack} cannot be read: {error}") from error
    except aws.BotoCoreError as error:
        raise StoreError(f"The state of {stack} cannot be read: {error}") from error


def create(context: Context, stack: StackId, content: bytes, connect: Connect = aws.client) -> None:
    """Put a state where there is none. In S3 it is done with the identity of whoever calls.

    Args:
        context: what the installation has.
        stack: whose state.
        content: the state.
        connect: makes a client of AWS; as `aws.client`.

    Raises:
        BusyError: there is one already.
        StoreError: it cannot be written.
    """
    place = context.environment(stack.environment).state
    if isinstance(place, S3State):
        _create_in_s3(place, stack, content, connect)
        return
    target = state_path(context, stack)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise _taken(stack) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _create_in_s3(place: S3State, stack: StackId, content: bytes, connect: Connect) -> None:
    key = {"SSEKMSKeyId": place.kms_key_id, "ServerSideEncryption": "aws:kms"} if place.kms_key_id else {}
    name = place.key(stack.environment, stack.name)
    try:
        _s3(place, connect).put_object(
            Bucket=place.bucket, Key=name, Body=content, IfNoneMatch="*", ContentType="application/json", **key
        )
    except aws.ClientError as error:
        if error.response.get("Error", {}).get("Code") in _TAKEN:
            raise _taken(stack) from error
        raise StoreError(f"The state of {stack} cannot be put to s3://{place.bucket}/{name}: {error}") from error
    except aws.BotoCoreError as error:
        raise StoreError(f"The state of {stack} cannot be put to s3://{place.bucket}/{name}: {error}") from error


def _taken(stack: StackId) -> BusyError:
    return BusyError(f"Stack {stack} exists already: there is a state in its place.", "Choose another name.")


def _s3(place: S3State, connect: Connect) -> Any:
    options = {"endpoint_url": place.endpoint} if place.endpoint else {}
    return connect("s3", region_name=place.region, **options)
