"""Short-lived keys for EC2 machines: while hosts are worked on, EC2 Instance Connect lets our key in.

AWS gives a pushed key to the machine for 60 seconds. It is pushed again well before these are over, so that every new
connection finds it. Nothing stays on the machine, and CloudTrail has each push. Source of the 60 seconds:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-connect-methods.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from workers.core import aws
from workers.core.events import Event, EventKind, EventSink
from workers.core.records import HostAddress
from workers.core.values import now
from workers.execution.keys import public_key_of
from workers.execution.ssh import SshAccess
from workers.execution.workspace import private_folder

_EVERY_SECONDS: Final = 25
_PATIENCE: Final = {"connect_timeout": 5, "read_timeout": 10, "retries": {"max_attempts": 1}}


@asynccontextmanager
async def key_let_in(
    hosts: Sequence[HostAddress], access: SshAccess, sink: EventSink, *, every: float = _EVERY_SECONDS
) -> AsyncIterator[None]:
    """Keep our key let in on those of the hosts that are EC2 instances; nothing for all others.

    A push that AWS refuses is told to the sink and tried again: a machine that has just been made takes none yet. What
    follows from it is seen by whoever connects.

    Args:
        hosts: the hosts.
        access: has the private key, whose public half is pushed.
        sink: is told each new reason why a push failed.
        every: seconds between pushes.
    """
    instances = [host for host in hosts if host.instance]
    if not instances or not access.private_key:
        yield
        return
    with private_folder() as folder:
        public = public_key_of(access.private_key, folder)
    pushing = [_Push(host, host.user or access.user, public, sink) for host in instances]
    await asyncio.gather(*(push.once() for push in pushing))
    again = asyncio.create_task(_again(pushing, every), name="ec2-instance-connect")
    try:
        yield
    finally:
        again.cancel()
        with suppress(asyncio.CancelledError):
            await again


async def _again(pushing: Sequence[_Push], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await asyncio.gather(*(push.once() for push in pushing))


class _Push:
    """Pushes the key to one instance."""

    def __init__(self, host: HostAddress, user: str, public: str, sink: EventSink) -> None:
        self._host, self._user, self._public, self._sink = host, user, public, sink
        self._told = ""

    async def once(self) -> None:
        problem = await asyncio.to_thread(self._push)
        if problem and problem != self._told:
            text = f"EC2 Instance Connect did not take the key for {self._host.name}: {problem}"
            self._sink(Event(time=now(), kind=EventKind.WARNING, text=text))
        self._told = problem

    def _push(self) -> str:
        """What was in the way; empty where the key was taken."""
        region, _, instance = self._host.instance.partition("/")
        try:
            aws.client("ec2-instance-connect", region_name=region, config=_PATIENCE).send_ssh_public_key(
                InstanceId=instance, InstanceOSUser=self._user, SSHPublicKey=self._public
            )
        except (aws.ClientError, aws.BotoCoreError) as error:
            return str(error)
        return ""
