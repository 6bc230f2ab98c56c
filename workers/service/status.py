"""What runs at this moment: engine, workers, runs, open tasks, stacks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from workers.catalogue.reading import read_catalogue
from workers.core.errors import EngineError
from workers.core.records import Run
from workers.core.values import JsonValue, now
from workers.service.assembly import Assembly, open_gateway, open_rest
from workers.service.checks import place_of
from workers.service.running import HEARTBEAT_SECONDS, find_up


@dataclass(frozen=True)
class WorkerSeen:
    """A worker by its heartbeat file.

    Attributes:
        alive: its process is there and its heart beat a moment ago.
        problems: ``file:line: message`` for each module or role that it could not read.
    """

    name: str
    pid: int
    since: str
    alive: bool
    job_types: tuple[str, ...]
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {
            "name": self.name, "pid": self.pid, "since": self.since, "alive": self.alive,
            "job_types": list(self.job_types), "problems": list(self.problems),
        }  # fmt: skip


@dataclass(frozen=True)
class Status:
    """What runs.

    Attributes:
        engine: version of the engine; empty where it does not answer.
        trouble: why it does not.
        up: process id of ``sluis up``; zero where it does not run.
        open_tasks: open user tasks; None where the engine does not answer.
        problems: ``file:line: message`` of what is broken in the project's folders at this moment.
        untold: notices of the last day that a channel did not take, with the reason.
    """

    engine: str
    trouble: str
    address: str
    up: int
    workers: tuple[WorkerSeen, ...]
    runs: dict[str, int]
    stacks: dict[str, int]
    open_tasks: int | None
    problems: tuple[str, ...]
    untold: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """The engine answers, and somebody works."""
        return bool(self.engine) and any(w.alive for w in self.workers)

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {
            "good": self.good,
            "engine": {"version": self.engine, "address": self.address, "trouble": self.trouble},
            "up": self.up or None,
            "workers": [w.as_json() for w in self.workers],
            "runs": dict(self.runs),
            "stacks": dict(self.stacks),
            "open_tasks": self.open_tasks,
            "problems": list(self.problems),
            "untold": list(self.untold),
        }


async def status(assembly: Assembly) -> Status:
    """Look at everything once."""
    version, trouble = await _engine(assembly)
    state = find_up(assembly.settings)
    runs = await assembly.context.runs.all()
    return Status(
        engine=version,
        trouble=trouble,
        address=assembly.settings.rest_address,
        up=state.pid if state else 0,
        workers=workers_seen(assembly.settings.data_folder / "workers"),
        runs=dict(Counter(r.state.value for r in runs)),
        stacks=dict(Counter(s.state for s in await assembly.context.stacks.all())),
        open_tasks=await _open_tasks(assembly) if version else None,
        problems=tuple(place_of(p) for p in read_catalogue(assembly.context.project).problems),
        untold=untold(runs),
    )


def untold(runs: Iterable[Run]) -> tuple[str, ...]:
    """What channels did not take in the last day, as runs of ``notify.send`` say; newest first."""
    since = now() - timedelta(days=1)
    return tuple(line for run in runs if run.job_type == "notify.send" and run.created > since for line in _failed(run))


def _failed(run: Run) -> Iterator[str]:
    notice = run.result.get("notice")
    channels = notice.get("channels") if isinstance(notice, dict) else None
    for name, said in (channels if isinstance(channels, dict) else {}).items():
        if str(said).startswith("failed"):
            yield f"{name}: {said} (run {run.id})"


def workers_seen(folder: Path) -> tuple[WorkerSeen, ...]:
    """The workers that have a heartbeat file."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(_seen(json.loads(path.read_text())))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being written or removed at this moment
    return tuple(found)


def _seen(content: dict[str, Any]) -> WorkerSeen:
    fresh = now() - datetime.fromisoformat(content["beat"]) < timedelta(seconds=4 * HEARTBEAT_SECONDS)
    problems = (
        f"{p['path']}:{p['line']}: {p['message']}" if p.get("line") else f"{p['path']}: {p['message']}"
        for p in content["problems"]
    )
    return WorkerSeen(
        name=content["name"],
        pid=int(content["pid"]),
        since=content["since"],
        alive=fresh and psutil.pid_exists(int(content["pid"])),
        job_types=tuple(content["job_types"]),
        problems=tuple(problems),
    )


async def _engine(assembly: Assembly) -> tuple[str, str]:
    try:
        async with open_gateway(assembly.settings) as gateway:
            return (await gateway.topology(within=3)).gateway_version, ""
    except EngineError as error:
        return "", error.message.splitlines()[0]


async def _open_tasks(assembly: Assembly) -> int | None:
    try:
        async with open_rest(assembly.settings) as rest:
            return len(await rest.user_tasks(state="CREATED", limit=1000))
    except EngineError:
        return None
