"""One reading of the field names of 8.6 and of 8.8+."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from workers.engine.rest_queries import Dialect
from workers.engine.rest_records import read_element, read_incident, read_instance, read_user_task

TASK_86 = {
    "key": 2251799813689635,
    "state": "CREATED",
    "assignee": "act",
    "elementId": "Task_Review",
    "elementInstanceKey": 2251799813689633,
    "candidateGroup": ["approvers"],
    "processDefinitionId": "TerraformChange",
    "processInstanceKey": 2251799813689627,
    "creationDate": "2026-11-23T19:40:46.367Z",
}
TASK_88 = TASK_86 | {
    "key": None,
    "userTaskKey": "2251799813689635",
    "elementInstanceKey": "2251799813689633",
    "candidateGroup": None,
    "candidateGroups": ["approvers"],
    "processInstanceKey": "2251799813689627",
}
INSTANCE_86 = {
    "key": 11,
    "processDefinitionVersion": 2,
    "bpmnProcessId": "VmProvisioning",
    "parentKey": 9,
    "startDate": "2026-11-23T19:40:46.367+0000",
    "endDate": "2026-11-23T19:40:55.333+0000",
    "state": "CANCELED",
    "incident": True,
}
INSTANCE_88 = {
    "processInstanceKey": "11",
    "processDefinitionVersion": 2,
    "processDefinitionId": "VmProvisioning",
    "parentProcessInstanceKey": "9",
    "startDate": "2026-11-23T19:40:46.367Z",
    "endDate": "2026-11-23T19:40:55.333Z",
    "state": "TERMINATED",
    "hasIncident": True,
}


def test_a_user_task_reads_the_same_from_both_versions() -> None:
    """8.6's numeric ``key`` and ``candidateGroup`` and 8.8's strings give one and the same task."""
    task = read_user_task(TASK_86)
    assert task == read_user_task(TASK_88)
    assert (task.key, task.groups, task.assignee) == (2251799813689635, ("approvers",), "act")
    assert task.created == datetime(2026, 11, 23, 19, 40, 46, 367000, tzinfo=UTC)


def test_an_instance_reads_the_same_from_both_versions() -> None:
    """Keys, parents, states and dates of both versions give one and the same instance."""
    instance = read_instance(INSTANCE_86)
    assert instance == read_instance(INSTANCE_88)
    assert (instance.parent_key, instance.state, instance.ended) == (9, "CANCELED", True)


@pytest.mark.parametrize("parent", [{}, {"parentKey": None}, {"parentProcessInstanceKey": "-1"}, {"parentKey": -1}])
def test_an_instance_without_caller_is_a_root(parent: dict[str, Any]) -> None:
    """However a version says that there is no parent."""
    assert read_instance({"key": 1, "state": "ACTIVE"} | parent).parent_key is None


def test_elements_and_incidents_read_the_same_from_both_versions() -> None:
    """flowNode… and element… are one."""
    old = {"flowNodeInstanceKey": 5, "processInstanceKey": 1, "flowNodeId": "a", "type": "USER_TASK", "state": "ACTIVE"}
    new = {
        "elementInstanceKey": "5",
        "processInstanceKey": "1",
        "elementId": "a",
        "type": "USER_TASK",
        "state": "ACTIVE",
    }
    assert read_element(old) == read_element(new)
    old_incident = {
        "key": 5,
        "processInstanceKey": 1,
        "flowNodeId": "a",
        "errorType": "X",
        "state": "ACTIVE",
        "jobKey": 3,
    }
    new_incident = {
        "incidentKey": "5",
        "processInstanceKey": "1",
        "elementId": "a",
        "errorType": "X",
        "state": "ACTIVE",
        "jobKey": "3",
    }
    assert read_incident(old_incident) == read_incident(new_incident)


def test_searches_for_8_6_name_every_state_and_new_ones_use_string_keys() -> None:
    """8.6 finds nothing without the state flags; 8.8 wants keys as strings."""
    assert Dialect(old=True).instances(7, None, None, 10)["filter"]["incidents"] is True
    assert Dialect(old=False).instances(7, None, "CANCELED", 10)["filter"] == {
        "parentProcessInstanceKey": "7",
        "state": "TERMINATED",
    }
    assert len(Dialect(old=True).elements(1, 10)) == 2
