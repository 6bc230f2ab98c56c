"""What engines from 8.8 add for task listeners: the user task in the job, and a completion that denies.

pyzeebe's messages are of an older protocol. The ones here are cuts of ``gateway.proto`` of 8.8.21, equal to it on the
wire: ``ActivatedJob.userTask`` and ``CompleteJobRequest.result``. An older engine sends and reads none of these fields.
"""

from __future__ import annotations

import json
from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from pyzeebe.proto import gateway_pb2 as pb

from workers.core.job import ListenedTask

_Field = tuple[str, int, "FieldDescriptorProto.Type.ValueType"]
_STRING: Final = FieldDescriptorProto.TYPE_STRING
_INT64: Final = FieldDescriptorProto.TYPE_INT64
_BOOL: Final = FieldDescriptorProto.TYPE_BOOL
_MESSAGE: Final = FieldDescriptorProto.TYPE_MESSAGE
_KEY_HEADER: Final = "io.camunda.zeebe:userTaskKey"
_ASSIGNEE_HEADER: Final = "io.camunda.zeebe:assignee"
_PACKAGE: Final = "sluis.listeners"


def _message(name: str, *fields: _Field, inner: str = "") -> DescriptorProto:
    made = DescriptorProto(name=name)
    for field, number, kind in fields:
        added = made.field.add(name=field, number=number, type=kind, label=FieldDescriptorProto.LABEL_OPTIONAL)
        if kind == _MESSAGE:
            added.type_name = f".{_PACKAGE}.{inner}"
    return made


_POOL: Final = DescriptorPool()
_POOL.Add(
    FileDescriptorProto(
        name="sluis_listeners.proto",
        package=_PACKAGE,
        syntax="proto3",
        message_type=[
            _message("UserTask", ("assignee", 2, _STRING), ("key", 10, _INT64)),
            _message("Listening", ("task", 15, _MESSAGE), inner="UserTask"),
            _message("Result", ("denied", 1, _BOOL), ("reason", 3, _STRING), ("type", 4, _STRING)),
            _message("Denial", ("job", 1, _INT64), ("result", 3, _MESSAGE), inner="Result"),
        ],
    )
)


def _class(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


_LISTENING: Final = _class("Listening")
_DENIAL: Final = _class("Denial")


def listened_task(job: pb.ActivatedJob) -> ListenedTask | None:
    """The user task of a task listener's job; None for other jobs and at older engines.

    The broker says it in headers of its own; the gateway of a cluster makes ``userTask`` of them, that of 8.8.21's
    engine in memory passes them on as they are.
    """
    found = _LISTENING.FromString(job.SerializeToString())
    if found.HasField("task"):
        return ListenedTask(found.task.key, found.task.assignee)
    headers = json.loads(job.customHeaders or "{}")
    if _KEY_HEADER not in headers:
        return None
    return ListenedTask(int(headers[_KEY_HEADER]), headers.get(_ASSIGNEE_HEADER, ""))


def denial(job_key: int, reason: str) -> pb.CompleteJobRequest:
    """The completion of a task listener's job that denies what was to happen with the user task."""
    wanted = _DENIAL(job=job_key, result={"denied": True, "reason": reason, "type": "userTask"})
    request: pb.CompleteJobRequest = pb.CompleteJobRequest.FromString(wanted.SerializeToString())
    return request
