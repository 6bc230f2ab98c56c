"""What the REST API tells of tasks, instances, elements and incidents; one reading of 8.6's and 8.8+'s field names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Item = Mapping[str, Any]


@dataclass(frozen=True)
class UserTask:
    """A user task as the engine records it.

    Attributes:
        key: the task's key.
        element: id of the BPMN element.
        element_instance: key of this execution of the element.
        process_instance: key of the instance that the element belongs to (a called block has its own).
        process: id of the BPMN process.
        state: CREATED, COMPLETED, CANCELED, FAILED (8.8+ also ASSIGNING, COMPLETING, ...).
        assignee: who claimed or was given it; empty where nobody.
        groups: candidate groups.
        created: when it was created.
        completed: when it ended.
        form_key: key of the linked form; zero where there is none.
    """

    key: int
    element: str
    element_instance: int
    process_instance: int
    process: str
    state: str
    assignee: str = ""
    groups: tuple[str, ...] = ()
    created: datetime | None = None
    completed: datetime | None = None
    form_key: int = 0


@dataclass(frozen=True)
class Instance:
    """A process instance.

    Attributes:
        key: the instance's key.
        process_id: id of the BPMN process.
        version: version of the process.
        state: ACTIVE, COMPLETED or CANCELED (8.8+ says TERMINATED; read as CANCELED).
        parent_key: key of the instance that called it; None for a root.
        start: when it started.
        end: when it ended; None while it is active.
        has_incident: it, or an instance that it called, waits for a person.
    """

    key: int
    process_id: str
    version: int
    state: str
    parent_key: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    has_incident: bool = False

    @property
    def ended(self) -> bool:
        """Nothing more will happen in it."""
        return self.state != "ACTIVE"


@dataclass(frozen=True)
class ElementInstance:
    """One execution of one BPMN element.

    Attributes:
        type: e.g. ``SERVICE_TASK``, ``USER_TASK``, ``CALL_ACTIVITY``.
        name: 8.8+ only; 8.6 tells no names.
        state: ACTIVE, COMPLETED or TERMINATED.
    """

    key: int
    element: str
    process_instance: int
    type: str
    state: str
    name: str = ""
    start: datetime | None = None
    end: datetime | None = None
    has_incident: bool = False


@dataclass(frozen=True)
class Incident:
    """Something that waits for a person.

    Attributes:
        type: e.g. ``JOB_NO_RETRIES``, ``UNHANDLED_ERROR_EVENT``, ``EXTRACT_VALUE_ERROR``.
        message: the reason.
        job: key of the job; zero where it is not about a job.
        state: ACTIVE, PENDING or RESOLVED.
    """

    key: int
    process_instance: int
    element: str
    type: str
    message: str
    state: str
    job: int = 0
    created: datetime | None = None


def read_user_task(item: Item) -> UserTask:
    """A user task of a search answer."""
    groups = _first(item, "candidateGroups", "candidateGroup") or ()
    return UserTask(
        key=_key(item, "userTaskKey", "key"),
        element=item.get("elementId") or "",
        element_instance=_key(item, "elementInstanceKey"),
        process_instance=_key(item, "processInstanceKey"),
        process=_first(item, "processDefinitionId", "bpmnProcessId") or "",
        state=item.get("state") or "",
        assignee=item.get("assignee") or "",
        groups=(groups,) if isinstance(groups, str) else tuple(groups),
        created=_moment(item, "creationDate"),
        completed=_moment(item, "completionDate"),
        form_key=_key(item, "formKey"),
    )


def read_instance(item: Item) -> Instance:
    """A process instance of a search answer."""
    state = item.get("state") or ""
    return Instance(
        key=_key(item, "processInstanceKey", "key"),
        process_id=_first(item, "processDefinitionId", "bpmnProcessId") or "",
        version=int(_first(item, "processDefinitionVersion", "processVersion") or 0),
        state="CANCELED" if state == "TERMINATED" else state,
        parent_key=_key(item, "parentProcessInstanceKey", "parentKey") or None,
        start=_moment(item, "startDate"),
        end=_moment(item, "endDate"),
        has_incident=bool(_first(item, "hasIncident", "incident")),
    )


def read_element(item: Item) -> ElementInstance:
    """An element instance of a search answer."""
    return ElementInstance(
        key=_key(item, "elementInstanceKey", "flowNodeInstanceKey", "key"),
        element=_first(item, "elementId", "flowNodeId") or "",
        process_instance=_key(item, "processInstanceKey"),
        type=item.get("type") or "",
        state=item.get("state") or "",
        name=_first(item, "elementName", "flowNodeName") or "",
        start=_moment(item, "startDate"),
        end=_moment(item, "endDate"),
        has_incident=bool(_first(item, "hasIncident", "incident")),
    )


def read_incident(item: Item) -> Incident:
    """An incident of a search answer."""
    return Incident(
        key=_key(item, "incidentKey", "key"),
        process_instance=_key(item, "processInstanceKey"),
        element=_first(item, "elementId", "flowNodeId") or "",
        type=item.get("errorType") or "",
        message=item.get("errorMessage") or "",
        state=item.get("state") or "",
        job=_key(item, "jobKey"),
        created=_moment(item, "creationTime"),
    )


def _first(item: Item, *names: str) -> Any:
    return next((item[name] for name in names if item.get(name) is not None), None)


def _key(item: Item, *names: str) -> int:
    """A key, which 8.6 writes as a number and 8.8 as a string; zero where it is absent or -1."""
    return max(int(_first(item, *names) or 0), 0)


def _moment(item: Item, name: str) -> datetime | None:
    text = item.get(name)
    return datetime.fromisoformat(text) if text else None
