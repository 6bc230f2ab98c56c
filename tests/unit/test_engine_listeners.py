"""Task listeners on the wire: our cuts of the protocol of 8.8 against bytes that its own classes read and write."""

import json

from pyzeebe.proto import gateway_pb2 as pb

from workers.core.job import ListenedTask
from workers.engine.listeners import denial, listened_task


def test_a_denial_has_the_bytes_that_8_8_reads_as_one():
    """8.8.21's CompleteJobRequest reads these bytes as job 7, denied, reason 'no way', type 'userTask'."""
    assert denial(7, "no way").SerializeToString().hex() == "08071a1408011a066e6f207761792208757365725461736b"


def test_the_user_task_is_read_from_the_protocols_field():
    """Field 15 with assignee (2) and key (10) becomes the task, though pyzeebe's own message does not know it."""
    task = bytes([0x12, 3]) + b"act" + bytes([0x50, 77])
    job = pb.ActivatedJob.FromString(pb.ActivatedJob(key=1).SerializeToString() + bytes([0x7A, len(task)]) + task)
    assert listened_task(job) == ListenedTask(77, "act")


def test_the_user_task_is_read_from_the_brokers_headers():
    """Where the gateway passes on the broker's headers, they say the same; an unclaimed task has no assignee."""
    headers = {"io.camunda.zeebe:userTaskKey": "77", "io.camunda.zeebe:assignee": "act"}
    assert listened_task(pb.ActivatedJob(customHeaders=json.dumps(headers))) == ListenedTask(77, "act")
    del headers["io.camunda.zeebe:assignee"]
    assert listened_task(pb.ActivatedJob(customHeaders=json.dumps(headers))) == ListenedTask(77)


def test_other_jobs_listen_to_nothing():
    """A job of 8.6, with headers of the model, is about no user task."""
    assert listened_task(pb.ActivatedJob(customHeaders='{"reviewElement": "Task_ReviewChange"}')) is None
