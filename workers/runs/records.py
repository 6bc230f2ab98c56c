"""Typed access to the store: each kind of record under its own keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from workers.core.errors import NotFoundError, StoreError
from workers.core.records import (
    Approval,
    Change,
    Plan,
    Policy,
    RequestRecord,
    StackId,
    StackRecord,
    Statement,
)
from workers.core.values import Record
from workers.runs.store import Store

T = TypeVar("T", bound=Record)


def encode(record: Record) -> bytes:
    """A record as it is stored: indented JSON, so that a person can read the store too."""
    return record.model_dump_json(indent=1).encode() + b"\n"


def decode(kind: type[T], key: str, content: bytes) -> T:
    """The record that ``content`` holds.

    Raises:
        StoreError: it is not such a record (damaged, or written by another version).
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"The store's '{key}' is not a {kind.__name__}: {where}: {first['msg']}.") from error


async def read_record(store: Store, kind: type[T], key: str) -> T | None:
    """The record under ``key``, or None."""
    content = await store.read(key)
    return None if content is None else decode(kind, key, content)


@dataclass(frozen=True)
class Plans:
    """Saved plans: the record, the plan file, the workspace it was made in, and the mark of its one use."""

    store: Store

    async def save(self, plan: Plan, file: bytes, workspace: bytes, document: bytes) -> None:
        """Keep a plan; a plan of the same digest is the same plan.

        Args:
            plan: the record.
            file: the saved plan file.
            workspace: the packed stack root that it was made in.
            document: the plan as redacted JSON, for people.
        """
        await self.store.write(f"plans/{plan.digest}/file", file)
        await self.store.write(f"plans/{plan.digest}/workspace", workspace)
        await self.store.write(f"plans/{plan.digest}/document.json", document)
        await self.store.write(f"plans/{plan.digest}/plan.json", encode(plan))

    async def find(self, digest: str) -> Plan | None:
        """The plan of that digest."""
        return await read_record(self.store, Plan, f"plans/{digest}/plan.json")

    async def file(self, digest: str) -> bytes | None:
        """The saved plan file."""
        return await self.store.read(f"plans/{digest}/file")

    async def workspace(self, digest: str) -> bytes | None:
        """The packed stack root."""
        return await self.store.read(f"plans/{digest}/workspace")

    async def document(self, digest: str) -> bytes | None:
        """The plan as redacted JSON."""
        return await self.store.read(f"plans/{digest}/document.json")

    async def use(self, digest: str, run: str) -> bool:
        """Mark the plan as used by ``run``; False where it has been used before, by whichever run."""
        return await self.store.create(f"plans/{digest}/used", run.encode())

    async def used_by(self, digest: str) -> str:
        """The run that used the plan, or an empty text."""
        return (await self.store.read(f"plans/{digest}/used") or b"").decode()


@dataclass(frozen=True)
class Changes:
    """Changes with what the policy said and who decided what."""

    store: Store

    async def save(self, change: Change) -> str:
        """Keep a change; returns its digest."""
        await self.store.write(f"changes/{change.digest}/change.json", encode(change))
        return change.digest

    async def find(self, digest: str) -> Change | None:
        """The change of that digest, its content checked against the digest."""
        key = f"changes/{digest}/change.json"
        change = await read_record(self.store, Change, key)
        if change is not None and change.digest != digest:
            message = f"The store's '{key}' does not have the digest that it is named by."
            raise StoreError(message, "It was altered; plan again.")
        return change

    async def set_policy(self, policy: Policy) -> Policy:
        """Keep what the policy said, once; returns what counts, which is the first."""
        key = f"changes/{policy.change}/policy.json"
        if await self.store.create(key, encode(policy)):
            return policy
        return await self.policy(policy.change) or policy

    async def policy(self, digest: str) -> Policy | None:
        """What the policy said."""
        return await read_record(self.store, Policy, f"changes/{digest}/policy.json")

    async def mark_cleanup(self, digest: str) -> None:
        """Note that the change only removes what a failed apply made in a stack that was empty before."""
        await self.store.write(f"changes/{digest}/cleanup", b"")

    async def is_cleanup(self, digest: str) -> bool:
        """Whether `mark_cleanup` was said of the change."""
        return await self.store.read(f"changes/{digest}/cleanup") is not None

    async def add_statement(self, statement: Statement) -> Statement:
        """Keep what a person said on a user task, once; returns what counts, which is the first."""
        key = f"changes/{statement.change}/statements/{statement.user_task}.json"
        if await self.store.create(key, encode(statement)):
            return statement
        return await self.statement(statement.change, statement.user_task) or statement

    async def statement(self, digest: str, user_task: int) -> Statement | None:
        """What a person whom we authenticated said on that user task."""
        return await read_record(self.store, Statement, f"changes/{digest}/statements/{user_task}.json")

    async def add_approval(self, approval: Approval) -> bool:
        """Keep one decision, once per user task; False where that task's decision was recorded before."""
        key = f"changes/{approval.change}/approvals/{approval.user_task}.json"
        return await self.store.create(key, encode(approval))

    async def approvals(self, digest: str) -> tuple[Approval, ...]:
        """Every decision on the change, oldest first."""
        keys = await self.store.keys(f"changes/{digest}/approvals")
        found = [await read_record(self.store, Approval, key) for key in keys]
        return tuple(sorted((a for a in found if a), key=lambda a: a.created))

    async def use_role(self, digest: str, step: int, run: str, hosts: Iterable[str]) -> bool:
        """Mark a role step of the change as used by ``run`` on hosts; False where another run used it on one before."""
        return all([await self._use_role(f"changes/{digest}/role-uses/{step}/{host}", run) for host in hosts])

    async def role_used(self, digest: str, step: int, hosts: Iterable[str]) -> bool:
        """Whether some run used the role step on one of the hosts."""
        keys = [f"changes/{digest}/role-uses/{step}/{host}" for host in hosts]
        return any([await self.store.read(key) is not None for key in keys])

    async def _use_role(self, key: str, run: str) -> bool:
        return await self.store.create(key, run.encode()) or await self.store.read(key) == run.encode()


@dataclass(frozen=True)
class Stacks:
    """Stack records."""

    store: Store

    async def save(self, record: StackRecord) -> None:
        """Keep the record."""
        await self.store.write(f"stacks/{record.id}.json", encode(record))

    async def find(self, stack: StackId) -> StackRecord | None:
        """The record of that stack."""
        return await read_record(self.store, StackRecord, f"stacks/{stack}.json")

    async def get(self, stack: StackId) -> StackRecord:
        """The record of that stack.

        Raises:
            NotFoundError: there is none.
        """
        record = await self.find(stack)
        if record is None:
            raise NotFoundError(f"There is no stack {stack}.", "`sluis stacks` lists what there is.")
        return record

    async def all(self, environment: str = "") -> tuple[StackRecord, ...]:
        """All stacks, or those of one environment."""
        keys = await self.store.keys(f"stacks/{environment}" if environment else "stacks")
        found = [await read_record(self.store, StackRecord, key) for key in keys]
        return tuple(r for r in found if r)


@dataclass(frozen=True)
class Requests:
    """Who asked for which process instance."""

    store: Store

    async def save(self, record: RequestRecord) -> bool:
        """Keep the record, once; False where the instance's requester is known already."""
        return await self.store.create(f"requests/{record.process_instance}.json", encode(record))

    async def find(self, process_instance: int) -> RequestRecord | None:
        """Who asked for that instance, where it is known."""
        return await read_record(self.store, RequestRecord, f"requests/{process_instance}.json")
