"""The engine over REST v2: user tasks, instances, elements, incidents, decisions; as one signed-in user.

Serves 8.6 to 8.10. Search is eventually consistent (one to five seconds): ask again with a deadline, never trust
one empty answer. What 8.6 lacks in v2, measured: reading one instance or user task by a GET, variables of any kind,
forms of tasks, names of elements. It has searches of process instances, flow node instances, incidents, user tasks
and decision definitions, the XML of a decision, assignment and completion of tasks, start and cancellation of
instances.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from workers.core.errors import EngineError
from workers.core.settings import Settings
from workers.core.values import JsonValue
from workers.engine.errors import JobGoneError
from workers.engine.rest_queries import Dialect
from workers.engine.rest_records import (
    ElementInstance,
    Incident,
    Instance,
    UserTask,
    read_element,
    read_incident,
    read_instance,
    read_user_task,
)
from workers.engine.rest_session import BearerToken, Credentials, OAuthClient, RestSession, UserPassword
from workers.engine.tls import Tls
from workers.engine.tokens import Tokens

__all__ = ["BearerToken", "ElementInstance", "Incident", "Instance", "OrchestrationRest", "UserPassword", "UserTask"]

_Keyed = TypeVar("_Keyed", UserTask, Instance)

_NEW_DIALECT: Final = (8, 8)
_POLL_SECONDS: Final = 0.2
_USER_TASKS: Final = "/v2/user-tasks/search"
_PAGE: Final = 100


class OrchestrationRest:
    """The REST API as one user sees it. Make one object per user; close it, or use it with ``async with``."""

    def __init__(self, address: str, credentials: Credentials, tls: Tls | None = None) -> None:
        self._session = RestSession(address, credentials, tls)
        self._version: tuple[int, int] | None = None
        self.address = self._session.address

    @classmethod
    def from_settings(cls, settings: Settings) -> OrchestrationRest:
        """As the service's own identity: the OAuth client where one is set, else SLUIS_REST_USER."""
        if tokens := Tokens.from_settings(settings):
            return cls(settings.rest_address, OAuthClient(tokens), Tls.from_settings(settings))
        return cls.as_user(settings, settings.rest_user, settings.rest_password.get_secret_value())

    @classmethod
    def as_user(cls, settings: Settings, user: str, password: str) -> OrchestrationRest:
        """As a given person."""
        return cls(settings.rest_address, UserPassword(user, password), Tls.from_settings(settings))

    async def sign_in(self) -> None:
        """Sign in now rather than at the first request.

        Raises:
            EngineError: wrong user or password.
            EngineUnavailableError: nobody answers.
        """
        await self._session.sign_in()

    async def close(self) -> None:
        """Close the connection."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def version(self) -> tuple[int, int]:
        """Major and minor version of the engine, e.g. ``(8, 6)``; asked once."""
        if self._version is None:
            topology = (await self._session.request("GET", "/v2/topology")).json()
            major, minor = topology["gatewayVersion"].split(".")[:2]
            self._version = int(major), int(minor)
        return self._version

    async def user_tasks(
        self,
        process_instance: int | None = None,
        state: str | None = None,
        element: str | None = None,
        limit: int = 100,
    ) -> tuple[UserTask, ...]:
        """User tasks, the newest first; fetched by the hundred, since to read a thousand at once takes megabytes.

        Args:
            process_instance: of this instance only, without the instances that it called.
            state: CREATED, COMPLETED, CANCELED.
            element: id of the BPMN element.
            limit: how many at most.
        """
        dialect = await self._dialect()
        found: dict[int, UserTask] = {}  # what comes up meanwhile moves a task to the next page, where it comes again
        for first in range(0, limit, _PAGE):
            page = (first, min(_PAGE, limit - first))
            items = await self._search(_USER_TASKS, dialect.user_tasks(process_instance, state, element, page))
            found |= {task.key: task for task in map(read_user_task, items)}
            if len(items) < _PAGE:
                break
        return tuple(found.values())

    async def user_task(self, key: int) -> UserTask:
        """The user task of that key.

        Raises:
            JobGoneError: the search knows no such task (yet).
        """
        query = (await self._dialect()).one_user_task(key)
        tasks = [read_user_task(item) for item in await self._search(_USER_TASKS, query)]
        return _only(tasks, key, f"user task {key}", self.address)

    async def assign(self, key: int, assignee: str) -> None:
        """Give a task to somebody, also where it is somebody else's."""
        body = {"assignee": assignee, "allowOverride": True}
        await self._session.request("POST", f"/v2/user-tasks/{key}/assignment", body)

    async def unassign(self, key: int) -> None:
        """Take a task from its assignee."""
        await self._session.request("DELETE", f"/v2/user-tasks/{key}/assignee")

    async def complete(self, key: int, variables: Mapping[str, JsonValue] | None = None) -> None:
        """Complete a user task with variables.

        Raises:
            JobGoneError: it is completed already, or its instance ended.
        """
        await self._session.request("POST", f"/v2/user-tasks/{key}/completion", {"variables": dict(variables or {})})

    async def instances(
        self,
        parent: int | None = None,
        process: str | None = None,
        state: str | None = None,
        limit: int = 100,
    ) -> tuple[Instance, ...]:
        """Process instances, the newest first.

        Args:
            parent: called by this instance.
            process: id of the BPMN process.
            state: ACTIVE, COMPLETED or CANCELED.
            limit: how many at most.
        """
        query = (await self._dialect()).instances(parent, process, state, limit)
        return tuple(read_instance(item) for item in await self._search("/v2/process-instances/search", query))

    async def instance(self, key: int, within: float = 0) -> Instance:
        """The process instance of that key.

        Args:
            key: the instance's key.
            within: seconds to wait until the search shows it.

        Raises:
            JobGoneError: it did not appear in that time.
        """
        query = (await self._dialect()).one_instance(key)
        deadline = time.monotonic() + within
        while True:
            items = await self._search("/v2/process-instances/search", query)
            try:
                return _only([read_instance(item) for item in items], key, f"process instance {key}", self.address)
            except JobGoneError:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_POLL_SECONDS)

    async def parent_of(self, key: int, within: float = 15) -> Instance | None:
        """The instance that called this one; None for a root."""
        parent = (await self.instance(key, within)).parent_key
        return None if parent is None else await self.instance(parent, within)

    async def root_of(self, key: int, within: float = 15) -> Instance:
        """The instance at the top of the chain of calls that this one belongs to; itself where nobody called it.

        Args:
            key: an instance's key.
            within: seconds to wait in all until the search shows the chain.
        """
        deadline = time.monotonic() + within
        found = await self.instance(key, within)
        while found.parent_key is not None:
            found = await self.instance(found.parent_key, max(deadline - time.monotonic(), 0))
        return found

    async def tree(self, root: int, within: float = 0) -> tuple[Instance, ...]:
        """An instance and all that it called, directly or not; callers before called."""
        found = [await self.instance(root, within)]
        for instance in found:
            found.extend(reversed(await self.instances(parent=instance.key)))
        return tuple(found)

    async def elements(self, process_instance: int, limit: int = 1000) -> tuple[ElementInstance, ...]:
        """The executions of elements in one instance, the oldest first; for showing progress."""
        dialect = await self._dialect()
        queries = dialect.elements(process_instance, limit)
        answers = await asyncio.gather(*(self._search(dialect.elements_path, query) for query in queries))
        found = (read_element(item) for items in answers for item in items)
        return tuple(sorted(found, key=lambda element: element.key))

    async def incidents(
        self, process_instance: int | None = None, state: str | None = "ACTIVE", limit: int = 100
    ) -> tuple[Incident, ...]:
        """Incidents of one instance (not of those that it called), or of all."""
        query = (await self._dialect()).incidents(process_instance, state, limit)
        return tuple(read_incident(item) for item in await self._search("/v2/incidents/search", query))

    async def variables(self, process_instance: int) -> Mapping[str, str]:
        """Variables of an instance as JSON texts. 8.8+ only.

        Raises:
            EngineError: the engine is older and has no search of variables.
        """
        if (await self._dialect()).old:
            raise EngineError(f"The engine at {self.address} is older than 8.8 and has no search of variables.")
        query = {"filter": {"processInstanceKey": str(process_instance)}, "page": {"limit": 1000}}
        items = await self._search("/v2/variables/search", query)
        return {item["name"]: item["value"] for item in items}

    async def decision_definition_xml(self, key: int) -> str:
        """The DMN table that a decision key stands for, as it was deployed."""
        return (await self._session.request("GET", f"/v2/decision-definitions/{key}/xml")).text

    async def start(self, process_id: str, variables: Mapping[str, JsonValue] | None = None) -> int:
        """Start the newest version of a process, as the signed-in user, and return the instance's key."""
        body = {"processDefinitionId": process_id, "variables": dict(variables or {})}
        answer = await self._session.request("POST", "/v2/process-instances", body)
        return int(answer.json()["processInstanceKey"])

    async def cancel(self, key: int) -> None:
        """Cancel a process instance and everything it called."""
        await self._session.request("POST", f"/v2/process-instances/{key}/cancellation", {})

    async def _dialect(self) -> Dialect:
        return Dialect(old=await self.version() < _NEW_DIALECT)

    async def _search(self, path: str, query: dict[str, Any]) -> list[Any]:
        return list((await self._session.request("POST", path, query)).json()["items"])


def _only(found: Sequence[_Keyed], key: int, what: str, address: str) -> _Keyed:
    for one in found:
        if one.key == key:
            return one
    raise JobGoneError(f"{address} knows no {what}.", "It may be too new: the search follows with a delay.")
