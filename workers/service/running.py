"""What runs here: the ``sluis up`` of a data folder, and where its engine and its web service are reached."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from pydantic import ValidationError

from workers.core.settings import Settings
from workers.core.values import Record, now
from workers.engine.embedded import find_running

HEARTBEAT_SECONDS: Final = 5.0
_CLOCK_TOLERANCE: Final = 2.0


class UpState(Record):
    """What a running ``sluis up`` writes down: ``<data>/up.json``."""

    pid: int
    created: float
    grpc_address: str
    rest_address: str
    since: str


def find_up(settings: Settings) -> UpState | None:
    """The ``sluis up`` that runs on the data folder, if there is one; a left-over file is not taken for one."""
    try:
        state = UpState.model_validate_json(_state_file(settings).read_bytes())
        process = psutil.Process(state.pid)
        alive = abs(process.create_time() - state.created) < _CLOCK_TOLERANCE
    except (OSError, ValidationError, psutil.Error):
        return None
    return state if alive and process.status() != psutil.STATUS_ZOMBIE else None


def located(settings: Settings) -> Settings:
    """The settings with the addresses of the engine that runs here, which may have moved to free ports."""
    if settings.engine != "embedded":
        return settings
    found = find_up(settings) or find_running(settings.data_folder)
    if found is None:
        return settings
    return settings.model_copy(update={"grpc_address": found.grpc_address, "rest_address": found.rest_address})


def web_address(settings: Settings) -> str:
    """Where people reach the web service; empty where none is known."""
    if settings.web_url:
        return settings.web_url.rstrip("/")
    try:
        content = json.loads((settings.data_folder / "web.json").read_bytes())
        os.kill(int(content["pid"]), 0)
        return str(content["address"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def linked_address(settings: Settings) -> str:
    """What links for people begin with: the address that the settings give them, on a laptop that of this machine."""
    if settings.web_url or settings.engine == "embedded":
        return web_address(settings)
    return ""


@contextmanager
def written(settings: Settings) -> Iterator[None]:
    """The state file, for the time of a block."""
    path = _state_file(settings)
    created = psutil.Process().create_time()
    state = UpState(
        pid=os.getpid(), created=created, grpc_address=settings.grpc_address, rest_address=settings.rest_address,
        since=now().isoformat(),
    )  # fmt: skip
    partial = path.with_suffix(".partial")
    partial.write_text(state.model_dump_json(indent=1))
    partial.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _state_file(settings: Settings) -> Path:
    return settings.data_folder / "up.json"
