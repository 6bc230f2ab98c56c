"""The service's own log."""

from __future__ import annotations

import io
import json
import os

import pytest
import structlog

from service_kit import parts, project
from workers.core.errors import UsageError
from workers.core.settings import Settings
from workers.service.log_control import LogControl
from workers.service.logs import configure


@pytest.fixture
def file():
    yield io.StringIO()
    structlog.reset_defaults()


def lines(file: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_the_level_changes_while_the_log_is_written(file):
    """A debug event is dropped at the level info and kept as soon as the level is debug."""
    control = LogControl(Settings())
    configure(control, file, as_text=False)
    structlog.get_logger().debug("unheard")
    control.set_level("debug")
    structlog.get_logger().debug("heard")
    assert [line["event"] for line in lines(file)] == ["heard"]
    with pytest.raises(UsageError, match="loud"):
        control.set_level("loud")


def test_a_secret_is_taken_out_of_the_finished_line(file, tmp_path, monkeypatch):
    """A secret that was resolved once is masked in keys, values, tracebacks and escaped forms."""
    monkeypatch.setitem(os.environ, "A_SECRET", 'hunter"22')
    assembly = parts(project(tmp_path))
    configure(assembly.log, file, as_text=False)
    assembly.context.secrets.value("secret://env/A_SECRET")
    try:
        int('hunter"22')
    except ValueError:
        structlog.get_logger().exception("failed", value='hunter"22')
    assert "hunter" not in file.getvalue()
    assert lines(file)[0]["value"] == "***"


def test_what_is_bound_to_a_task_is_in_every_line(file):
    """One id goes through everything: the process instance, the run and the stack."""
    configure(LogControl(Settings()), file, as_text=False)
    with structlog.contextvars.bound_contextvars(process_instance=7, run="8-1", stack="local/web1"):
        structlog.get_logger().info("said")
    assert lines(file)[0].items() >= {"process_instance": 7, "run": "8-1", "stack": "local/web1"}.items()
