"""What carries the tag of a stack and is in no state: made by a tool that was killed before it could write it down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workers.core import aws
from workers.core.environment import Cloud, Environment
from workers.core.errors import ToolError
from workers.core.records import StackRecord
from workers.execution.root_configuration import RUN_TAG, STACK_TAG
from workers.handlers.context import Context
from workers.service import state_place
from workers.service.machine import HOSTS_FOLDER
from workers.service.state_place import Connect


@dataclass(frozen=True)
class Found:
    """One thing that belongs to a stack.

    Attributes:
        id: how its provider names it.
        known_by: what the state holds where it knows the thing.
        run: the run that made it; empty where the provider does not say.
    """

    id: str
    known_by: str
    run: str = ""


class Finder(Protocol):
    """Finds what a provider has of a stack, whether a state knows it or not."""

    def __call__(self, record: StackRecord) -> Iterable[Found]:
        """What there is.

        Raises:
            ToolError: the provider cannot be asked.
        """
        ...


@dataclass(frozen=True)
class LocalMachines:
    """Machines of the module ``local_host``: each has a folder with the mark of its making.

    Args:
        folder: where they are.
    """

    folder: Path

    def __call__(self, record: StackRecord) -> Iterable[Found]:
        """See `Finder`. A machine goes by the name that the stack gave it."""
        name = str(record.inputs.get("name", record.id.name))
        file = self.folder / name / "host.json"
        if not file.is_file():
            return ()
        try:
            return (Found(f"local machine {name} ({file.parent})", str(json.loads(file.read_text())["generation"])),)
        except (OSError, ValueError, KeyError) as error:
            raise ToolError(f"{file} cannot be read: {type(error).__name__}.") from error


@dataclass(frozen=True)
class AwsResources:
    """Resources in the environment's AWS account, found by the tag ``sluis:stack``.

    Args:
        cloud: account, region and the role for plans, which may read.
        connect: makes a client.
    """

    cloud: Cloud
    connect: Connect = aws.client

    def __call__(self, record: StackRecord) -> Iterable[Found]:
        """See `Finder`. The API lists most kinds of resources that can be tagged, those deleted lately included."""
        try:
            client = self.connect("resourcegroupstaggingapi", region_name=self.cloud.region, **self._identity())
            pages = client.get_paginator("get_resources").paginate(
                TagFilters=[{"Key": STACK_TAG, "Values": [str(record.id)]}]
            )
            return [_resource(item) for page in pages for item in page["ResourceTagMappingList"]]
        except (aws.BotoCoreError, aws.ClientError) as error:
            raise ToolError(f"AWS was asked for what is tagged {STACK_TAG}={record.id} and refused: {error}") from error

    def _identity(self) -> dict[str, str]:
        if not self.cloud.plan_role_arn:
            return {}
        given = {"ExternalId": self.cloud.external_id} if self.cloud.external_id else {}
        sts = self.connect("sts", region_name=self.cloud.region)
        taken = sts.assume_role(RoleArn=self.cloud.plan_role_arn, RoleSessionName="sluis-orphans", **given)
        keys = {"access_key_id": "AccessKeyId", "secret_access_key": "SecretAccessKey", "session_token": "SessionToken"}
        return {f"aws_{ours}": taken["Credentials"][theirs] for ours, theirs in keys.items()}


def _resource(item: Any) -> Found:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
    return Found(item["ResourceARN"], item["ResourceARN"], tags.get(RUN_TAG, ""))


def finders(context: Context, environment: Environment) -> tuple[Finder, ...]:
    """The finders that fit an environment."""
    machines = LocalMachines(Path(context.variables.get(HOSTS_FOLDER) or context.data / "hosts"))
    return (machines, AwsResources(environment.cloud)) if environment.cloud else (machines,)


async def orphans(context: Context, record: StackRecord, connect: Connect = aws.client) -> tuple[Found, ...]:
    """What there is of a stack that its state does not know.

    Raises:
        ToolError: a provider cannot be asked.
        StoreError: the state cannot be read.
    """
    environment = context.environment(record.id.environment)
    found = [one for finder in finders(context, environment) for one in await asyncio.to_thread(finder, record)]
    state = await asyncio.to_thread(state_place.read, context, record.id, connect) if found else ""
    return tuple(one for one in found if one.known_by not in state)
