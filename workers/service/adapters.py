"""The engine's side of what handlers ask for: the decision table and the records of user tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from workers.core.errors import EngineError, EngineUnavailableError, NotShownYetError
from workers.core.values import JsonValue, digest_bytes
from workers.engine.errors import JobGoneError
from workers.engine.rest import OrchestrationRest
from workers.handlers.ports import CompletedTask, PolicyAnswer
from workers.runs.store import Store

if TYPE_CHECKING:
    from workers.engine.grpc import ZeebeGateway

POLICY_DECISION: Final = "ChangePolicy"
_VISIBLE_WITHIN: Final = 15.0
_ENDED: Final = frozenset({"COMPLETED", "CANCELED", "FAILED"})
_SHOWN_WITHIN: Final = 5.0
"""A job that waits here holds a slot: longer waits are the engine's, between two attempts."""


@dataclass(frozen=True)
class EngineTable:
    """The approval policy as the engine evaluates it, held against the table that `sluis deploy` deployed last."""

    gateway: ZeebeGateway
    rest: OrchestrationRest
    store: Store

    async def evaluate(self, facts: Mapping[str, JsonValue]) -> PolicyAnswer:
        """See `PolicyTable.evaluate`.

        Raises:
            EngineError: the engine's table is not the one that this installation deployed last.
        """
        decision = await self.gateway.evaluate_decision(POLICY_DECISION, dict(facts))
        digest = await self._digest(decision.decision_key)
        if await self.store.read(f"tables/{POLICY_DECISION}") != digest.encode():
            raise EngineError(
                f"The engine's {POLICY_DECISION} (version {decision.version}) is not the one that was deployed last by "
                "this installation.",
                "Look at it in Operate; `sluis deploy` puts the project's own table back.",
            )
        output = decision.output if isinstance(decision.output, dict) else {}
        return PolicyAnswer(output, digest)

    async def _digest(self, key: int) -> str:
        """The digest of a deployed table; one deployed just now is shown a second or two later."""
        deadline = time.monotonic() + _VISIBLE_WITHIN
        while True:
            try:
                return digest_bytes((await self.rest.decision_definition_xml(key)).encode())
            except EngineUnavailableError:
                raise
            except EngineError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.25)


@dataclass(frozen=True)
class EngineTasks:
    """What the engine's REST API says of user tasks and of who called whom."""

    rest: OrchestrationRest

    async def completed_tasks(self, process_instance: int, element: str) -> tuple[CompletedTask, ...]:
        """See `TaskRecords.completed_tasks`."""
        tasks = await self.rest.user_tasks(process_instance=process_instance, state="COMPLETED", element=element)
        found = (CompletedTask(task.key, task.assignee or "", task.completed) for task in tasks)
        return tuple(sorted(found, key=lambda task: (task.completed is None, task.completed, task.key)))

    async def open_tasks(self, process_instance: int, element: str) -> tuple[int, ...]:
        """See `TaskRecords.open_tasks`."""
        tasks = await self.rest.user_tasks(process_instance=process_instance, element=element)
        return tuple(task.key for task in tasks if task.state not in _ENDED)

    async def root_of(self, process_instance: int) -> int:
        """See `TaskRecords.root_of`."""
        try:
            return (await self.rest.root_of(process_instance, _SHOWN_WITHIN)).key
        except JobGoneError as error:
            raise NotShownYetError(error.message, "The search is behind the engine; it is asked again.") from error
