"""The bodies of search requests, in the dialect of the engine's version.

8.6 as measured:

- ``process-instances/search`` finds nothing unless the filter names the states wanted (``running``+``active``,
  ``incidents``, ``finished``+``completed``/``canceled``), and silently ignores filters that it does not know, the
  instance's key among them. One instance is found by its place in the default order, which is by key: the first
  one after ``key - 1``.
- ``flownode-instances/search`` finds elements with an incident only for ``incident: true`` and the others only
  without it: two searches. 8.8 calls it ``element-instances``.
- ``user-tasks/search`` filters by ``key`` (8.8: ``userTaskKey``) and ignores the other name.
- sorting by ``key`` works; 8.8 sorts by ``processInstanceKey``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_EVERY_STATE: Final = dict.fromkeys(("running", "active", "incidents", "finished", "completed", "canceled"), True)
_STATES: Final[Mapping[str, dict[str, bool]]] = {
    "ACTIVE": {"running": True, "active": True, "incidents": True},
    "COMPLETED": {"finished": True, "completed": True},
    "CANCELED": {"finished": True, "canceled": True},
}


@dataclass(frozen=True)
class Dialect:
    """Which names the engine understands.

    Attributes:
        old: 8.6 and 8.7.
    """

    old: bool

    def key(self, key: int) -> int | str:
        """A key as the API wants it in a filter."""
        return key if self.old else str(key)

    @property
    def elements_path(self) -> str:
        """Where element instances are searched."""
        return "/v2/flownode-instances/search" if self.old else "/v2/element-instances/search"

    def one_instance(self, key: int) -> dict[str, Any]:
        """The instance of that key, if it is there: the caller compares the key."""
        if self.old:
            return {"filter": dict(_EVERY_STATE), "page": {"limit": 1, "searchAfter": [key - 1]}}
        return {"filter": {"processInstanceKey": str(key)}, "page": {"limit": 1}}

    def instances(self, parent: int | None, process: str | None, state: str | None, limit: int) -> dict[str, Any]:
        """Instances, the newest first."""
        filters: dict[str, Any] = {}
        if parent is not None:
            filters["parentProcessInstanceKey"] = self.key(parent)
        if process is not None:
            filters["bpmnProcessId" if self.old else "processDefinitionId"] = process
        if self.old:
            filters |= _STATES[state] if state else _EVERY_STATE
        elif state:
            filters["state"] = "TERMINATED" if state == "CANCELED" else state
        order = {"field": "key" if self.old else "processInstanceKey", "order": "desc"}
        return {"filter": filters, "sort": [order], "page": {"limit": limit}}

    def elements(self, instance: int, limit: int) -> tuple[dict[str, Any], ...]:
        """Searches that together find all elements of an instance."""
        page = {"limit": limit}
        if not self.old:
            return ({"filter": {"processInstanceKey": str(instance)}, "page": page},)
        return tuple(
            {"filter": {"processInstanceKey": instance, "incident": flag}, "page": page} for flag in (False, True)
        )

    def user_tasks(
        self, instance: int | None, state: str | None, element: str | None, page: tuple[int, int]
    ) -> dict[str, Any]:
        """User tasks, the newest first: from which on, counted from zero, and how many at most."""
        filters: dict[str, Any] = {}
        if instance is not None:
            filters["processInstanceKey"] = self.key(instance)
        if state is not None:
            filters["state"] = state
        if element is not None:
            filters["elementId"] = element
        order = {"field": "creationDate", "order": "desc"}
        return {"filter": filters, "sort": [order], "page": {"from": page[0], "limit": page[1]}}

    def one_user_task(self, key: int) -> dict[str, Any]:
        """The user task of that key."""
        return {"filter": {"key" if self.old else "userTaskKey": self.key(key)}, "page": {"limit": 1}}

    def incidents(self, instance: int | None, state: str | None, limit: int) -> dict[str, Any]:
        """Incidents."""
        filters: dict[str, Any] = {}
        if instance is not None:
            filters["processInstanceKey"] = self.key(instance)
        if state is not None:
            filters["state"] = state
        return {"filter": filters, "page": {"limit": limit}}
