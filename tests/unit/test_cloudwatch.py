"""The service's log in CloudWatch Logs, as moto's server keeps it."""

from __future__ import annotations

import io
import json
import sys
import time

import boto3
import pytest
import structlog

from aws_server import aws_server, use_aws
from workers.core.settings import Settings
from workers.service.cloudwatch import Both, CloudWatch
from workers.service.log_control import LogControl
from workers.service.logs import configure, log_to_stderr

GROUP = "/sluis/test"


@pytest.fixture
def logs(monkeypatch):
    with aws_server() as address:
        use_aws(monkeypatch, address, "CLOUDWATCH_LOGS", "eu-west-1")
        yield boto3.client("logs")
    structlog.reset_defaults()


def kept(logs, stream: str = "w1") -> list[dict]:
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)["events"]
    return [json.loads(event["message"]) for event in events]


def sent(stream: CloudWatch) -> None:
    """All that waits is sent."""
    stream.start()
    stream.close()


def test_a_worker_s_log_is_in_cloudwatch_too(logs, monkeypatch):
    """What is logged is on standard error and in the stream: one JSON object per line, ids in it, secrets out of it."""
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    settings = Settings(log_group=GROUP, rest_password="hunter-22")
    with (
        log_to_stderr(settings, "w1"),
        structlog.contextvars.bound_contextvars(process_instance=7, run="8-1", stack="local/web1"),
    ):
        structlog.get_logger().info("said", value="with hunter-22 in it")
        structlog.get_logger().debug("too quiet")
    [line] = kept(logs)
    assert line["value"] == "with *** in it"
    assert line.items() >= {"event": "said", "process_instance": 7, "run": "8-1", "stack": "local/web1"}.items()
    assert json.loads(err.getvalue()) == line


def test_two_workers_write_into_streams_of_their_own(logs):
    """The group is made by the first, a stream by each; lines keep their order over many batches."""
    for name in ("w1", "w2"):
        stream = CloudWatch(GROUP, name)
        for number in range(2500):
            stream.put(json.dumps({"n": number}))
        sent(stream)
    for name in ("w1", "w2"):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, logStreamNames=[name])
        assert [json.loads(e["message"])["n"] for page in pages for e in page["events"]] == list(range(2500))


def test_lines_wait_for_aws_and_what_is_lost_is_counted(monkeypatch, logs, capsys):
    """While nobody answers lines wait, what is too much is dropped, and the count is told once lines are taken."""
    address = logs.meta.endpoint_url
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:9")
    stream = CloudWatch(GROUP, "w1", most=3, pause=0.05)
    stream.start()
    deadline = time.monotonic() + 20
    stream.put('{"n": 0}')
    while not (complaint := capsys.readouterr().err):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert json.loads(complaint.splitlines()[0])["event"] == "log.not_sent"
    for number in range(1, 6):
        stream.put(json.dumps({"n": number}))
    assert stream.dropped == 3
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", address)
    stream._client = None
    stream.close()
    assert kept(logs)[:3] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert kept(logs)[3].items() >= {"event": "log.dropped", "lines": 3}.items()


def test_a_very_long_line_is_cut(logs):
    """A line beyond what CloudWatch takes does not hold up the others."""
    stream = CloudWatch(GROUP, "w1")
    for text in ("é" * 400_000, "short"):
        stream.put(text)
    sent(stream)
    events = logs.get_log_events(logGroupName=GROUP, logStreamName="w1", startFromHead=True)["events"]
    assert [len(e["message"].encode()) for e in events] == [250_000, 5]


def test_a_terminal_stays_a_terminal():
    """What else takes the lines changes nothing of how they are written for a person."""
    file = io.StringIO()
    stream = CloudWatch(GROUP, "w1")
    configure(LogControl(Settings()), Both(file, stream), as_text=True)
    structlog.get_logger().info("said", run="8-1")
    structlog.reset_defaults()
    assert "run=8-1" in file.getvalue()
