"""What is known of a running `sluis up`, and of workers by their heartbeat."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import psutil
import pytest

from workers.core.errors import BusyError
from workers.core.settings import Settings
from workers.core.values import now
from workers.service.local import _ports, down
from workers.service.running import UpState, find_up, located
from workers.service.status import workers_seen


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings(project=tmp_path, data=Path("data"), cache=tmp_path / "cache")


def write(settings: Settings, pid: int, created: float) -> None:
    state = UpState(
        pid=pid, created=created, grpc_address="127.0.0.1:1", rest_address="http://127.0.0.1:2", since="now"
    )
    (settings.data_folder / "up.json").write_text(state.model_dump_json())


def test_a_running_up_is_found_with_its_addresses(settings: Settings) -> None:
    """Commands speak to the engine where it really is, though it moved to free ports."""
    write(settings, os.getpid(), psutil.Process().create_time())
    found = find_up(settings)
    assert found is not None
    assert found.pid == os.getpid()
    assert located(settings).rest_address == "http://127.0.0.1:2"


def test_a_file_left_by_a_dead_up_is_not_believed(settings: Settings) -> None:
    """A process that is gone, or another one that got its id, is not taken for a running up."""
    write(settings, os.getpid(), psutil.Process().create_time() - 3600)
    assert find_up(settings) is None
    write(settings, 2**22 + 1, 0)
    assert find_up(settings) is None
    (settings.data_folder / "up.json").write_text("{")
    assert find_up(settings) is None
    assert located(settings) == settings


async def test_down_with_nothing_running_does_nothing(settings: Settings) -> None:
    """`sluis down` never signals a process that is not a running up, this one for example."""
    write(settings, os.getpid(), psutil.Process().create_time() - 3600)
    assert await down(settings, 1) is None


def test_busy_ports_are_named_or_moved_away_from(settings: Settings) -> None:
    """A port in use is an error with its owner for `up`, and a reason to take free ports for the demonstration."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        taken = settings.model_copy(update={"grpc_address": f"127.0.0.1:{port}"})
        with pytest.raises(BusyError, match=f"Port {port} .*process {os.getpid()}"):
            _ports(taken, move_ports=False)
        assert _ports(taken, move_ports=True).grpc != port


def test_dead_workers_are_told_from_living_ones(tmp_path: Path) -> None:
    """A heartbeat file counts only while its process is there and it is fresh; problems name file and line."""
    problem = {"kind": "terraform", "name": "bad", "path": "/p/main.tf", "line": 3, "message": "not closed"}
    alive = {
        "name": "a", "pid": os.getpid(), "since": now().isoformat(), "beat": now().isoformat(), "job_types": ["x"],
        "problems": [problem],
    }  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(alive))
    (tmp_path / "b.json").write_text(json.dumps(alive | {"name": "b", "beat": "2020-01-01T00:00:00+00:00"}))
    (tmp_path / "c.json").write_text(json.dumps(alive | {"name": "c", "pid": 2**22 + 1}))
    (tmp_path / "d.json").write_text('{"name"')
    seen = {worker.name: worker for worker in workers_seen(tmp_path)}
    assert {name: worker.alive for name, worker in seen.items()} == {"a": True, "b": False, "c": False}
    assert seen["a"].problems == ("/p/main.tf:3: not closed",)
